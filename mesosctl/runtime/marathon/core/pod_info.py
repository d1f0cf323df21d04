"""The task group of a pod's instance, and the default executor that runs it, on what an offer gave them.

After Marathon's docs/pods.md: containers share their executor's network and the volumes in its sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from mesosctl.runtime.marathon.core.checks import command_info
from mesosctl.runtime.marathon.core.environment import label_variables
from mesosctl.runtime.marathon.core.matching import Match
from mesosctl.runtime.marathon.core.records import Instance
from mesosctl.runtime.marathon.core.task_info import DEFAULT_BRIDGE, hostname, labels_of, uris
from mesosctl.runtime.marathon.model import EnvSecret, Pod, PodContainer
from mesosctl.runtime.marathon.model.pod import Endpoint, PodHealthCheck
from mesosctl.runtime.protocol import tasks
from mesosctl.runtime.protocol.basics import AgentID, DurationInfo, ExecutorID, FrameworkID, TaskID
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo, Environment, KillPolicy, NetworkInfo
from mesosctl.runtime.protocol.resources import Image, Volume
from mesosctl.runtime.protocol.tasks import DiscoveryInfo, ExecutorInfo, Port, Ports, TaskInfo

_VOLUMES = "volumes"
"""The folder of the executor's sandbox with the volumes that go with the pod."""
_replace = msgspec.structs.replace
Source = Volume.Source
Given = Sequence[tuple[Endpoint, int | None]]
"""Endpoints with their ports on the host."""


def executor_id(instance: Instance) -> str:
    """Another one for each incarnation: the last one's may still be ending."""
    return f"{instance.id}.{instance.incarnation}"


def executor_info(pod: Pod, instance: Instance, match: Match, framework_id: str) -> ExecutorInfo:
    networks = tuple(
        NetworkInfo(
            name=network.name or (DEFAULT_BRIDGE if network.mode == "container/bridge" else None),
            labels=labels_of(network.labels),
            port_mappings=tuple(_mappings(pod, match, network.name)),
        )
        for network in pod.networks
        if network.mode != "host"
    )
    return ExecutorInfo(
        executor_id=ExecutorID(executor_id(instance)),
        type=ExecutorInfo.Type.DEFAULT,
        framework_id=FrameworkID(framework_id),
        resources=(*match.shares[0].resources, *match.volumes),
        container=ContainerInfo(type=ContainerInfo.Type.MESOS, network_infos=networks) if networks else None,
        labels=labels_of(pod.labels),
    )


def task_group(pod: Pod, instance: Instance, match: Match) -> Iterator[TaskInfo]:
    """In the order of the pod's containers."""
    given = _given(pod, match)
    shared = {name: value for endpoint in given for name, value in _endpoint_variables(*endpoint).items()}
    for container, share in zip(pod.containers, match.shares[1:], strict=True):
        task_id = instance.task_of(container.name)
        own = tuple(zip(container.endpoints, share.ports, strict=True))
        variables = {**shared, **_variables(pod, container), "HOST": match.agent.host, "MESOS_TASK_ID": task_id}
        yield TaskInfo(
            name=container.name,
            task_id=TaskID(task_id),
            agent_id=AgentID(match.agent.id),
            resources=share.resources,
            command=_command(pod, container, variables),
            container=_container(pod, container),
            health_check=_health_check(container.healthCheck, own) if container.healthCheck else None,
            kill_policy=_kill_policy(container),
            labels=labels_of({**pod.labels, **container.labels}),
            discovery=_discovery(pod, own),
        )


def _given(pod: Pod, match: Match) -> Given:
    ports = (port for share in match.shares[1:] for port in share.ports)
    return tuple(zip(pod.endpoints, ports, strict=True))


def _mappings(pod: Pod, match: Match, network: str | None) -> Iterator[NetworkInfo.PortMapping]:
    """Those on the way through this network."""
    for endpoint, host in _given(pod, match):
        if host is not None and (not endpoint.networkNames or network in endpoint.networkNames):
            for protocol in endpoint.protocol:
                yield NetworkInfo.PortMapping(
                    host_port=host, container_port=endpoint.containerPort or host, protocol=protocol
                )


def _variables(pod: Pod, container: PodContainer) -> dict[str, str]:
    resources = container.resources
    return {
        "MARATHON_APP_ID": pod.id,
        "MARATHON_APP_VERSION": pod.version,
        "MARATHON_CONTAINER_ID": container.name,
        "MARATHON_CONTAINER_RESOURCE_CPUS": str(float(resources.cpus)),
        "MARATHON_CONTAINER_RESOURCE_MEM": str(float(resources.mem)),
        "MARATHON_CONTAINER_RESOURCE_DISK": str(float(resources.disk)),
        "MARATHON_CONTAINER_RESOURCE_GPUS": str(resources.gpus),
        **label_variables({**pod.labels, **container.labels}),
        **{
            name: value
            for name, value in (*pod.environment.items(), *container.environment.items())
            if not isinstance(value, EnvSecret)
        },
    }


def _endpoint_variables(endpoint: Endpoint, host: int | None) -> dict[str, str]:
    """All containers of a pod are told of all its endpoints."""
    name = re.sub(r"[^A-Z0-9_]", "_", endpoint.name.upper())
    found = {"EP_HOST": host, "EP_CONTAINER": endpoint.containerPort or host, "ENDPOINT": host}
    return {f"{prefix}_{name}": str(port) for prefix, port in found.items() if port is not None}


def _command(pod: Pod, container: PodContainer, variables: dict[str, str]) -> CommandInfo:
    words = command_info(container.exec.command) if container.exec else CommandInfo(shell=False)
    if container.image is not None and container.exec is not None and not container.exec.overrideEntrypoint:
        words = _replace(words, value=words.value if words.shell else None)  # arguments of the image's program
    return _replace(
        words,
        uris=uris(container.artifacts),
        environment=Environment(tuple(Environment.Variable(name=n, value=v) for n, v in variables.items())),
        user=container.user or pod.user,
    )


def _container(pod: Pod, container: PodContainer) -> ContainerInfo:
    known = {volume.name: volume for volume in pod.volumes}
    volumes = []
    for mount in container.volumeMounts:
        volume = known[mount.name]
        mode = Volume.Mode.RO if mount.readOnly else Volume.Mode.RW
        if volume.host is not None:
            volumes.append(Volume(mode=mode, container_path=mount.mountPath, host_path=volume.host))
            continue
        path = volume.name if volume.persistent else f"{_VOLUMES}/{volume.name}"
        parent = Source.SandboxPath(path, Source.SandboxPath.Type.PARENT)
        source = Source(type=Source.Type.SANDBOX_PATH, sandbox_path=parent)
        volumes.append(Volume(mode=mode, container_path=mount.mountPath, source=source))
    image = container.image
    found = None
    if image is not None and image.kind == "DOCKER":
        found = Image(type=Image.Type.DOCKER, docker=Image.Docker(image.id), cached=not image.forcePull)
    elif image is not None:
        appc = Image.Appc(name=image.id, labels=labels_of(image.labels))
        found = Image(type=Image.Type.APPC, appc=appc, cached=not image.forcePull)
    return ContainerInfo(
        type=ContainerInfo.Type.MESOS,
        volumes=tuple(volumes),
        mesos=ContainerInfo.MesosInfo(found) if found else None,
    )


def _health_check(check: PodHealthCheck, own: Given) -> tasks.HealthCheck:
    """Agents' checks run in the container's network: at the endpoint's port there."""
    ports = {endpoint.name: endpoint.containerPort or host or 0 for endpoint, host in own}
    kind = tasks.HealthCheck.Type
    http = tcp = command = None
    if check.http:
        scheme = (check.http.scheme or "HTTP").lower()
        http = tasks.HealthCheck.HTTPCheckInfo(
            port=ports[check.http.endpoint], scheme=scheme, path=check.http.path or "/"
        )
    elif check.tcp:
        tcp = tasks.HealthCheck.TCPCheckInfo(port=ports[check.tcp.endpoint])
    elif check.exec:
        command = command_info(check.exec.command)
    return tasks.HealthCheck(
        type=kind.HTTP if http else kind.TCP if tcp else kind.COMMAND,
        http=http,
        tcp=tcp,
        command=command,
        delay_seconds=float(check.delaySeconds),
        interval_seconds=float(check.intervalSeconds),
        timeout_seconds=float(check.timeoutSeconds),
        consecutive_failures=check.maxConsecutiveFailures,
        grace_period_seconds=float(check.gracePeriodSeconds),
    )


def _kill_policy(container: PodContainer) -> KillPolicy | None:
    if container.lifecycle is None or container.lifecycle.killGracePeriodSeconds is None:
        return None
    return KillPolicy(DurationInfo(round(container.lifecycle.killGracePeriodSeconds * 10**9)))


def _discovery(pod: Pod, own: Given) -> DiscoveryInfo:
    """Ports without one on the host are told by the one in the container."""
    ports = []
    for endpoint, host in own:
        scope = {}
        if pod.networks[0].mode != "host":
            scope = {"network-scope": "host" if host is not None else "container"}
        number = host if host is not None else endpoint.containerPort or 0
        for protocol in endpoint.protocol:
            labels = labels_of({**endpoint.labels, **scope})
            ports.append(Port(number=number, name=endpoint.name, protocol=protocol, labels=labels))
    visibility = DiscoveryInfo.Visibility.FRAMEWORK
    return DiscoveryInfo(visibility=visibility, name=hostname(pod.id), ports=Ports(tuple(ports)))
