"""Gives service ports to the apps that asked for any: each is used once in the whole tree.

Source: docs/ports.md of Marathon 1.5: `--local_port_min`, `--local_port_max`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec

from mesosctl.runtime.marathon.model.app import App, PortDefinition, PortMapping
from mesosctl.runtime.marathon.model.errors import ValidationError, Violation
from mesosctl.runtime.marathon.model.group import Group, apps, find_app, put

_replace = msgspec.structs.replace


def assign_service_ports(old: Group, new: Group, low: int, high: int) -> Group:
    """The new tree, with a port of low…high-1 for each service port 0. An app keeps those it has in the old tree.

    Raises ValidationError when there are too few.
    """
    every = apps(new)
    waiting = [app for app in every.values() if not app_has_all(app)]
    if not waiting:
        return new
    used = {port for app in every.values() for port in app.service_ports}
    free = (port for port in range(low, high) if port not in used)
    for app in waiting:
        before = find_app(old, app.id)
        kept = [port for port in before.service_ports if low <= port < high and port not in used] if before else []
        new = put(new, _assign(app, _Ports(kept, free, used)))
    return new


def app_has_all(app: App) -> bool:
    """Whether no service port is left to give. With `requirePorts`, 0 is any port of the host's and stays."""
    return app.requirePorts or 0 not in app.service_ports


class _Ports:
    """First those that the app had, then free ones."""

    def __init__(self, kept: list[int], free: Iterator[int], used: set[int]) -> None:
        self._ports = itertools.chain(kept, free)
        self._used = used

    def next(self) -> int:
        port = next(self._ports, None)
        if port is None:
            raise ValidationError(
                Violation("/", "no service port is free between --local_port_min and --local_port_max")
            )
        self._used.add(port)
        return port


def _assign(app: App, ports: _Ports) -> App:
    if app.network == "host":
        return _replace(app, portDefinitions=tuple(_definition(port, ports) for port in app.portDefinitions or ()))
    assert app.container is not None
    mappings = tuple(_mapping(port, ports) for port in app.container.portMappings or ())
    return _replace(app, container=_replace(app.container, portMappings=mappings))


def _definition(port: PortDefinition, ports: _Ports) -> PortDefinition:
    return port if port.port else _replace(port, port=ports.next())


def _mapping(port: PortMapping, ports: _Ports) -> PortMapping:
    return port if port.servicePort else _replace(port, servicePort=ports.next())
