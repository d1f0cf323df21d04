"""Versions are times, and each change of the tree gets a new one, with the apps, pods and groups that it changes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from mesosctl.runtime.marathon.model import Group, RunSpec, VersionInfo, config_version, same_config

_replace = msgspec.structs.replace
Spec = TypeVar("Spec", bound=RunSpec)


def version_text(seconds: float) -> str:
    """A time since the epoch as in all of Marathon's JSON: `2026-01-31T12:00:00.000Z`."""
    at = datetime.fromtimestamp(round(seconds, 3), UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def seconds(version: str) -> float:
    """The time of a version, since the epoch."""
    return datetime.fromisoformat(version).timestamp()


def next_version(now: float, last: str) -> str:
    """Later than the last one, also within a millisecond and where the clock went back."""
    version = version_text(now)
    return version if version > last else version_text(seconds(last) + 0.001)


def versioned(
    old: Group, new: Group, version: str, *, restart: Collection[str] = (), returned: Collection[str] = ()
) -> Group:
    """`new` with that version in whatever differs from `old`, and in the groups on the way to it.

    `restart`: apps that count as changed. `returned`: apps that are as they once were; instances of then do for them.
    """
    if new is old and not restart:
        return old
    made = {id: _spec(old.apps.get(id), app, version, restart, returned) for id, app in new.apps.items()}
    pods = {id: _spec(old.pods.get(id), pod, version, restart, returned) for id, pod in new.pods.items()}
    groups = {
        id: versioned(old.groups.get(id) or Group(id), group, version, restart=restart, returned=returned)
        for id, group in new.groups.items()
    }
    found = _replace(new, apps=made, pods=pods, groups=groups, version=old.version)
    return old if found == old and old.version else _replace(found, version=version)


def _spec(before: Spec | None, app: Spec, version: str, restart: Collection[str], returned: Collection[str]) -> Spec:
    if app.id in restart:
        return _replace(app, version=version, versionInfo=VersionInfo(version, version))
    if app is before:
        return app
    if app.id in returned:
        return _replace(app, version=version, versionInfo=VersionInfo(version, config_version(app)))
    if before is None or before.versionInfo is None or not same_config(before, app):
        return _replace(app, version=version, versionInfo=VersionInfo(version, version))
    if before.instances != app.instances:
        return _replace(app, version=version, versionInfo=VersionInfo(version, config_version(before)))
    return before
