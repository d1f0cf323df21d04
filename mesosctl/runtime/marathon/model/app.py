"""An app as Marathon 1.5 keeps it: one form, every default filled in.

Fields are named as in JSON. Ids are absolute (`/group/app`), times are text (`2026-01-31T12:00:00.000Z`), memory and
disk are megabytes. None is a field that was not given and that has no default. What clients may send besides (older
forms, fields left out) is read in `definition`; how it is written out is `output`.

Source: Marathon's RAML, docs/rest-api/public/api/v2/types/{app,appContainer,network,healthCheck,volumes}.raml.
"""

from __future__ import annotations

from typing import Literal

import msgspec

EngineType = Literal["MESOS", "DOCKER"]
NetworkMode = Literal["host", "container", "container/bridge"]
PortProtocol = Literal["tcp", "udp", "udp,tcp", "tcp,udp"]
Operator = Literal["UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS"]
HealthProtocol = Literal["HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP"]
KillSelection = Literal["YOUNGEST_FIRST", "OLDEST_FIRST"]
TaskLostBehavior = Literal["WAIT_FOREVER", "RELAUNCH_AFTER_TIMEOUT"]


class Constraint(msgspec.Struct, array_like=True, frozen=True):
    """Where instances may run. Written as an array: `["hostname", "UNIQUE"]`, `["rack", "LIKE", "r[1-3]"]`."""

    fieldName: str
    """`hostname`, `@region`, `@zone` or the name of an agent's attribute."""
    operator: Operator
    value: str | None = None


class Fetch(msgspec.Struct, frozen=True):
    """A file that Mesos brings into the sandbox."""

    uri: str
    extract: bool = True
    executable: bool = False
    cache: bool = False
    destPath: str | None = None


class SecretSource(msgspec.Struct, frozen=True):
    """Where a secret comes from."""

    source: str


class EnvSecret(msgspec.Struct, frozen=True):
    """A variable of the environment with the value of the secret of that name."""

    secret: str


class PortDefinition(msgspec.Struct, frozen=True):
    """A port on the host, without a network of one's own."""

    port: int = 0
    """The host port with `requirePorts`, else the service port. 0 until a service port is assigned."""
    labels: dict[str, str] = {}
    name: str | None = None
    protocol: PortProtocol = "tcp"


class PortMapping(msgspec.Struct, frozen=True):
    """A port inside the container, and the host port that leads to it."""

    containerPort: int = 0
    """0: the same as the host port."""
    hostPort: int | None = None
    """0: any of an offer; None: no port on the host (only with a network of mode container)."""
    labels: dict[str, str] = {}
    name: str | None = None
    protocol: PortProtocol = "tcp"
    servicePort: int = 0
    """0 until one is assigned."""
    networkNames: tuple[str, ...] = ()


class Network(msgspec.Struct, frozen=True):
    """A network that the instances join."""

    name: str | None = None
    mode: NetworkMode = "container"
    labels: dict[str, str] = {}


class DockerParameter(msgspec.Struct, frozen=True):
    """An option of `docker run`."""

    key: str
    value: str


class PullConfig(msgspec.Struct, frozen=True):
    """How to authenticate with the image's registry."""

    secret: str


class Credential(msgspec.Struct, frozen=True):
    """Who pulls the image."""

    principal: str
    secret: str | None = None


class Docker(msgspec.Struct, frozen=True):
    """A Docker image, and how its container is made."""

    image: str
    credential: Credential | None = None
    pullConfig: PullConfig | None = None
    forcePullImage: bool = False
    parameters: tuple[DockerParameter, ...] = ()
    privileged: bool = False


class AppC(msgspec.Struct, frozen=True):
    """An AppC image."""

    image: str
    id: str | None = None
    labels: dict[str, str] = {}
    forcePullImage: bool = False


class PersistentVolume(msgspec.Struct, frozen=True):
    """Disk that outlives the task."""

    size: int
    type: Literal["root", "path", "mount"] = "root"
    maxSize: int | None = None
    constraints: tuple[Constraint, ...] = ()


class ExternalVolume(msgspec.Struct, frozen=True):
    """A volume of a provider outside Mesos. Its size is in gigabytes."""

    name: str | None = None
    provider: str | None = None
    size: int | None = None
    options: dict[str, str] = {}


class Volume(msgspec.Struct, frozen=True):
    """A directory in the container: from the host, persistent, or of a provider."""

    containerPath: str
    mode: Literal["RO", "RW"]
    hostPath: str | None = None
    persistent: PersistentVolume | None = None
    external: ExternalVolume | None = None


class Container(msgspec.Struct, frozen=True):
    """What instances run in."""

    type: EngineType = "MESOS"
    docker: Docker | None = None
    appc: AppC | None = None
    volumes: tuple[Volume, ...] = ()
    portMappings: tuple[PortMapping, ...] | None = None
    """Only with networks of mode container or container/bridge."""


class Command(msgspec.Struct, frozen=True):
    """A health check's command, for the shell."""

    value: str


class HealthCheck(msgspec.Struct, frozen=True):
    """How to learn that an instance is well. Times are seconds."""

    protocol: HealthProtocol = "HTTP"
    path: str | None = None
    portIndex: int | None = None
    port: int | None = None
    command: Command | None = None
    gracePeriodSeconds: int = 300
    intervalSeconds: int = 60
    maxConsecutiveFailures: int = 3
    timeoutSeconds: int = 20
    delaySeconds: int = 15
    ignoreHttp1xx: bool | None = None
    ipProtocol: Literal["IPv4", "IPv6"] = "IPv4"


class ShellCommand(msgspec.Struct, frozen=True):
    """A command: a line for the shell, or its words."""

    shell: str | None = None
    argv: tuple[str, ...] | None = None


class HttpCheck(msgspec.Struct, frozen=True):
    """A request to the port of that number."""

    portIndex: int = 0
    path: str | None = None
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"


class TcpCheck(msgspec.Struct, frozen=True):
    """A connection to the port of that number."""

    portIndex: int = 0


class ExecCheck(msgspec.Struct, frozen=True):
    """A command, in the container."""

    command: ShellCommand


class Check(msgspec.Struct, frozen=True):
    """What an agent asks an instance for, for its clients to know: nothing follows from the answer. Seconds."""

    http: HttpCheck | None = None
    tcp: TcpCheck | None = None
    exec: ExecCheck | None = None
    intervalSeconds: int = 60
    timeoutSeconds: int = 20
    delaySeconds: int = 15


class ReadinessCheck(msgspec.Struct, frozen=True):
    """Asked while a deployment waits for a new instance. Times are seconds."""

    name: str = "readinessCheck"
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    path: str = "/"
    portName: str = "http-api"
    intervalSeconds: int = 30
    timeoutSeconds: int = 10
    httpStatusCodesForReady: tuple[int, ...] = (200,)
    preserveLastResponse: bool = False


class UpgradeStrategy(msgspec.Struct, frozen=True):
    """How many instances stay and are added while they are replaced: parts of `instances`, 0 to 1."""

    maximumOverCapacity: float = 1.0
    minimumHealthCapacity: float = 1.0


class UnreachableStrategy(msgspec.Struct, frozen=True):
    """When an instance on an unreachable agent is replaced, and when it is given up. Seconds."""

    inactiveAfterSeconds: int = 0
    expungeAfterSeconds: int = 0


class Residency(msgspec.Struct, frozen=True):
    """What becomes of instances with persistent volumes."""

    relaunchEscalationTimeoutSeconds: int = 3600
    taskLostBehavior: TaskLostBehavior = "WAIT_FOREVER"


class VersionInfo(msgspec.Struct, frozen=True):
    """When the number of instances last changed, and when anything else did."""

    lastScalingAt: str
    lastConfigChangeAt: str


class App(msgspec.Struct, frozen=True):
    """An app. See the module."""

    id: str
    acceptedResourceRoles: tuple[str, ...] | None = None
    args: tuple[str, ...] = ()
    backoffFactor: float = 1.15
    backoffSeconds: int = 1
    check: Check | None = None
    cmd: str | None = None
    constraints: tuple[Constraint, ...] = ()
    container: Container | None = None
    cpus: float = 1.0
    dependencies: tuple[str, ...] = ()
    disk: float = 0.0
    env: dict[str, str | EnvSecret] = {}
    executor: str = ""
    fetch: tuple[Fetch, ...] = ()
    healthChecks: tuple[HealthCheck, ...] = ()
    instances: int = 1
    labels: dict[str, str] = {}
    maxLaunchDelaySeconds: int = 300
    mem: float = 128.0
    gpus: int = 0
    networks: tuple[Network, ...] = (Network(mode="host"),)
    portDefinitions: tuple[PortDefinition, ...] | None = None
    """Only with host networking."""
    readinessChecks: tuple[ReadinessCheck, ...] = ()
    residency: Residency | None = None
    requirePorts: bool = False
    secrets: dict[str, SecretSource] = {}
    taskKillGracePeriodSeconds: int | None = None
    tty: bool | None = None
    upgradeStrategy: UpgradeStrategy = UpgradeStrategy()
    user: str | None = None
    version: str = ""
    """When it was last changed: set when a change of the root group is made."""
    versionInfo: VersionInfo | None = None
    killSelection: KillSelection = "YOUNGEST_FIRST"
    unreachableStrategy: UnreachableStrategy | Literal["disabled"] = UnreachableStrategy()

    @property
    def network(self) -> NetworkMode:
        """The mode of its networks, which is one for all of them."""
        return self.networks[0].mode if self.networks else "host"

    @property
    def ports(self) -> tuple[PortDefinition | PortMapping, ...]:
        """Its ports in order: health checks and the environment count them so."""
        if self.network == "host":
            return self.portDefinitions or ()
        return (self.container.portMappings or ()) if self.container else ()

    @property
    def service_ports(self) -> tuple[int, ...]:
        return tuple(port.port if isinstance(port, PortDefinition) else port.servicePort for port in self.ports)

    @property
    def volumes(self) -> tuple[Volume, ...]:
        return self.container.volumes if self.container else ()

    @property
    def checked(self) -> bool:
        """Whether anybody finds out how healthy instances are."""
        return bool(self.healthChecks)

    @property
    def resident(self) -> bool:
        """Its instances keep their agent and their volumes."""
        return self.residency is not None or any(volume.persistent for volume in self.volumes)
