"""The steps from one tree of apps to another.

As Marathon orders them: stop what is no more; make what is new, with no instance yet; then, dependencies first, scale
and restart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from mesosctl.runtime.marathon.core.records import Action, Deployment, Step
from mesosctl.runtime.marathon.model import (
    Group,
    Pod,
    RunSpec,
    config_version,
    dependency_order,
    find_group,
    put,
    remove,
    run_specs,
    walk,
)


def plan(
    id: str,
    original: Group,
    target: Group,
    version: str,
    stale: Callable[[RunSpec], bool] = lambda _: False,
    kills: Mapping[str, Collection[str]] | None = None,
) -> Deployment:
    """`stale`: whether an app has instances of other configurations. `kills`: instances to prefer, by app."""
    before, after = run_specs(original), run_specs(target)
    steps = [
        [_on("StopApplication", spec) for id, spec in before.items() if id not in after],
        [_on("StartApplication", spec) for id, spec in after.items() if id not in before],
    ]
    for together in dependency_order(target):
        changes = (_action(before.get(id), after[id], stale) for id in together)
        steps.append([_on(name, after[id]) for id, name in zip(together, changes, strict=True) if name])
    return Deployment(
        id=id,
        version=version,
        original=original,
        target=target,
        steps=tuple(Step(tuple(actions)) for actions in steps if actions),
        kills={app: tuple(ids) for app, ids in (kills or {}).items()},
    )


def _on(name: str, spec: RunSpec) -> Action:
    return Action(name, spec.id, pod=isinstance(spec, Pod))


def _action(before: RunSpec | None, after: RunSpec, stale: Callable[[RunSpec], bool]) -> str | None:
    if before is None:
        return "ScaleApplication"
    if before == after:
        return None
    if config_version(before) != config_version(after) or stale(after):
        return "RestartApplication"
    return "ScaleApplication" if before.instances != after.instances else None


def reverted(root: Group, deployment: Deployment) -> Group:
    """The tree without what a deployment changed; groups that it made go where nothing else is in them."""
    before = run_specs(deployment.original)
    for group in walk(deployment.original):
        if find_group(deployment.target, group.id) is None and find_group(root, group.id) is None:
            root = put(root, Group(group.id, dependencies=group.dependencies, version=group.version))
    for app_id in deployment.affected:
        root = put(root, before[app_id]) if app_id in before else remove(root, app_id)
    known = {group.id for group in walk(deployment.original)}
    made = [group.id for group in walk(deployment.target) if group.id not in known]
    for group_id in reversed(made):
        found = find_group(root, group_id)
        if found and not (found.apps or found.pods or found.groups):
            root = remove(root, group_id)
    return root
