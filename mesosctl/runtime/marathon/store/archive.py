"""The store's values and what they mean, in memory: changes in, values to write out; versions and trees on request.

Kept are the last `max_versions` definitions of an app and changes of the root, and whatever something that is kept
refers to. No I/O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from mesosctl.runtime.marathon.core.outside import Change as CoreChange
from mesosctl.runtime.marathon.core.outside import (
    DeploymentAdded,
    DeploymentRemoved,
    InstanceChanged,
    InstanceRemoved,
    RootChanged,
)
from mesosctl.runtime.marathon.core.records import Deployment, Instance, Snapshot
from mesosctl.runtime.marathon.model import App, Group, Pod, RunSpec
from mesosctl.runtime.marathon.model.group import find_group
from mesosctl.runtime.marathon.store import records
from mesosctl.runtime.marathon.store.records import Change, GroupNode, StoredDeployment, StoredInstance, read, write
from mesosctl.runtime.marathon.store.trees import Tables, assemble, difference

Item = TypeVar("Item", App, Pod)
Values = dict[str, bytes | None]
Failure = dict[str, Any]
Known = dict[str, Any]
"""Definitions that were read, by key: the trees that are read together share them."""


class Archive:
    """`record` and `framework_id` give what is to be written; everything else reads."""

    def __init__(self, values: dict[str, bytes], max_versions: int) -> None:
        """`values` are all there are. Raises msgspec.MsgspecError, zlib.error where they are damaged."""
        self._max_versions = max_versions
        self._definitions: dict[str, bytes] = {}
        self._current = Tables()
        self._changes: dict[str, Change] = {}
        """By the version they led to, the oldest first."""
        self._instances: dict[str, StoredInstance] = {}
        self._deployments: dict[str, StoredDeployment] = {}
        self._versions: dict[str, list[str]] = {}
        """Of each app and pod, by its key without a version, the oldest first."""
        self._uses: Counter[str] = Counter()
        """How often a definition is referred to by what is kept."""
        self.framework_id: str | None = None
        self.subscribers: list[str] = []
        """The URLs that events are posted to."""
        self.failures: dict[str, Failure] = {}
        """How a task of an app failed last, as clients read it, by app."""
        for key, value in values.items():
            self._load(key, value)
        self._changes = dict(sorted(self._changes.items()))
        for versions in self._versions.values():
            versions.sort()
        for change in self._changes.values():
            self._uses.update(_mentioned(change))
        self._uses.update(_instance_key(each) for each in self._instances.values())

    # Writing.

    def subscribed(self, framework_id: str | None) -> Values:
        """The framework's id is this; None: there is none any more."""
        self.framework_id = framework_id
        return {records.FRAMEWORK: None if framework_id is None else write(framework_id)}

    def subscribers_are(self, urls: list[str]) -> Values:
        self.subscribers = urls
        return {records.SUBSCRIBERS: write(urls)}

    def failed(self, app_id: str, failure: Failure | None) -> Values:
        """None: there is nothing to tell of the app any more."""
        if failure is not None:
            self.failures[app_id] = failure
        elif self.failures.pop(app_id, None) is None:
            return {}
        return {f"{records.FAILURE}{app_id}": _written(failure)}

    def record(self, changes: Sequence[CoreChange]) -> Values:
        values: Values = {}
        for change in changes:
            match change:
                case RootChanged(old, new):
                    self._root_changed(old, new, values)
                case InstanceChanged(instance):
                    self._instance_changed(instance, values)
                case InstanceRemoved(id):
                    self._instance_removed(id, values)
                case DeploymentAdded(deployment):
                    stored = StoredDeployment(
                        deployment.version,
                        deployment.original.version,
                        deployment.target.version,
                        deployment.steps,
                        deployment.kills,
                    )
                    self._deployments[deployment.id] = stored
                    values[f"{records.DEPLOYMENT}{deployment.id}"] = write(stored)
                case DeploymentRemoved(id):
                    if self._deployments.pop(id, None):
                        values[f"{records.DEPLOYMENT}{id}"] = None
        return values

    # Reading.

    def snapshot(self) -> Snapshot:
        """All that is current."""
        known: Known = {}
        root = self._tree(self._current, known)
        trees = {root.version: root}
        deployments = []
        for id, stored in self._deployments.items():
            for version in (stored.original, stored.target):
                tables = None if version in trees else self._tables_at(version)
                if tables is not None:
                    trees[version] = self._tree(tables, known)
            if stored.original in trees and stored.target in trees:
                deployments.append(
                    Deployment(
                        id=id,
                        version=stored.version,
                        original=trees[stored.original],
                        target=trees[stored.target],
                        steps=stored.steps,
                        kills=stored.kills,
                    )
                )
        instances = [
            Instance(
                id=id,
                app=self._spec(stored, known),
                since=stored.since,
                condition=stored.condition,
                goal=stored.goal,
                incarnation=stored.incarnation,
                agent=stored.agent,
                task=stored.task,
                created=stored.created,
                others=stored.others,
                reservation=stored.reservation,
            )
            for id, stored in self._instances.items()
        ]
        return Snapshot(root=root, instances=tuple(instances), deployments=tuple(deployments))

    def app_versions(self, id: str) -> list[str]:
        """The newest first."""
        return self._versions.get(f"{records.APP}{id}", [])[::-1]

    def app_at(self, id: str, version: str) -> App | None:
        key = records.definition_key(records.APP, id, version)
        return self._definition(key, App, {}) if key in self._definitions else None

    def pod_versions(self, id: str) -> list[str]:
        """The newest first."""
        return self._versions.get(f"{records.POD}{id}", [])[::-1]

    def pod_at(self, id: str, version: str) -> Pod | None:
        key = records.definition_key(records.POD, id, version)
        return self._definition(key, Pod, {}) if key in self._definitions else None

    def root_at(self, version: str) -> Group | None:
        tables = self._tables_at(version)
        return None if tables is None else self._tree(tables, {})

    def group_at(self, id: str, version: str) -> Group | None:
        root = self.root_at(version)
        return find_group(root, id) if root else None

    def group_versions(self, id: str) -> list[str]:
        """The root's versions in which there was such a group, the newest first."""
        tables = self._current.copy()
        found = []
        for version, change in reversed(self._changes.items()):
            if id in tables.groups:
                found.append(version)
            tables.undo(change)
        return found

    # The parts.

    def _load(self, key: str, value: bytes) -> None:
        kind, _, rest = key.partition(":")
        id, at, version = rest.rpartition("@")
        match f"{kind}:":
            case records.APP | records.POD if at:
                self._definitions[key] = value
                self._versions.setdefault(f"{kind}:{id}", []).append(version)
            case records.APP:
                self._current.apps[rest] = read(value, str)
            case records.POD:
                self._current.pods[rest] = read(value, str)
            case records.GROUP:
                self._current.groups[rest] = read(value, GroupNode)
            case records.CHANGE:
                self._changes[rest] = read(value, Change)
            case records.INSTANCE:
                self._instances[rest] = read(value, StoredInstance)
            case records.DEPLOYMENT:
                self._deployments[rest] = read(value, StoredDeployment)
            case records.FAILURE:
                self.failures[rest] = read(value, Failure)
            case _ if key == records.FRAMEWORK:
                self.framework_id = read(value, str)
            case _ if key == records.SUBSCRIBERS:
                self.subscribers = read(value, list[str])

    def _root_changed(self, old: Group, new: Group, values: Values) -> None:
        change, added = difference(old, new)
        for item in added:
            prefix = records.APP if isinstance(item, App) else records.POD
            key = records.definition_key(prefix, item.id, item.version)
            if key not in self._definitions:
                self._definitions[key] = write(item)
                values[key] = self._definitions[key]
                self._versions.setdefault(f"{prefix}{item.id}", []).append(item.version)
        self._current.do(change)
        for id in change.apps:
            values[f"{records.APP}{id}"] = _written(self._current.apps.get(id))
        for id in change.pods:
            values[f"{records.POD}{id}"] = _written(self._current.pods.get(id))
        for id in change.groups:
            values[f"{records.GROUP}{id}"] = _written(self._current.groups.get(id))
        values[f"{records.CHANGE}{new.version}"] = write(change)
        self._changes[new.version] = change
        self._uses.update(_mentioned(change))
        self._forget_changes(values)
        self._forget_definitions([*_keys(change)], values)

    def _forget_changes(self, values: Values) -> None:
        """Those that are too old, as long as no deployment goes back behind them."""
        needed = {version for each in self._deployments.values() for version in (each.original, each.target)}
        while len(self._changes) > self._max_versions:
            version, change = next(iter(self._changes.items()))
            if version in needed or change.previous in needed:
                return
            del self._changes[version]
            values[f"{records.CHANGE}{version}"] = None
            self._uses.subtract(_mentioned(change))
            self._forget_definitions(_keys(change), values)

    def _forget_definitions(self, items: Iterable[str], values: Values) -> None:
        """Of these apps and pods, those versions that are too old and that nothing refers to."""
        for item in items:
            versions = self._versions.get(item, [])
            kept = self._max_versions if self._version_of(item) else 0
            for version in versions[: max(0, len(versions) - kept)]:
                key = f"{item}@{version}"
                if self._uses[key] <= 0 and version != self._version_of(item):
                    versions.remove(version)
                    del self._definitions[key], self._uses[key]
                    values[key] = None
            if not versions:
                self._versions.pop(item, None)

    def _instance_changed(self, instance: Instance, values: Values) -> None:
        stored = StoredInstance(
            app=(instance.app.id, instance.app.version),
            since=instance.since,
            condition=instance.condition,
            goal=instance.goal,
            incarnation=instance.incarnation,
            agent=instance.agent,
            task=instance.task,
            created=instance.created,
            others=instance.others,
            reservation=instance.reservation,
            pod=isinstance(instance.app, Pod),
        )
        before = self._instances.get(instance.id)
        key = _instance_key(stored)
        if before is None or _instance_key(before) != key:
            self._uses[key] += 1
            if key not in self._definitions:
                self._definitions[key] = write(instance.app)
                values[key] = self._definitions[key]
                self._versions.setdefault(_item_key(stored), []).append(instance.app.version)
            if before is not None:
                self._uses[_instance_key(before)] -= 1
        self._instances[instance.id] = stored
        values[f"{records.INSTANCE}{instance.id}"] = write(stored)

    def _instance_removed(self, id: str, values: Values) -> None:
        stored = self._instances.pop(id, None)
        if stored:
            values[f"{records.INSTANCE}{id}"] = None
            self._uses[_instance_key(stored)] -= 1
            self._forget_definitions([_item_key(stored)], values)

    def _version_of(self, item: str) -> str | None:
        """The current version of an app or pod, by its key."""
        kind, _, id = item.partition(":")
        return (self._current.apps if f"{kind}:" == records.APP else self._current.pods).get(id)

    def _tables_at(self, version: str) -> Tables | None:
        tables = self._current.copy()
        for at, change in reversed(self._changes.items()):
            if at == version:
                return tables
            tables.undo(change)
            if change.previous == version:
                return tables
        return None

    def _tree(self, tables: Tables, known: Known) -> Group:
        apps = {
            id: self._definition(records.definition_key(records.APP, id, version), App, known)
            for id, version in tables.apps.items()
        }
        pods = {
            id: self._definition(records.definition_key(records.POD, id, version), Pod, known)
            for id, version in tables.pods.items()
        }
        return assemble(tables.groups, apps, pods)

    def _spec(self, stored: StoredInstance, known: Known) -> RunSpec:
        key = _instance_key(stored)
        return self._definition(key, Pod, known) if stored.pod else self._definition(key, App, known)

    def _definition(self, key: str, kind: type[Item], known: Known) -> Item:
        if key not in known:
            known[key] = read(self._definitions[key], kind)
        found: Item = known[key]
        return found


def _written(value: object) -> bytes | None:
    return None if value is None else write(value)


def _instance_key(stored: StoredInstance) -> str:
    return records.definition_key(records.POD if stored.pod else records.APP, *stored.app)


def _item_key(stored: StoredInstance) -> str:
    return f"{records.POD if stored.pod else records.APP}{stored.app[0]}"


def _keys(change: Change) -> list[str]:
    return [*(f"{records.APP}{id}" for id in change.apps), *(f"{records.POD}{id}" for id in change.pods)]


def _mentioned(change: Change) -> list[str]:
    """The definitions that a change names."""
    return [
        records.definition_key(prefix, id, version)
        for prefix, table in ((records.APP, change.apps), (records.POD, change.pods))
        for id, versions in table.items()
        for version in versions
        if version is not None
    ]
