"""Gives service ports to the apps that asked for any: each is used once in the whole tree.

Source: docs/ports.md of Marathon 1.5: `--local_port_min`, `--local_port_max`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec

from mesosctl.runtime.marathon.model.app import App, PortDefinition, PortMapping
from mesosctl.runtime.marathon.model.errors import ValidationError, Violation
from mesosctl.runtime.marathon.model.group import Group, apps, put

_replace = msgspec.structs.replace


def assign_service_ports(old: Group, new: Group, low: int, high: int) -> Group:
    """The new tree, with a port of low…high-1 for each service port 0. An app keeps those it has in the old tree,
    where none is missing.

    Raises ValidationError when there are too few.
    """
    every, before = apps(new), apps(old)
    waiting = [app for id, app in every.items() if app is not before.get(id) and not _has_all(app)]
    if not waiting:
        return new
    used = {port for app in every.values() for port in app.service_ports}
    kept = {app.id: _kept(before.get(app.id), low, high, used) for app in waiting}
    used.update(port for ports in kept.values() for port in ports)
    free = (port for port in range(low, high) if port not in used)
    for app in waiting:
        new = put(new, _assign(app, itertools.chain(kept[app.id], free)))
    return new


def _has_all(app: App) -> bool:
    """Whether no service port is left to give. With `requirePorts`, 0 is any port of the host's and stays."""
    return app.requirePorts or 0 not in app.service_ports


def _kept(before: App | None, low: int, high: int, used: set[int]) -> list[int]:
    return [port for port in before.service_ports if low <= port < high and port not in used] if before else []


def _assign(app: App, ports: Iterator[int]) -> App:
    if app.network == "host":
        return _replace(app, portDefinitions=tuple(_definition(port, ports) for port in app.portDefinitions or ()))
    assert app.container is not None
    mappings = tuple(_mapping(port, ports) for port in app.container.portMappings or ())
    return _replace(app, container=_replace(app.container, portMappings=mappings))


def _definition(port: PortDefinition, ports: Iterator[int]) -> PortDefinition:
    return port if port.port else _replace(port, port=_next(ports))


def _mapping(port: PortMapping, ports: Iterator[int]) -> PortMapping:
    return port if port.servicePort else _replace(port, servicePort=_next(ports))


def _next(ports: Iterator[int]) -> int:
    port = next(ports, None)
    if port is None:
        raise ValidationError(Violation("/", "no service port is free between --local_port_min and --local_port_max"))
    return port
