"""The tree of groups, apps and pods, and functions from one tree to the next. A tree is never changed: what is not
touched is shared by the old and the new one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias, TypeVar

import msgspec

from mesosctl.runtime.marathon.model.app import App
from mesosctl.runtime.marathon.model.paths import child_of, parent
from mesosctl.runtime.marathon.model.pod import Pod

Item = TypeVar("Item")
RunSpec: TypeAlias = App | Pod
"""What instances are made of."""


class Group(msgspec.Struct, frozen=True):
    """A group. The tree's root is the group `/`."""

    id: str = "/"
    apps: dict[str, App] = {}
    pods: dict[str, Pod] = {}
    groups: dict[str, Group] = {}
    """All three by absolute id."""
    dependencies: tuple[str, ...] = ()
    """Ids of the groups and apps that must be up before anything in this group is started."""
    version: str = ""


def walk(group: Group) -> Iterator[Group]:
    """It and all groups below it, parents first."""
    yield group
    for below in group.groups.values():
        yield from walk(below)


def apps(group: Group) -> dict[str, App]:
    """All apps below it, by id."""
    return {id: app for below in walk(group) for id, app in below.apps.items()}


def pods(group: Group) -> dict[str, Pod]:
    """All pods below it, by id."""
    return {id: pod for below in walk(group) for id, pod in below.pods.items()}


def run_specs(group: Group) -> dict[str, RunSpec]:
    """All apps and pods below it, by id."""
    return {**apps(group), **pods(group)}


def with_instances(spec: RunSpec, count: int) -> RunSpec:
    """The same with another number of instances."""
    if isinstance(spec, Pod):
        return msgspec.structs.replace(spec, scaling=msgspec.structs.replace(spec.scaling, instances=count))
    return msgspec.structs.replace(spec, instances=count)


def find_group(root: Group, id: str) -> Group | None:
    """The group of that id at or below this one."""
    while root.id != id:
        step = child_of(root.id, id)
        below = root.groups.get(step) if step else None
        if below is None:
            return None
        root = below
    return root


def find_app(root: Group, id: str) -> App | None:
    """The app of that id."""
    group = find_group(root, parent(id))
    return group.apps.get(id) if group else None


def find_pod(root: Group, id: str) -> Pod | None:
    """The pod of that id."""
    group = find_group(root, parent(id))
    return group.pods.get(id) if group else None


def put(root: Group, item: App | Pod | Group) -> Group:
    """The tree with this app, pod or group in its place; groups that lead to it are made as needed."""
    if item.id == root.id and isinstance(item, Group):
        return item
    if parent(item.id) != root.id:
        step = child_of(root.id, item.id)
        if step is None:
            raise ValueError(f"{item.id} is not below {root.id}")
        below = put(root.groups.get(step) or Group(step, version=item.version), item)
        return msgspec.structs.replace(root, groups={**root.groups, step: below})
    if isinstance(item, App):
        return msgspec.structs.replace(root, apps={**root.apps, item.id: item})
    if isinstance(item, Pod):
        return msgspec.structs.replace(root, pods={**root.pods, item.id: item})
    return msgspec.structs.replace(root, groups={**root.groups, item.id: item})


def remove(root: Group, id: str) -> Group:
    """The tree without the app, pod or group of that id."""
    if id == root.id:
        return Group(root.id)
    step = child_of(root.id, id)
    if step is None:
        return root
    if step in root.groups and step != id:
        return msgspec.structs.replace(root, groups={**root.groups, step: remove(root.groups[step], id)})
    return msgspec.structs.replace(
        root, apps=_without(root.apps, id), pods=_without(root.pods, id), groups=_without(root.groups, id)
    )


def _without(items: dict[str, Item], id: str) -> dict[str, Item]:
    return {key: item for key, item in items.items() if key != id}
