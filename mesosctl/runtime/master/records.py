"""What the master remembers of frameworks, tasks, executors, agents and offers. Ids are plain strings here."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from msgspec import Struct

from mesosctl.runtime.clock import Timer
from mesosctl.runtime.protocol import offers
from mesosctl.runtime.protocol.basics import FrameworkID, TimeInfo, Unavailability
from mesosctl.runtime.protocol.cluster import AgentInfo, DrainInfo, FrameworkInfo
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.scheduler import OfferConstraints
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Form, Resources
from mesosctl.runtime.states import TERMINAL

Capability = FrameworkInfo.Capability.Type

NOTHING = Resources()
REMEMBERED_ACKNOWLEDGEMENTS = 1024
"""Of each agent."""


def resources_of(resources: tuple[Resource, ...]) -> Resources:
    """What messages say, remembered: tasks are many, and many are alike. Raises ResourcesError."""
    try:
        return _remembered(resources)
    except TypeError:  # a volume with secrets, which cannot be hashed
        return Resources.of(resources)


_remembered = lru_cache(maxsize=4096)(Resources.of)


@dataclass(eq=False)
class Task:
    """A task that was handed to an agent. `executor_id` is None for tasks of the command executor."""

    info: TaskInfo
    framework_id: str
    agent_id: str
    executor_id: str | None
    resources: Resources
    state: TaskState = TaskState.TASK_STAGING
    """The newest that is known, which the framework may not have been told yet."""
    statuses: list[TaskStatus] = field(default_factory=list)
    """What was forwarded: the newest of each run of equal states."""
    told: TaskStatus | None = None
    """The status that was forwarded last."""

    @property
    def id(self) -> str:
        return self.info.task_id.value

    @property
    def told_state(self) -> TaskState:
        """The state that the framework knows."""
        return self.told.state if self.told else self.state

    @property
    def ended(self) -> bool:
        return self.state in TERMINAL


@dataclass(eq=False)
class Executor:
    info: ExecutorInfo
    framework_id: str
    agent_id: str
    resources: Resources

    @property
    def id(self) -> str:
        return self.info.executor_id.value


@dataclass(eq=False)
class Offer:
    id: str
    framework_id: str
    agent_id: str
    role: str
    resources: Resources
    timeout: Timer | None = None


@dataclass(frozen=True)
class InverseOffer:
    """A scheduler was asked to give back what it holds of an agent, and has not answered."""

    message: offers.InverseOffer
    framework_id: str
    agent_id: str
    stream: str | None
    """Of the scheduler that was asked."""
    made: float


@dataclass(eq=False)
class Framework:
    """A framework: known as long as it is subscribed, within its failover timeout, or has tasks on agents."""

    info: FrameworkInfo
    registered: float
    max_completed: int
    max_unreachable: int
    stream: str | None = None
    """Of the scheduler; None while it is disconnected."""
    recovered: bool = False
    """Known from agents only: it has not subscribed since this master leads."""
    reregistered: float = 0.0
    unregistered: float = 0.0
    suppressed: set[str] = field(default_factory=set)
    offer_constraints: OfferConstraints = field(default_factory=OfferConstraints)
    tasks: dict[str, Task] = field(default_factory=dict)
    unreachable: dict[str, Task] = field(default_factory=dict)
    completed: deque[Task] = field(init=False)
    executors: dict[tuple[str, str], Executor] = field(default_factory=dict)
    """By agent and executor."""
    offers: dict[str, Offer] = field(default_factory=dict)
    used: Resources = field(default_factory=Resources)
    counters: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    """How many of each sort: by ("calls", type), ("events", type) and ("terminal", state of tasks)."""
    heartbeat: Timer | None = None
    failover: Timer | None = None

    def __post_init__(self) -> None:
        self.completed = deque(maxlen=self.max_completed)

    @property
    def framework_id(self) -> FrameworkID:
        assert self.info.id is not None  # the master gives one to every framework
        return self.info.id

    @property
    def id(self) -> str:
        return self.framework_id.value

    @property
    def connected(self) -> bool:
        return self.stream is not None

    @property
    def roles(self) -> tuple[str, ...]:
        if self.can(Capability.MULTI_ROLE):
            return self.info.roles
        return (self.info.role or "*",)

    def can(self, capability: Capability) -> bool:
        return any(each.type is capability for each in self.info.capabilities)

    @property
    def form(self) -> Form:
        """How it reads and writes reservations."""
        return Form.REFINED if self.can(Capability.RESERVATION_REFINEMENT) else Form.SIMPLE

    def complete(self, task: Task) -> None:
        """Move a task from the living to the history."""
        self.tasks.pop(task.id, None)
        self.completed.append(task)

    def remember(self, tasks: Iterable[Task]) -> None:
        """Tasks that ended before this master led. The newest of all that ended stay."""
        known = {(task.agent_id, task.id) for task in self.completed}
        new = [each for each in tasks if each.id not in self.tasks and (each.agent_id, each.id) not in known]
        if new:
            self.completed = deque(sorted([*self.completed, *new], key=_last_told), maxlen=self.max_completed)

    def lose_sight_of(self, task: Task) -> None:
        """Move a task to those that cannot be reached; the oldest of them are forgotten."""
        self.tasks.pop(task.id, None)
        self.unreachable[task.id] = task
        while len(self.unreachable) > self.max_unreachable:
            del self.unreachable[next(iter(self.unreachable))]


def _last_told(task: Task) -> float:
    return (task.told.timestamp or 0.0) if task.told else 0.0


class Restriction(Struct, frozen=True):
    """What operators decided about an agent: it is deactivated, and perhaps draining or drained."""

    drain: DrainInfo | None = None


@dataclass(eq=False)
class Agent:
    """An admitted agent that is not unreachable; it may be disconnected for a while."""

    id: str
    info: AgentInfo
    ip: str
    version: str
    total: Resources
    registered: float
    order: tuple[int, int] = (0, 0)
    """Of its newest registration."""
    capabilities: tuple[AgentInfo.Capability, ...] = ()
    stream: str | None = None
    reregistered: float = 0.0
    checkpointed: tuple[Resource, ...] = ()
    tasks: dict[tuple[str, str], Task] = field(default_factory=dict)
    """By framework and task."""
    executors: dict[tuple[str, str], Executor] = field(default_factory=dict)
    """By framework and executor."""
    used: dict[str, Resources] = field(default_factory=dict)
    """By framework."""
    offers: dict[str, Offer] = field(default_factory=dict)
    killed: set[tuple[str, str]] = field(default_factory=set)
    """Tasks, by framework and task, that were asked to be killed: an agent that comes back with one is asked again."""
    unavailability: Unavailability | None = None
    """When its machine is to be maintained."""
    restriction: Restriction | None = None
    """None: it is active, as far as operators are concerned."""
    drain_started: float | None = None
    """Seconds since the epoch, as far as this master knows."""
    acknowledged: dict[bytes, None] = field(default_factory=dict)
    """The newest updates, by their uuids, that schedulers acknowledged: if one comes again, the agent is told again."""
    ping: Timer | None = None
    missed_pings: int = 0
    ponged: bool = True

    @property
    def connected(self) -> bool:
        return self.stream is not None

    @property
    def pid(self) -> str:
        return pid(self.ip, self.info.port)

    @property
    def active(self) -> bool:
        """Whether it may be offered."""
        return self.connected and self.restriction is None

    @property
    def drain(self) -> DrainInfo | None:
        return self.restriction.drain if self.restriction else None

    @property
    def machine(self) -> tuple[str, str]:
        return self.info.hostname.lower(), self.ip

    def __str__(self) -> str:
        """As Mesos names it in messages."""
        return f"{self.id} at {self.pid} ({self.info.hostname})"

    def come_back(self, agent: Agent) -> None:
        """It registered again, as this one; what it runs is seen to."""
        self.info, self.ip, self.version, self.total = agent.info, agent.ip, agent.version, agent.total
        self.reregistered, self.checkpointed = agent.reregistered, agent.checkpointed
        self.capabilities, self.order = agent.capabilities, agent.order

    def hold(self, framework: Framework, resources: Resources) -> None:
        """From now on the framework uses these."""
        self.used[framework.id] = self.used.get(framework.id, NOTHING) + resources
        framework.used = framework.used + resources

    def note_acknowledged(self, uuid: bytes) -> None:
        self.acknowledged[uuid] = None
        if len(self.acknowledged) > REMEMBERED_ACKNOWLEDGEMENTS:
            del self.acknowledged[next(iter(self.acknowledged))]

    def release(self, framework: Framework, resources: Resources) -> None:
        left = self.used.get(framework.id, NOTHING) - resources
        if left:
            self.used[framework.id] = left
        else:
            self.used.pop(framework.id, None)
        framework.used = framework.used - resources


def pid(ip: str, port: int) -> str:
    """How Mesos names an agent at an address."""
    return f"slave(1)@{ip}:{port}"


@dataclass(frozen=True)
class Unreachable:
    """An agent that stopped answering, and since when."""

    agent: Agent
    since: TimeInfo
