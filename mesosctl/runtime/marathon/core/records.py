"""What is kept of instances and deployments, in memory and in the store. Frozen; changes make new ones.

An instance is the place of one copy of an app. Its task may end and a new one (the next incarnation) take its place
while the instance stays, until its goal says that it shall go. Times are seconds since the epoch.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from mesosctl.runtime.marathon.model import Group, Pod, RunSpec
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Attribute
from mesosctl.runtime.protocol.tasks import TaskStatus

APP_TASK = "_app"
"""Where the ids of pods' tasks have the name of a container."""


class Condition(StrEnum):
    """What a task is known to do, in Marathon's words."""

    SCHEDULED = "Scheduled"
    """There is none: it waits in the launch queue."""
    RESERVED = "Reserved"
    """There is none and there shall be none, but what is reserved for it waits."""
    PROVISIONED = "Provisioned"
    """The launch was sent."""
    STAGING = "Staging"
    STARTING = "Starting"
    RUNNING = "Running"
    KILLING = "Killing"
    UNREACHABLE = "Unreachable"
    UNREACHABLE_INACTIVE = "UnreachableInactive"
    """Unreachable for so long that another instance takes its place."""
    FINISHED = "Finished"
    FAILED = "Failed"
    KILLED = "Killed"
    ERROR = "Error"
    DROPPED = "Dropped"
    GONE = "Gone"
    UNKNOWN = "Unknown"

    @property
    def terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset(
    {
        Condition.FINISHED,
        Condition.FAILED,
        Condition.KILLED,
        Condition.ERROR,
        Condition.DROPPED,
        Condition.GONE,
        Condition.UNKNOWN,
    }
)


class Goal(StrEnum):
    RUNNING = "Running"
    STOPPED = "Stopped"
    """Its task shall end, and what is reserved for it wait for another one."""
    DECOMMISSIONED = "Decommissioned"
    """It shall end and be forgotten."""


class AgentRecord(msgspec.Struct, frozen=True):
    """Where a task was launched."""

    id: str
    host: str
    region: str | None = None
    zone: str | None = None
    attributes: tuple[Attribute, ...] = ()


class TaskRecord(msgspec.Struct, frozen=True):
    id: str
    staged_at: float
    ports: tuple[int | None, ...] = ()
    """The host port of each of the app's ports, None for those without."""
    started_at: float | None = None
    """When it first was TASK_RUNNING."""
    status: TaskStatus | None = None
    """The latest."""
    container: str = ""
    """Of a pod: which one it runs."""
    condition: Condition = Condition.PROVISIONED
    since: float = 0.0
    """When its condition last changed."""

    @property
    def host_ports(self) -> tuple[int, ...]:
        return tuple(port for port in self.ports if port is not None)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The IP addresses of its container."""
        container = self.status.container_status if self.status else None
        infos = container.network_infos if container else ()
        return tuple(address.ip_address for info in infos for address in info.ip_addresses if address.ip_address)


class VolumeRecord(msgspec.Struct, frozen=True):
    """A persistent volume."""

    path: str
    """In the container; of a pod, its name."""
    id: str


class Reservation(msgspec.Struct, frozen=True):
    """Resources of one agent that are kept for one instance."""

    id: str
    """In their labels."""
    volumes: tuple[VolumeRecord, ...]
    confirmed: bool = False
    """The master is known to have made it."""


class Instance(msgspec.Struct, frozen=True):
    """`app` is the definition that it runs: an older version than the current one during an upgrade."""

    id: str
    app: RunSpec
    since: float
    """When its condition last changed."""
    condition: Condition = Condition.SCHEDULED
    goal: Goal = Goal.RUNNING
    incarnation: int = 1
    """Of the task it has, or waits for."""
    agent: AgentRecord | None = None
    task: TaskRecord | None = None
    created: float = 0.0
    others: tuple[TaskRecord, ...] = ()
    """Of a pod: the tasks of its containers but the first, which is `task`."""
    reservation: Reservation | None = None

    @property
    def app_id(self) -> str:
        return self.app.id

    @property
    def tasks(self) -> tuple[TaskRecord, ...]:
        """All it has."""
        return (self.task, *self.others) if self.task else ()

    @property
    def suspended(self) -> bool:
        """It has no task and shall have none, but may be resumed."""
        return self.goal is Goal.STOPPED and self.task is None

    @property
    def task_id(self) -> str:
        """Of the task it has, or will have; of a pod, the first."""
        return self.task_of(self.app.containers[0].name if isinstance(self.app, Pod) else APP_TASK)

    def task_of(self, container: str) -> str:
        """The id of the present task of one of a pod's containers."""
        return f"{self.id}.{container}.{self.incarnation}"


def instance_of(task_id: str) -> str:
    """The id of the instance that a task belongs to."""
    return task_id.rsplit(".", 2)[0]


class Action(msgspec.Struct, frozen=True):
    """`name`: StartApplication, StopApplication, ScaleApplication, RestartApplication."""

    name: str
    app: str
    pod: bool = False
    """`app` is one."""

    def json(self) -> dict[str, str]:
        """As clients read it: of pods it is StartPod and so on."""
        if self.pod:
            return {"action": self.name.replace("Application", "Pod"), "pod": self.app}
        return {"action": self.name, "app": self.app}


class Step(msgspec.Struct, frozen=True):
    """Actions that happen together."""

    actions: tuple[Action, ...]


class Deployment(msgspec.Struct, frozen=True):
    """From one tree of apps to another. `version` is that of `target`."""

    id: str
    version: str
    original: Group
    target: Group
    steps: tuple[Step, ...]
    kills: dict[str, tuple[str, ...]] = {}
    """Instances to prefer when an app is scaled down, by app."""

    @property
    def affected(self) -> tuple[str, ...]:
        """The ids of the apps it changes."""
        return tuple(dict.fromkeys(action.app for step in self.steps for action in step.actions))


class ReadinessResult(msgspec.Struct, frozen=True):
    """The answer is kept with `preserveLastResponse` only."""

    app: str
    name: str
    task_id: str
    ready: bool
    status: int | None = None
    content_type: str | None = None
    body: str | None = None


class Progress(msgspec.Struct, frozen=True):
    """A deployment under way. `step` counts from 1; it is 0 before the first one has begun."""

    deployment: Deployment
    step: int
    readiness: tuple[ReadinessResult, ...] = ()


class HealthResult(msgspec.Struct, frozen=True):
    """What one check of an app says of one instance; as in `healthCheckResults`."""

    alive: bool
    consecutive_failures: int = 0
    first_success: float | None = None
    last_success: float | None = None
    last_failure: float | None = None
    last_failure_cause: str | None = None


class UnusedOffer(msgspec.Struct, frozen=True):
    offer: Offer
    reasons: tuple[str, ...]
    """NoOfferMatchReasons as the queue shows them: UnfulfilledRole, InsufficientCpus…"""
    at: float


class QueueItem(msgspec.Struct, frozen=True):
    """What waits to be launched of one version of an app; as in `/v2/queue`."""

    app: RunSpec
    count: int
    since: float
    """When it began to wait."""
    delayed_until: float
    """No launch before; in the past where nothing delays."""
    processed: int
    """Offers looked at."""
    unused: int
    last_unused_at: float | None
    last_used_at: float | None
    reject_launch_attempt: dict[str, tuple[int, int]]
    """Since it waits, for each reason in the order of checking: how many offers it declined, of how many it saw."""
    reject_last_offers: dict[str, tuple[int, int]]
    """The same for the last offer of each agent."""
    last_unused_offers: tuple[UnusedOffer, ...]


class Snapshot(msgspec.Struct, frozen=True):
    """What the store holds when one begins to lead."""

    root: Group
    instances: tuple[Instance, ...] = ()
    deployments: tuple[Deployment, ...] = ()
