"""The TaskInfo of an instance, on what an offer gave it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mesosctl.runtime.marathon.core.checks import mesos_check, mesos_health_check
from mesosctl.runtime.marathon.core.environment import environment
from mesosctl.runtime.marathon.core.matching import Match
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.model import App, Fetch, PortDefinition, PortMapping
from mesosctl.runtime.marathon.model import Volume as AppVolume
from mesosctl.runtime.protocol.basics import (
    AgentID,
    DurationInfo,
    ExecutorID,
    Label,
    Labels,
    Parameter,
    TaskID,
)
from mesosctl.runtime.protocol.containers import (
    CommandInfo,
    ContainerInfo,
    Environment,
    KillPolicy,
    NetworkInfo,
    TTYInfo,
)
from mesosctl.runtime.protocol.resources import Image, Volume
from mesosctl.runtime.protocol.tasks import DiscoveryInfo, ExecutorInfo, Port, Ports, TaskInfo

_COMMAND_EXECUTORS = ("", "//cmd")
DEFAULT_BRIDGE = "mesos-bridge"
"""The network of the Mesos containerizer that stands for Docker's bridge."""
DockerInfo = ContainerInfo.DockerInfo
_DockerNetwork = {
    "host": DockerInfo.Network.HOST,
    "container/bridge": DockerInfo.Network.BRIDGE,
    "container": DockerInfo.Network.USER,
}


def task_info(app: App, task_id: str, match: Match, options: Options) -> TaskInfo:
    variables = environment(app, task_id, match.agent.host, match.ports, options.env_vars_prefix)
    command = _command(app, variables)
    container = _container(app, match.ports)
    executor = app.executor or options.executor
    own_executor = executor not in _COMMAND_EXECUTORS
    return TaskInfo(
        name=hostname(app.id),
        task_id=TaskID(task_id),
        agent_id=AgentID(match.agent.id),
        resources=(*match.resources, *match.volumes),
        executor=_executor(executor, app, task_id, command, container) if own_executor else None,
        command=None if own_executor else command,
        container=None if own_executor else container,
        health_check=mesos_health_check(app, match.ports),
        check=mesos_check(app, match.ports),
        kill_policy=kill_policy(app),
        data=app.cmd.encode() if own_executor and app.cmd else None,
        labels=labels_of(app.labels),
        discovery=_discovery(app, match.ports),
    )


def hostname(app_id: str) -> str:
    """`/shop/db` as `db.shop`."""
    return ".".join(reversed(app_id.strip("/").split("/")))


def kill_policy(app: App) -> KillPolicy | None:
    if app.taskKillGracePeriodSeconds is None:
        return None
    return KillPolicy(DurationInfo(app.taskKillGracePeriodSeconds * 10**9))


def _command(app: App, variables: dict[str, str]) -> CommandInfo:
    with_image = app.container is not None and (app.container.docker or app.container.appc)
    arguments = app.args
    value = app.cmd
    if value is None and arguments and not with_image:
        value = arguments[0]
    return CommandInfo(
        uris=uris(app.fetch),
        environment=Environment(tuple(Environment.Variable(name=n, value=v) for n, v in variables.items())),
        shell=app.cmd is not None,
        value=value,
        arguments=arguments,
        user=app.user,
    )


def uris(items: Sequence[Fetch]) -> tuple[CommandInfo.URI, ...]:
    """What the agent is to fetch."""
    return tuple(
        CommandInfo.URI(
            value=fetch.uri,
            executable=fetch.executable,
            extract=fetch.extract,
            cache=fetch.cache,
            output_file=fetch.destPath,
        )
        for fetch in items
    )


def _executor(
    executor: str, app: App, task_id: str, command: CommandInfo, container: ContainerInfo | None
) -> ExecutorInfo:
    """A program of the user's, found in the sandbox, that is given the app's command."""
    line = f"chmod ug+rx '{executor}' && exec '{executor}' {app.cmd or ' '.join(app.args)}"
    return ExecutorInfo(
        executor_id=ExecutorID(f"marathon-{task_id}"),
        command=CommandInfo(uris=command.uris, environment=command.environment, value=line, user=command.user),
        container=container,
    )


def _container(app: App, ports: Sequence[int | None]) -> ContainerInfo | None:
    networks = tuple(
        NetworkInfo(
            name=network.name or (DEFAULT_BRIDGE if network.mode == "container/bridge" else None),
            labels=labels_of(network.labels),
        )
        for network in app.networks
        if network.mode != "host"
    )
    if app.container is None and not networks and not app.tty:
        return None
    container = app.container
    tty = TTYInfo() if app.tty else None
    volumes = tuple(_volumes(app.volumes))
    if container and container.type == "DOCKER" and container.docker:
        docker = container.docker
        return ContainerInfo(
            type=ContainerInfo.Type.DOCKER,
            volumes=volumes,
            docker=DockerInfo(
                image=docker.image,
                network=_DockerNetwork[app.network],
                port_mappings=tuple(
                    DockerInfo.PortMapping(host_port=host, container_port=inside, protocol=protocol)
                    for host, inside, protocol in _mappings(app, ports)
                ),
                privileged=docker.privileged,
                parameters=tuple(Parameter(parameter.key, parameter.value) for parameter in docker.parameters),
                force_pull_image=docker.forcePullImage,
            ),
            network_infos=networks if app.network == "container" else (),
            tty_info=tty,
        )
    mappings = tuple(
        NetworkInfo.PortMapping(host_port=host, container_port=inside, protocol=protocol)
        for host, inside, protocol in _mappings(app, ports)
    )
    if networks and mappings:
        first = networks[0]
        networks = (NetworkInfo(name=first.name, labels=first.labels, port_mappings=mappings), *networks[1:])
    image = _image(app)
    return ContainerInfo(
        type=ContainerInfo.Type.MESOS,
        volumes=volumes,
        mesos=ContainerInfo.MesosInfo(image) if image else None,
        network_infos=networks,
        tty_info=tty,
    )


def _image(app: App) -> Image | None:
    container = app.container
    if container and container.docker:
        docker = container.docker
        return Image(type=Image.Type.DOCKER, docker=Image.Docker(docker.image), cached=not docker.forcePullImage)
    if container and container.appc:
        appc = container.appc
        return Image(
            type=Image.Type.APPC,
            appc=Image.Appc(name=appc.image, id=appc.id, labels=labels_of(appc.labels)),
            cached=not appc.forcePullImage,
        )
    return None


def _mappings(app: App, ports: Sequence[int | None]) -> Iterator[tuple[int, int, str]]:
    """Host port, port in the container, protocol."""
    for mapping, host in zip(app.ports, ports, strict=True):
        if isinstance(mapping, PortMapping) and host is not None:
            for protocol in mapping.protocol.split(","):
                yield host, mapping.containerPort or host, protocol


def _volumes(volumes: Sequence[AppVolume]) -> Iterator[Volume]:
    """Those of the host, and of providers outside; persistent ones come with the resources."""
    for volume in volumes:
        mode = Volume.Mode[volume.mode]
        if volume.hostPath is not None:
            yield Volume(mode=mode, container_path=volume.containerPath, host_path=volume.hostPath)
        elif volume.external and volume.external.name:
            external = volume.external
            driver = next((v for key, v in external.options.items() if key.endswith("/driver")), external.provider)
            source = Volume.Source(
                type=Volume.Source.Type.DOCKER_VOLUME,
                docker_volume=Volume.Source.DockerVolume(name=volume.external.name, driver=driver),
            )
            yield Volume(mode=mode, container_path=volume.containerPath, source=source)


def _discovery(app: App, ports: Sequence[int | None]) -> DiscoveryInfo:
    """Ports without one on the host are told by the one in the container."""
    found = []
    for asked, host in zip(app.ports, ports, strict=True):
        inside = asked.port if isinstance(asked, PortDefinition) else asked.containerPort
        scope = {} if app.network == "host" else {"network-scope": "host" if host is not None else "container"}
        for protocol in asked.protocol.split(","):
            found.append(
                Port(
                    number=host if host is not None else inside,
                    name=asked.name,
                    protocol=protocol,
                    labels=labels_of({**asked.labels, **scope}),
                )
            )
    return DiscoveryInfo(
        visibility=DiscoveryInfo.Visibility.FRAMEWORK, name=hostname(app.id), ports=Ports(tuple(found))
    )


def labels_of(labels: dict[str, str]) -> Labels | None:
    return Labels(tuple(Label(key, value) for key, value in labels.items())) if labels else None
