"""The tree of groups as flat tables, as the store has it: how two trees differ, and a tree from its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from mesosctl.runtime.marathon.model import App, Group, Pod
from mesosctl.runtime.marathon.model.paths import ROOT, parent
from mesosctl.runtime.marathon.store.records import Change, GroupNode

Item = TypeVar("Item", App, Pod)
T = TypeVar("T")


@dataclass
class Tables:
    """A tree by ids: versions of apps and pods, groups without what is in them."""

    apps: dict[str, str] = field(default_factory=dict)
    pods: dict[str, str] = field(default_factory=dict)
    groups: dict[str, GroupNode] = field(default_factory=dict)

    def copy(self) -> Tables:
        return Tables(dict(self.apps), dict(self.pods), dict(self.groups))

    def undo(self, change: Change) -> None:
        for id, (old, _) in change.apps.items():
            _set(self.apps, id, old)
        for id, (old, _) in change.pods.items():
            _set(self.pods, id, old)
        for id, (node, _) in change.groups.items():
            _set(self.groups, id, node)

    def do(self, change: Change) -> None:
        for id, (_, new) in change.apps.items():
            _set(self.apps, id, new)
        for id, (_, new) in change.pods.items():
            _set(self.pods, id, new)
        for id, (_, node) in change.groups.items():
            _set(self.groups, id, node)


def difference(old: Group, new: Group) -> tuple[Change, list[App | Pod]]:
    """What is to be written of `new` where `old` is there already: the change, and the definitions that are new."""
    change = Change(previous=old.version)
    added: list[App | Pod] = []
    for before, after in _differing(old, new):
        node = _node(before), _node(after)
        id = (after or before or new).id
        if node[0] != node[1]:
            change.groups[id] = node
        added += _items(before.apps if before else {}, after.apps if after else {}, change.apps)
        added += _items(before.pods if before else {}, after.pods if after else {}, change.pods)
    return change, added


def assemble(groups: Mapping[str, GroupNode], apps: Mapping[str, App], pods: Mapping[str, Pod]) -> Group:
    """The root group."""
    apps_of: dict[str, dict[str, App]] = {}
    for id, app in apps.items():
        apps_of.setdefault(parent(id), {})[id] = app
    pods_of: dict[str, dict[str, Pod]] = {}
    for id, pod in pods.items():
        pods_of.setdefault(parent(id), {})[id] = pod
    below: dict[str, dict[str, Group]] = {}
    for id in sorted((id for id in groups if id != ROOT), key=_depth, reverse=True):
        below.setdefault(parent(id), {})[id] = _group(id, groups[id], apps_of, pods_of, below)
    return _group(ROOT, groups.get(ROOT, GroupNode()), apps_of, pods_of, below)


def _group(
    id: str,
    node: GroupNode,
    apps: Mapping[str, dict[str, App]],
    pods: Mapping[str, dict[str, Pod]],
    below: Mapping[str, dict[str, Group]],
) -> Group:
    return Group(
        id=id,
        apps=apps.get(id, {}),
        pods=pods.get(id, {}),
        groups=below.get(id, {}),
        dependencies=node.dependencies,
        version=node.version,
    )


def _differing(old: Group | None, new: Group | None) -> Iterator[tuple[Group | None, Group | None]]:
    """Pairs of groups of the same id that are not one and the same."""
    if old is new:
        return
    yield old, new
    before, after = old.groups if old else {}, new.groups if new else {}
    for id in before.keys() | after.keys():
        yield from _differing(before.get(id), after.get(id))


def _items(
    old: Mapping[str, Item], new: Mapping[str, Item], changes: dict[str, tuple[str | None, str | None]]
) -> list[Item]:
    added = []
    for id in old.keys() | new.keys():
        before, after = old.get(id), new.get(id)
        if before is after or (before and after and before.version == after.version):
            continue
        changes[id] = before.version if before else None, after.version if after else None
        if after:
            added.append(after)
    return added


def _node(group: Group | None) -> GroupNode | None:
    return GroupNode(group.version, group.dependencies) if group else None


def _depth(id: str) -> int:
    return id.count("/")


def _set(table: dict[str, T], id: str, value: T | None) -> None:
    if value is None:
        table.pop(id, None)
    else:
        table[id] = value
