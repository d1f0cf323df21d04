"""What differs between a definition and an app that exists.

Marathon fills in defaults and turns old forms into new ones (`docker.portMappings`, `uris` …), so that what it shows is
never what was written. Only what the definition says is compared, in its new form; what it leaves out below a field
that it names must be empty or a default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

IGNORED = (
    *("id", "version", "versionInfo", "deployments", "tasks", "lastTaskFailure", "taskStats", "readinessCheckResults"),
    *("tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy"),
)
"""What Marathon adds to a definition when it shows an app."""
DEFAULTS: dict[str, Any] = {
    "protocol": ("tcp", "HTTP"),
    "name": ("default",),
    "mode": ("container",),
    "gracePeriodSeconds": (300,),
    "intervalSeconds": (60, 30),
    "maxConsecutiveFailures": (3,),
    "timeoutSeconds": (20, 10),
    "delaySeconds": (15,),
    "path": ("/",),
    "portIndex": (0,),
    "ipProtocol": ("IPv4",),
    "httpStatusCodesForReady": ([200],),
    "minimumHealthCapacity": (1,),
    "maximumOverCapacity": (1,),
    "networkNames": ([],),
    "extract": (True,),
}
"""Of the fields of nested objects: what stands there when nothing was written."""
NETWORKS = {"BRIDGE": "container/bridge", "HOST": "host", "USER": "container", "NONE": "host"}


@dataclass(frozen=True, slots=True)
class Difference:
    field: str
    now: Any
    wanted: Any


def differences(wanted: Json, app: Json) -> list[Difference]:
    """The top-level fields of `wanted` in which the app is another one."""
    modern = modernised(wanted)
    return [
        Difference(name, app.get(name), value)
        for name, value in modern.items()
        if name not in IGNORED and not _agrees(value, app.get(name), name)
    ]


def modernised(definition: Json) -> Json:
    """The definition in the form in which Marathon 1.5 shows it."""
    found = dict(definition)
    container = dict(found.get("container") or {})
    docker = dict(container.get("docker") or {})
    network = docker.pop("network", None)
    mappings = docker.pop("portMappings", None)
    if network is not None and "networks" not in found:
        found["networks"] = [{"mode": NETWORKS.get(str(network), str(network))}]
    if mappings is not None:
        container["portMappings"] = mappings
    if docker and "docker" in container:
        container["docker"] = docker
    if container:
        found["container"] = container
    if "uris" in found:
        found["fetch"] = [{"uri": uri} for uri in found.pop("uris") or ()]
    if "ports" in found:
        found["portDefinitions"] = [{"port": port} for port in found.pop("ports") or ()]
    if "constraints" in found:
        found["constraints"] = [[part for part in each if part != ""] for each in found["constraints"] or ()]
    return found


def _agrees(wanted: Any, now: Any, name: str) -> bool:
    if isinstance(wanted, dict) and isinstance(now, dict):
        told = all(_agrees(value, now.get(key), key) for key, value in wanted.items())
        return told and all(key in wanted or _default(key, value) for key, value in now.items())
    if isinstance(wanted, list) and isinstance(now, list):
        if len(wanted) != len(now):
            return False
        if name == "constraints":
            return [_texts(each) for each in wanted] == [_texts(each) for each in now]
        return all(_agrees(one, other, name) for one, other in zip(wanted, now, strict=True))
    if isinstance(wanted, bool) or isinstance(now, bool):
        return bool(wanted) == bool(now) if now is None or wanted is None else wanted is now
    if name in ("servicePort", "port") and wanted == 0:
        return True  # any will do, and Marathon chose one
    if not wanted and not now:
        return True
    if now is None:
        return _default(name, wanted)
    return bool(wanted == now)


def _texts(constraint: Any) -> list[str]:
    return [str(part) for part in constraint if part != ""] if isinstance(constraint, list) else [str(constraint)]


def _default(name: str, value: Any) -> bool:
    if not value or name == "servicePort":
        return True
    if isinstance(value, dict):
        return all(_default(key, each) for key, each in value.items())
    return value in DEFAULTS.get(name, ())
