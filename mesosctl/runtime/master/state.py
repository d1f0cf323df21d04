"""What all parts of the master share: its records, its clock, and the ways to send an event or a message."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator

from mesosctl.runtime import internal
from mesosctl.runtime.authorization import Permit
from mesosctl.runtime.clock import Clock
from mesosctl.runtime.master.actions import Change, Emit, ToAgent, ToScheduler
from mesosctl.runtime.master.allocator import Allocator
from mesosctl.runtime.master.options import MasterOptions
from mesosctl.runtime.master.records import Agent, Capability, Framework, InverseOffer, Offer, Task, Unreachable
from mesosctl.runtime.master.registrar import Registrar
from mesosctl.runtime.protocol.basics import AgentID, MachineID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.quota import QuotaConfig
from mesosctl.runtime.protocol.scheduler import Event
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from mesosctl.runtime.timings import Timings


class MasterTimings:
    """How long the parts of the master took that may take long."""

    def __init__(self) -> None:
        self.allocation = Timings()
        self.allocation_latency = Timings()
        """From what made an allocation worth while to its beginning."""
        self.fetch = Timings()
        self.store = Timings()
        """Both of the registry."""


class State:
    """The records of one master. The other modules change them; nothing here decides anything."""

    def __init__(self, options: MasterOptions, clock: Clock, allocator: Allocator, emit: Emit) -> None:
        self.options = options
        self.clock = clock
        self.allocator = allocator
        self.emit = emit
        self.changed: Callable[[Change], None] = _pass_over
        """Told of what operators may want to hear."""
        self.registrar = Registrar(emit)
        self.started = clock.now()
        self.elected: float | None = None
        """Since when this master leads."""
        self.frameworks: dict[str, Framework] = {}
        self.completed: dict[str, Framework] = {}
        self.histories: dict[str, deque[Task]] = {}
        """What ended on agents of frameworks that are not here: they may come back."""
        self.agents: dict[str, Agent] = {}
        self.agents_by_stream: dict[str, Agent] = {}
        self.agents_by_pid: dict[str, Agent] = {}
        self.recovered: dict[str, Agent] = {}
        """Admitted by an earlier master, and not back yet."""
        self.unreachable: dict[str, Unreachable] = {}
        self.gone: dict[str, float] = {}
        """Agents that will not come back under this id, and since when."""
        self.offers: dict[str, Offer] = {}
        self.counters: Counter[str] = Counter()
        """What happened since the start, by the name after `master/` in `/metrics/snapshot`."""
        self.timings = MasterTimings()
        self.inverse_offers: dict[tuple[str, str], InverseOffer] = {}
        """By framework and agent."""
        self.quotas: dict[str, QuotaConfig] = {}
        """By role; those with neither guarantees nor limits are not there."""
        self.weights: dict[str, float] = {}
        """By role, as far as they were ever set."""
        self.down: set[tuple[str, str]] = set()
        """Machines that no agent may register from (see `machine_key`)."""
        self.admitted: list[Callable[[Agent], None]] = []
        """Called with every agent that registered, after the allocator knows it."""
        self._next = {"framework": 0, "agent": 0, "offer": 0}

    def permit(self, framework: FrameworkInfo) -> Permit:
        """What a framework may do."""
        return Permit(self.options.acls, framework.principal)

    def new_framework_id(self) -> str:
        """Schedulers may choose ids of this form themselves: taken ones are passed over."""
        while True:
            framework_id = f"{self.options.info.id}-{self._count('framework'):04d}"
            if framework_id not in self.frameworks and framework_id not in self.completed:
                return framework_id

    def new_agent_id(self) -> str:
        """Agents bring ids along: those that are known are passed over."""
        while True:
            agent_id = f"{self.options.info.id}-S{self._count('agent')}"
            known = (self.agents, self.recovered, self.unreachable, self.gone)
            if not any(agent_id in each for each in known):
                return agent_id

    def new_offer_id(self) -> str:
        return f"{self.options.info.id}-O{self._count('offer')}"

    def send(self, framework: Framework, event: Event) -> None:
        """To the framework's scheduler; dropped while it is disconnected."""
        if framework.stream is not None:
            framework.counters["events", event.type] += 1
            self.emit(ToScheduler(framework.stream, event))

    def tell(self, agent: Agent, message: internal.ToAgent) -> None:
        """To the agent; dropped while it is disconnected."""
        if agent.stream is not None:
            self.emit(ToAgent(agent.stream, message))

    def connect(self, agent: Agent, stream: str) -> None:
        """The agent is at its address, and speaks on this stream."""
        agent.stream = stream
        self.agents_by_stream[stream] = self.agents_by_pid[agent.pid] = agent

    def disconnect(self, agent: Agent) -> None:
        """The agent's stream is no more, or no longer the agent's."""
        if agent.stream is not None:
            del self.agents_by_stream[agent.stream]
            agent.stream = None

    def update(self, framework: Framework, status: TaskStatus) -> None:
        self.send(framework, Event(type=Event.Type.UPDATE, update=Event.Update(status=status)))

    def status(
        self,
        framework: Framework,
        task_id: str,
        agent_id: str | None,
        state: TaskState,
        reason: TaskStatus.Reason,
        message: str,
    ) -> TaskStatus:
        """A status of the master's own, that needs no acknowledgement; in states that the framework knows."""
        return TaskStatus(
            task_id=TaskID(task_id),
            state=state_for(framework, state),
            source=TaskStatus.Source.SOURCE_MASTER,
            reason=reason,
            message=message,
            agent_id=None if agent_id is None else AgentID(agent_id),
            timestamp=self.clock.now(),
        )

    def tasks(self) -> Iterator[Task]:
        """Of all frameworks that are not completed, those that cannot be reached included."""
        for framework in self.frameworks.values():
            yield from framework.tasks.values()
            yield from framework.unreachable.values()

    def agents_of(self, framework: Framework) -> Iterable[Agent]:
        """Where it has tasks or executors."""
        ids = {task.agent_id for task in framework.tasks.values()} | {agent_id for agent_id, _ in framework.executors}
        return [self.agents[agent_id] for agent_id in sorted(ids) if agent_id in self.agents]

    def _count(self, kind: str) -> int:
        number = self._next[kind]
        self._next[kind] = number + 1
        return number


def _pass_over(change: Change) -> None:
    """There are no operators."""


def machine_key(machine_id: MachineID) -> tuple[str, str]:
    """What makes machines the same: the hostname in whatever case, and the address."""
    return (machine_id.hostname or "").lower(), machine_id.ip or ""


_NEW_STATES = frozenset(
    {
        TaskState.TASK_DROPPED,
        TaskState.TASK_UNREACHABLE,
        TaskState.TASK_GONE,
        TaskState.TASK_GONE_BY_OPERATOR,
        TaskState.TASK_UNKNOWN,
    }
)


def state_for(framework: Framework, state: TaskState) -> TaskState:
    """TASK_LOST in place of the states that only PARTITION_AWARE frameworks know."""
    if state in _NEW_STATES and not framework.can(Capability.PARTITION_AWARE):
        return TaskState.TASK_LOST
    return state
