"""A pod as Marathon 1.5 keeps it: containers that are started together on one agent and share its networks and volumes.

Named and written as in `app`; differences are Marathon's own: constraints are objects here, and health checks name the
endpoint they ask.

Source: Marathon's RAML, docs/rest-api/public/api/v2/types/{pod,podContainer,network,resources,volumes}.raml.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from mesosctl.runtime.marathon.model.app import (
    Constraint,
    EnvSecret,
    Fetch,
    HealthCheck,
    KillSelection,
    Network,
    Operator,
    PersistentVolume,
    PortDefinition,
    PortMapping,
    PullConfig,
    ReadinessCheck,
    SecretSource,
    ShellCommand,
    UnreachableStrategy,
    UpgradeStrategy,
    VersionInfo,
)


class PodConstraint(msgspec.Struct, frozen=True):
    """Where instances may run."""

    fieldName: str
    operator: Operator
    value: str | None = None


class Exec(msgspec.Struct, frozen=True):
    """What a container runs, instead of or after its image's entry point."""

    command: ShellCommand
    overrideEntrypoint: bool | None = None


class Resources(msgspec.Struct, frozen=True):
    """What a container needs."""

    cpus: float = 1.0
    mem: float = 128.0
    disk: float = 0.0
    gpus: int = 0


class ExecutorResources(msgspec.Struct, frozen=True):
    """What an instance needs besides its containers."""

    cpus: float = 0.1
    mem: float = 32.0
    disk: float = 10.0


class Endpoint(msgspec.Struct, frozen=True):
    """A port of a container."""

    name: str
    containerPort: int | None = None
    hostPort: int | None = None
    """0: any of an offer; None: no port on the host."""
    protocol: tuple[str, ...] = ("tcp",)
    labels: dict[str, str] = {}
    networkNames: tuple[str, ...] = ()


class Image(msgspec.Struct, frozen=True):
    """The image of a container."""

    kind: Literal["DOCKER", "APPC"]
    id: str
    forcePull: bool | None = None
    pullConfig: PullConfig | None = None
    labels: dict[str, str] = {}


class EndpointCheck(msgspec.Struct, frozen=True):
    """Asks an endpoint by HTTP, or connects to it."""

    endpoint: str
    path: str | None = None
    scheme: Literal["HTTP", "HTTPS"] | None = None


class ExecCheck(msgspec.Struct, frozen=True):
    """Runs a command in the container."""

    command: ShellCommand


class PodHealthCheck(msgspec.Struct, frozen=True):
    """How to learn that a container is well: one of `http`, `tcp`, `exec`. Times are seconds."""

    http: EndpointCheck | None = None
    tcp: EndpointCheck | None = None
    exec: ExecCheck | None = None
    gracePeriodSeconds: int = 300
    intervalSeconds: int = 60
    maxConsecutiveFailures: int = 3
    timeoutSeconds: int = 20
    delaySeconds: int = 15


class VolumeMount(msgspec.Struct, frozen=True):
    """Where a container sees a volume of its pod."""

    name: str
    mountPath: str
    readOnly: bool | None = None


class Lifecycle(msgspec.Struct, frozen=True):
    """How a container is ended."""

    killGracePeriodSeconds: float | None = None


class PodContainer(msgspec.Struct, frozen=True):
    """A container of a pod."""

    name: str
    resources: Resources = Resources()
    exec: Exec | None = None
    endpoints: tuple[Endpoint, ...] = ()
    image: Image | None = None
    environment: dict[str, str | EnvSecret] = {}
    user: str | None = None
    healthCheck: PodHealthCheck | None = None
    volumeMounts: tuple[VolumeMount, ...] = ()
    artifacts: tuple[Fetch, ...] = ()
    labels: dict[str, str] = {}
    lifecycle: Lifecycle | None = None


class PodVolume(msgspec.Struct, frozen=True):
    """Disk that the containers share: of the host, persistent, or for as long as the pod lives."""

    name: str
    host: str | None = None
    secret: str | None = None
    persistent: PersistentVolume | None = None


class Scaling(msgspec.Struct, frozen=True):
    """How many instances run."""

    kind: Literal["fixed"] = "fixed"
    instances: int = 1
    maxInstances: int | None = None


class Backoff(msgspec.Struct, frozen=True):
    """How long to wait after failures. Seconds."""

    backoff: float = 1.0
    backoffFactor: float = 1.15
    maxLaunchDelay: float = 300.0


class Placement(msgspec.Struct, frozen=True):
    """On which agents."""

    constraints: tuple[PodConstraint, ...] = ()
    acceptedResourceRoles: tuple[str, ...] = ()


class Scheduling(msgspec.Struct, frozen=True):
    """Where, how soon and how often."""

    backoff: Backoff = Backoff()
    upgrade: UpgradeStrategy = UpgradeStrategy()
    placement: Placement = Placement()
    killSelection: KillSelection = "YOUNGEST_FIRST"
    unreachableStrategy: UnreachableStrategy | Literal["disabled"] = UnreachableStrategy()


class Pod(msgspec.Struct, frozen=True):
    """A pod. See the module."""

    id: str
    containers: tuple[PodContainer, ...]
    labels: dict[str, str] = {}
    version: str = ""
    user: str | None = None
    environment: dict[str, str | EnvSecret] = {}
    secrets: dict[str, SecretSource] = {}
    volumes: tuple[PodVolume, ...] = ()
    networks: tuple[Network, ...] = (Network(mode="host"),)
    scaling: Scaling = Scaling()
    scheduling: Scheduling = Scheduling()
    executorResources: ExecutorResources = ExecutorResources()
    versionInfo: VersionInfo | None = None
    """Clients neither give nor see it."""

    # What an app has under the same names.

    @property
    def instances(self) -> int:
        return self.scaling.instances

    @property
    def upgradeStrategy(self) -> UpgradeStrategy:
        return self.scheduling.upgrade

    @property
    def unreachableStrategy(self) -> UnreachableStrategy | Literal["disabled"]:
        return self.scheduling.unreachableStrategy

    @property
    def killSelection(self) -> KillSelection:
        return self.scheduling.killSelection

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        return tuple(
            Constraint(each.fieldName, each.operator, each.value) for each in self.scheduling.placement.constraints
        )

    @property
    def acceptedResourceRoles(self) -> tuple[str, ...]:
        return self.scheduling.placement.acceptedResourceRoles

    @property
    def backoffSeconds(self) -> float:
        return self.scheduling.backoff.backoff

    @property
    def backoffFactor(self) -> float:
        return self.scheduling.backoff.backoffFactor

    @property
    def maxLaunchDelaySeconds(self) -> float:
        return self.scheduling.backoff.maxLaunchDelay

    @property
    def gpus(self) -> int:
        return sum(container.resources.gpus for container in self.containers)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Of all containers, in their order."""
        return tuple(endpoint for container in self.containers for endpoint in container.endpoints)

    @property
    def ports(self) -> tuple[PortDefinition | PortMapping, ...]:
        """None: pods have endpoints."""
        return ()

    @property
    def service_ports(self) -> tuple[int, ...]:
        return ()

    @property
    def healthChecks(self) -> tuple[HealthCheck, ...]:
        """None that Marathon runs: a pod's are its containers', and agents run them."""
        return ()

    @property
    def readinessChecks(self) -> tuple[ReadinessCheck, ...]:
        return ()

    @property
    def checked(self) -> bool:
        """Whether anybody finds out how healthy instances are."""
        return any(container.healthCheck for container in self.containers)

    @property
    def resident(self) -> bool:
        """Its instances keep their agent and their volumes."""
        return any(volume.persistent for volume in self.volumes)
