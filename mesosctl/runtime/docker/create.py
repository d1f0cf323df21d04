"""The container that a task asks for: the body of Docker's create call, from its ContainerInfo and CommandInfo.

The rules are those of Apache Mesos (src/docker/docker.cpp, `Docker::RunOptions::create`).
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterable
from typing import Any

import msgspec

from mesosctl.runtime.docker.parameters import apply, publish
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo
from mesosctl.runtime.protocol.resources import Resource, Volume

Json = dict[str, Any]

NAME_PREFIX = "mesos-"
LABEL_AGENT = "mesos.agent.work_dir"
"""Tells the containers of an agent from those of others on the same engine."""
CPU_SHARES_PER_CPU = 1024
MIN_CPU_SHARES = 2
CFS_PERIOD_MICROSECONDS = 100_000
MIN_CFS_QUOTA_MICROSECONDS = 1000
MIN_MEMORY_BYTES = 32 * 2**20
_MB = 2**20
_Network = ContainerInfo.DockerInfo.Network
_MODES = {_Network.HOST: "host", _Network.BRIDGE: "bridge", _Network.NONE: "none"}


class Place(msgspec.Struct, frozen=True):
    """What the agent decides on: where the container is to be, and the engine it is on."""

    socket: str
    name: str
    sandbox: str
    """The directory on the host."""
    mapped_sandbox: str
    """Where the container sees it."""
    agent_work_dir: str
    cpus: float
    mem: float
    """In MB."""
    enable_cfs: bool = False
    binds: tuple[str, ...] = ()
    """Persistent volumes, as `docker run --volume` takes them."""


class RequestError(ValueError):
    """A container that cannot be asked for, and why."""


def create_request(
    place: Place,
    container: ContainerInfo,
    command: CommandInfo,
    resources: Iterable[Resource] = (),
    limits: tuple[float | None, float | None] = (None, None),
    environment: dict[str, str] | None = None,
) -> Json:
    """The body of the create call.

    `resources` are the task's (its ports are what may be published), `limits` its limits of cpus and memory (MB, both
    may be infinite), `environment` what it gets besides the command's. Raises RequestError and ParameterError.
    """
    docker = container.docker
    if docker is None:
        raise RequestError("No docker info found in container info")
    variables = dict(environment or {})
    for variable in command.environment.variables if command.environment else ():
        if variable.value is not None:
            variables[variable.name] = variable.value
    variables |= {"MESOS_SANDBOX": place.mapped_sandbox, "MESOS_CONTAINER_NAME": place.name}
    volumes = [_bind(volume, place) for volume in container.volumes]
    body: Json = {
        "Image": docker.image,
        "Env": [f"{name}={value}" for name, value in variables.items()],
        "Labels": {LABEL_AGENT: place.agent_work_dir},
        "Volumes": {path: {} for path in volumes if ":" not in path},
        "HostConfig": {
            "Privileged": docker.privileged,
            "Binds": [
                f"{place.sandbox}:{place.mapped_sandbox}",
                *place.binds,
                *(bind for bind in volumes if ":" in bind),
            ],
            "RestartPolicy": {"Name": "no"},
            **limits_of(place, *limits),
        },
    }
    if drivers := _volume_drivers(container):
        body["HostConfig"]["VolumeDriver"] = drivers
    _command(body, command)
    _network(body, container, resources)
    apply(body, docker.parameters)
    return body


def _command(body: Json, command: CommandInfo) -> None:
    """A shell's command replaces the entrypoint of the image; arguments are the entrypoint's."""
    if command.shell:
        if command.value is None:
            raise RequestError("Shell specified but no command value provided")
        body["Entrypoint"] = ["/bin/sh"]
        body["Cmd"] = ["-c", command.value]
        return
    arguments = [*([command.value] if command.value is not None else []), *command.arguments]
    if arguments:
        body["Cmd"] = arguments


def limits_of(place: Place, cpus_limit: float | None = None, mem_limit: float | None = None) -> Json:
    """The part of the body that says how much a container may use."""
    limits: Json = {}
    if place.cpus > 0:
        limits["CpuShares"] = max(int(CPU_SHARES_PER_CPU * place.cpus), MIN_CPU_SHARES)
    ceiling = cpus_limit if cpus_limit is not None else place.cpus if place.enable_cfs else math.inf
    if 0 < ceiling < math.inf:
        quota = max(int(CFS_PERIOD_MICROSECONDS * ceiling), MIN_CFS_QUOTA_MICROSECONDS)
        limits |= {"CpuPeriod": CFS_PERIOD_MICROSECONDS, "CpuQuota": quota}
    memory = mem_limit if mem_limit is not None else place.mem
    if 0 < memory < math.inf:
        limits["Memory"] = max(int(memory * _MB), MIN_MEMORY_BYTES)
    if mem_limit is not None:
        limits["MemoryReservation"] = max(int(place.mem * _MB), MIN_MEMORY_BYTES)
    return limits


def _bind(volume: Volume, place: Place) -> str:
    """A volume as `docker run --volume` takes it; only a path of the container for an anonymous one."""
    target = posixpath.join(place.mapped_sandbox, volume.container_path)
    source = volume.host_path
    if volume.source:
        match volume.source.type:
            case Volume.Source.Type.DOCKER_VOLUME if volume.source.docker_volume:
                return f"{volume.source.docker_volume.name}:{target}:{_mode(volume)}"
            case Volume.Source.Type.HOST_PATH if volume.source.host_path:
                source = volume.source.host_path.path
            case other:
                raise RequestError(f"Docker containers have no volumes of type {other}")
    if source is None:
        return target
    if ":" in source or ":" in target:
        raise RequestError(f"The path '{source if ':' in source else target}' of a volume has a colon")
    return f"{posixpath.join(place.sandbox, source)}:{target}:{_mode(volume)}"


def _mode(volume: Volume) -> str:
    return "ro" if volume.mode is Volume.Mode.RO else "rw"


def _volume_drivers(container: ContainerInfo) -> str | None:
    names = {container.docker.volume_driver} if container.docker and container.docker.volume_driver else set()
    for volume in container.volumes:
        if volume.source and volume.source.docker_volume and volume.source.docker_volume.driver:
            names.add(volume.source.docker_volume.driver)
    if len(names) > 1:
        raise RequestError("Only one volume driver is supported")
    return names.pop() if names else None


def _network(body: Json, container: ContainerInfo, resources: Iterable[Resource]) -> None:
    docker = container.docker
    assert docker is not None
    mode = _MODES.get(docker.network)
    if docker.network is _Network.USER:
        if len(container.network_infos) != 1 or not container.network_infos[0].name:
            raise RequestError("A user-defined network needs one network info with its name")
        mode = container.network_infos[0].name
        body["NetworkingConfig"] = {"EndpointsConfig": {mode: {}}}
    body["HostConfig"]["NetworkMode"] = mode
    if container.hostname:
        if docker.network is _Network.HOST:
            raise RequestError("Unable to set hostname with host network mode")
        body["Hostname"] = container.hostname
    if docker.port_mappings and docker.network not in (_Network.BRIDGE, _Network.USER):
        raise RequestError("Port mappings are only supported for bridge and user-defined networks")
    offered = [
        part for each in resources if each.name == "ports" and each.ranges is not None for part in each.ranges.range
    ]
    for mapping in docker.port_mappings:
        if not any(part.begin <= mapping.host_port <= part.end for part in offered):
            raise RequestError(f"Port [{mapping.host_port}] not included in resources")
        publish(body, mapping.container_port, str(mapping.host_port), (mapping.protocol or "tcp").lower())
