"""What is wrong with the container, the volumes, the ports and the networks of an app.

The rules are Marathon's: its RAML, docs/{networking,ports,persistent-volumes}.md of 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence

from mesosctl.runtime.marathon.model.app import (
    App,
    Container,
    Network,
    PersistentVolume,
    PortDefinition,
    PortMapping,
    Volume,
)
from mesosctl.runtime.marathon.model.errors import Violation

LARGEST_AMOUNT = 2**53
"""Megabytes that a resource, which is a double, can count."""
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def container_violations(app: App) -> Iterator[Violation]:
    """Of the container and the ports."""
    if app.container is not None:
        yield from _image(app.container)
        for i, volume in enumerate(app.container.volumes):
            yield from _volume(volume, f"/container/volumes({i})")
        paths = [volume.containerPath for volume in app.container.volumes]
        if len(set(paths)) < len(paths):
            yield Violation("/container/volumes", "each containerPath must be used once")
        if app.container.type == "DOCKER" and sum(network.mode == "container" for network in app.networks) > 1:
            yield Violation("/", "may only specify a single container network when using the Docker container engine")
        yield from _mappings(app.container.portMappings or (), app.networks)
    yield from _definitions(app.portDefinitions or ())


def network_violations(networks: tuple[Network, ...], path: str) -> Iterator[Violation]:
    """Of an app's or a pod's networks: one of the host's, one bridge, or some with names of their own."""
    modes = {network.mode for network in networks}
    if len(modes) > 1:
        yield Violation(path, "networks of different modes may not be mixed")
    elif len(networks) > 1 and modes != {"container"}:
        yield Violation(path, f"there may be only one network of mode {networks[0].mode}")
    names = [network.name for network in networks if network.name is not None]
    if len(set(names)) < len(names):
        yield Violation(path, "each network may be joined once")
    for i, network in enumerate(networks):
        if network.mode == "container" and not network.name:
            yield Violation(f"{path}({i})/name", "must be given, as there is no --default_network_name")
        if network.mode != "container" and network.name is not None:
            yield Violation(f"{path}({i})/name", "is only for the mode container")


def persistent_violations(volume: PersistentVolume, path: str) -> Iterator[Violation]:
    """Of the disk for a persistent volume."""
    if not 0 < volume.size <= LARGEST_AMOUNT:
        yield Violation(f"{path}/size", "must be greater than 0" if volume.size <= 0 else "error.max")
    if volume.maxSize is not None and volume.type != "mount":
        yield Violation(path, "Only mount volumes can have maxSize")
    elif volume.maxSize is not None and volume.maxSize <= volume.size:
        yield Violation(path, "Max size must be larger than size")
    if volume.constraints and volume.type == "root":
        yield Violation(path, "Constraints on root volumes are not supported")
    for i, constraint in enumerate(volume.constraints):
        if constraint.fieldName != "path" or constraint.operator not in ("LIKE", "UNLIKE") or not constraint.value:
            yield Violation(f"{path}/constraints({i})", "only path with LIKE or UNLIKE and a value is supported")


def port_violation(port: int | None, path: str) -> Iterator[Violation]:
    """Of a port's number."""
    if port is not None and not 0 <= port <= 65535:
        yield Violation(path, "must be between 0 and 65535")


def _image(container: Container) -> Iterator[Violation]:
    if container.docker is not None:
        if not container.docker.image:
            yield Violation("/container/docker/image", "must not be empty")
        if container.type == "MESOS" and container.docker.parameters:
            yield Violation("/container/docker/parameters", "must be empty for the type MESOS")
        for i, parameter in enumerate(container.docker.parameters):
            if not parameter.key:
                yield Violation(f"/container/docker/parameters({i})/key", "must not be empty")
        if container.docker.pullConfig is not None:
            yield Violation("/container/docker/pullConfig", "secrets are not supported")
    if container.appc is not None:
        if not container.appc.image:
            yield Violation("/container/appc/image", "must not be empty")
        if container.appc.id is not None and not re.fullmatch(r"sha512-.+", container.appc.id):
            yield Violation("/container/appc/id", "must be sha512- and a digest")
    if container.type == "DOCKER" and container.docker is None:
        yield Violation("/container/docker", "not defined")
    if (container.type == "DOCKER" or container.docker is not None) and container.appc is not None:
        yield Violation("/container", "mesos containers should specify, at most, a single image type")


def _volume(volume: Volume, path: str) -> Iterator[Violation]:
    if not volume.containerPath:
        yield Violation(f"{path}/containerPath", "must not be empty")
    if volume.external is not None:
        yield Violation(f"{path}/external", "external volumes are not supported")
    elif volume.persistent is not None:
        yield from persistent_violations(volume.persistent, f"{path}/persistent")
        if "/" in volume.containerPath or volume.containerPath in (".", ".."):
            yield Violation(f"{path}/containerPath", "must be a name in the sandbox, without a slash")
        if volume.mode != "RW":
            yield Violation(f"{path}/mode", "must be RW for a persistent volume")
        if volume.hostPath is not None:
            yield Violation(f"{path}/hostPath", "is not for a persistent volume")
    elif not volume.hostPath:
        yield Violation(f"{path}/hostPath", "must not be empty")


def _definitions(ports: tuple[PortDefinition, ...]) -> Iterator[Violation]:
    for i, port in enumerate(ports):
        yield from port_violation(port.port, f"/portDefinitions({i})/port")
        yield from _name(port.name, f"/portDefinitions({i})/name")
    yield from _unique([port.name for port in ports if port.name], "/portDefinitions", "Port names must be unique.")
    yield from _unique([port.port for port in ports if port.port], "/portDefinitions", "Ports must be unique.")


def _mappings(ports: tuple[PortMapping, ...], networks: tuple[Network, ...]) -> Iterator[Violation]:
    known = {network.name for network in networks if network.mode == "container"}
    for i, port in enumerate(ports):
        path = f"/container/portMappings({i})"
        for name in ("containerPort", "hostPort", "servicePort"):
            yield from port_violation(getattr(port, name), f"{path}/{name}")
        yield from _name(port.name, f"{path}/name")
        if strange := [name for name in port.networkNames if name not in known]:
            yield Violation(f"{path}/networkNames", f"there is no network {strange[0]} in networks")
        if port.hostPort is not None and len(known) > 1 and len(port.networkNames) != 1:
            yield Violation(f"{path}/hostPort", "must be empty, or networkNames must name the one network it is for")
    names = [port.name for port in ports if port.name]
    yield from _unique(names, "/container/portMappings", "Port names must be unique.")
    fixed = [(port.hostPort, port.protocol) for port in ports if port.hostPort]
    yield from _unique(fixed, "/container/portMappings", "Host ports must be unique.")


def _name(name: str | None, path: str) -> Iterator[Violation]:
    if name is not None and not NAME.fullmatch(name):
        yield Violation(path, f"must fully match regular expression '^{NAME.pattern}$'")


def _unique(items: Sequence[Hashable], path: str, message: str) -> Iterator[Violation]:
    if len(set(items)) < len(items):
        yield Violation(path, message)
