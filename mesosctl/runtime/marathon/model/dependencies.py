"""Which apps and pods wait for which others. What a group depends on, everything in it depends on; who depends on a
group, depends on everything in that. Pods name no dependencies of their own."""

from __future__ import annotations

from collections.abc import Collection

from mesosctl.runtime.marathon.model.group import Group, apps, pods, walk
from mesosctl.runtime.marathon.model.paths import below


def dependencies(root: Group) -> dict[str, frozenset[str]]:
    """Of each app, the apps that it waits for. Ids of nothing that exists are passed over, as Marathon does."""
    wanted = {id: frozenset(app.dependencies) for id, app in apps(root).items()}
    wanted.update((id, frozenset()) for id in pods(root))
    for group in walk(root):
        if group.dependencies:
            for id in (*apps(group), *pods(group)):
                wanted[id] |= frozenset(group.dependencies)
    return {
        id: frozenset(other for one in ids for other in _meant(one, wanted)) if ids else ids
        for id, ids in wanted.items()
    }


def dependency_order(root: Group) -> list[tuple[str, ...]]:
    """The ids of all apps: those that may be deployed together in one tuple, after those that they depend on.

    Apps in a cycle are left out; `cycle` finds them.
    """
    return _order(dependencies(root))


def cycle(root: Group) -> list[str]:
    """The ids of apps that wait for each other, sorted; empty if all can be started."""
    waits_for = dependencies(root)
    done = {id for together in _order(waits_for) for id in together}
    stuck = {id: waits_for[id] - done for id in waits_for.keys() - done}
    while free := stuck.keys() - {other for others in stuck.values() for other in others}:
        stuck = {id: others for id, others in stuck.items() if id not in free}
    return sorted(stuck)


def _order(waits_for: dict[str, frozenset[str]]) -> list[tuple[str, ...]]:
    missing = {id: len(others) for id, others in waits_for.items()}
    followers: dict[str, list[str]] = {}
    for id, others in waits_for.items():
        for other in others:
            followers.setdefault(other, []).append(id)
    order = []
    ready = tuple(id for id, count in missing.items() if not count)
    while ready:
        order.append(ready)
        freed = []
        for follower in (follower for id in ready for follower in followers.get(id, ())):
            missing[follower] -= 1
            if not missing[follower]:
                freed.append(follower)
        ready = tuple(freed)
    return order


def _meant(id: str, known: Collection[str]) -> list[str]:
    return [id] if id in known else [app for app in known if below(id, app)]
