"""Apps, pods and groups as clients read them.

What is not set is left out; so are empty collections, but for those that Marathon always writes. A number without a
fraction is written as an integer. Compared with what a Marathon of 2018 answered.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mesosctl.runtime.marathon.model.app import (
    App,
    Constraint,
    Container,
    Docker,
    ExternalVolume,
    HealthCheck,
    PortMapping,
)
from mesosctl.runtime.marathon.model.group import Group
from mesosctl.runtime.marathon.model.pod import Placement, Pod

Json = dict[str, Any]

_PLAIN = frozenset({str, int, bool})
_COLLECTIONS = frozenset({tuple, dict, str})

_ALWAYS: dict[type[msgspec.Struct], frozenset[str]] = {
    App: frozenset({"executor", "labels", "networks", "portDefinitions"}),
    Container: frozenset({"volumes", "portMappings"}),
    Docker: frozenset({"parameters"}),
    ExternalVolume: frozenset({"options"}),
    PortMapping: frozenset({"labels"}),
    Placement: frozenset({"constraints", "acceptedResourceRoles"}),
    Pod: frozenset({"labels", "environment", "containers", "secrets", "volumes", "networks"}),
}
"""Empty collections and texts that are written."""


def app_json(app: App) -> Json:
    """The app as in `GET /v2/apps/{id}`, without what Marathon tells of its instances."""
    return _struct(app)


def pod_json(pod: Pod) -> Json:
    """The pod as in `GET /v2/pods/{id}`."""
    return _struct(msgspec.structs.replace(pod, versionInfo=None))


def group_json(group: Group) -> Json:
    """The group as in `GET /v2/groups/{id}`, with all that is in it."""
    return {
        "id": group.id,
        "dependencies": list(group.dependencies),
        "version": group.version,
        "apps": [app_json(app) for app in group.apps.values()],
        "groups": [group_json(below) for below in group.groups.values()],
        "pods": [pod_json(pod) for pod in group.pods.values()],
    }


def _value(value: object) -> object:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, Constraint):
        return [value.fieldName, value.operator] + ([] if value.value is None else [value.value])
    if isinstance(value, msgspec.Struct):
        made = _struct(value)
        if isinstance(value, HealthCheck) and value.ipProtocol == "IPv4":
            del made["ipProtocol"]
        return made
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        return {key: _value(item) for key, item in value.items()}
    raise TypeError(kind)


def _struct(struct: msgspec.Struct) -> Json:
    always = _ALWAYS.get(type(struct), ())
    made = {}
    for name, value in zip(struct.__struct_fields__, msgspec.structs.astuple(struct), strict=True):
        if value or (value is not None and (name in always or type(value) not in _COLLECTIONS)):
            made[name] = _value(value)
    return made
