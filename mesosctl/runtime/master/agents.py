"""Agents: admission, coming back with what they run, pings, unreachability, removal."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.master.actions import Abort, AgentAdded, AgentRemoved, CloseAgent, ToAgent
from mesosctl.runtime.master.agent_records import AgentRecords
from mesosctl.runtime.master.frameworks import Frameworks
from mesosctl.runtime.master.limiter import RateLimiter
from mesosctl.runtime.master.offers import Offers
from mesosctl.runtime.master.records import Agent, Framework, Task, Unreachable
from mesosctl.runtime.master.registrar import Done
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.stocktaking import Stocktaking
from mesosctl.runtime.master.tasks import Tasks
from mesosctl.runtime.protocol.basics import AgentID, ExecutorID, TimeInfo
from mesosctl.runtime.protocol.scheduler import Event
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from mesosctl.runtime.resources import Resources, ResourcesError, with_checkpointed
from mesosctl.runtime.states import TERMINAL

log = logging.getLogger(__name__)

_Reason = TaskStatus.Reason


class Agents:
    def __init__(self, state: State, offers: Offers, tasks: Tasks, frameworks: Frameworks) -> None:
        self._state = state
        self._offers = offers
        self._tasks = tasks
        self._stocktaking = Stocktaking(state, tasks, frameworks)
        self._records = AgentRecords(state.registrar)
        self._removals = RateLimiter(state.clock, state.options.agent_removal_interval)
        self._returning: set[str] = set()
        """Agents whose admission is on its way to the registry."""
        self._arriving: set[str] = set()
        """Streams of agents that the registry does not hold yet."""
        self._departing: set[str] = set()
        """Agents that are about to be removed or marked unreachable."""

    def recover(self) -> None:
        """What the registry holds: agents to wait for, and unreachable ones."""
        for agent, unreachable in self._records.recover():
            if agent.id in self._state.gone:
                continue
            if unreachable is None:
                self._state.recovered[agent.id] = agent
            else:
                self._state.unreachable[agent.id] = Unreachable(agent, TimeInfo(nanoseconds=int(unreachable * 1e9)))

    def start(self) -> None:
        """This master leads: agents have `agent_reregister_timeout` to come back."""
        expected = len(self._state.recovered)
        if expected:
            self._state.clock.after(
                self._state.options.agent_reregister_timeout, lambda: self._give_up_recovered(expected)
            )

    def _give_up_recovered(self, expected: int) -> None:
        missing = [*self._state.recovered.values()]
        limit = self._state.options.recovery_agent_removal_limit
        if len(missing) > limit * expected:
            self._state.emit(
                Abort(
                    f"{len(missing)} of {expected} agents did not come back after the failover, more than"
                    f" recovery_agent_removal_limit ({limit:.0%}) allows"
                )
            )
            return
        for agent in missing:
            self._removals.acquire(partial(self._give_up, agent))

    def register(self, stream: str, peer: str, message: internal.Register) -> None:
        """An agent connected on `stream` from the address `peer`: a new one, or one that was here before.

        It is admitted once the registry holds it.
        """
        ip = message.ip or peer
        agent_id = message.agent.id.value if message.agent.id else ""
        if self._state.options.require_agent_domain and message.agent.domain is None:
            self._refuse(stream, "The master requires that agents have a domain")
            return
        if known := self._state.agents.get(agent_id):
            # What operations made of its resources may not have reached it before its connection broke.
            message = msgspec.structs.replace(message, checkpointed=known.checkpointed)
        try:
            total = total_resources(message)
        except ResourcesError as error:
            self._refuse(stream, str(error))
            return
        if (message.agent.hostname.lower(), ip) in self._state.down:
            self._refuse(stream, "Machine is `DOWN`")
            return
        if agent_id in self._state.gone:
            self._refuse(stream, f"Agent {agent_id} has been marked gone")
            return
        if agent_id in self._departing:
            self._state.emit(CloseAgent(stream))  # it tries again, when its departure is decided
            return
        before = self._known(agent_id)
        if before and message.order < before.order:
            self._state.emit(CloseAgent(stream))  # it came late: the agent has registered again meanwhile
            return
        agent = Agent(
            agent_id or self._state.new_agent_id(),
            message.agent,
            ip,
            message.version,
            total,
            registered=before.registered if before else self._state.clock.now(),
            order=message.order,
            reregistered=self._state.clock.now() if agent_id else 0.0,
        )
        agent.info = msgspec.structs.replace(message.agent, id=AgentID(agent.id))
        agent.checkpointed, agent.capabilities = message.checkpointed, message.capabilities
        if before:
            agent.acknowledged = before.acknowledged
        self._arriving.add(stream)
        self._returning.add(agent.id)
        self._records.hold(agent, None, partial(self._admit, stream, agent, message))

    def _admit(self, stream: str, agent: Agent, message: internal.Register) -> None:
        self._returning.discard(agent.id)
        is_open = stream in self._arriving
        self._arriving.discard(stream)
        before = self._known(agent.id)
        is_late = before is not None and agent.order < before.order
        if is_late or self._is_unwanted(agent):
            if is_open:
                self._state.emit(CloseAgent(stream))
            return
        other = self._state.agents_by_pid.get(agent.pid)
        if other is not None and other.id != agent.id:
            self.remove(other, "a new agent registered at the same address")
        self._state.unreachable.pop(agent.id, None)
        self._state.recovered.pop(agent.id, None)
        known = self._state.agents.get(agent.id)
        if known is not None:
            self._leave(known)
            known.come_back(agent)
            agent = known
        self._state.agents[agent.id] = agent
        self._state.counters["slave_reregistrations" if agent.reregistered else "slave_registrations"] += 1
        self._state.connect(agent, stream)
        log.info("Agent %s is %s", agent, "back" if agent.reregistered else "registered")
        if known is None:
            self._state.changed(AgentAdded(agent))
        self._state.tell(
            agent,
            internal.Registered(AgentID(agent.id), self._state.options.info, self._state.options.agent_ping_timeout),
        )
        if known is not None:
            self._state.tell(agent, internal.Checkpoint(agent.checkpointed))
        self._stocktaking.take(agent, message)
        self._state.allocator.add_agent(agent.id, agent.info, agent.total, dict(agent.used))
        for follow in self._state.admitted:
            follow(agent)
        self._offers.allocate_soon(agent.id)
        agent.missed_pings, agent.ponged = 0, True
        self._ping(agent)
        if not is_open:
            self.disconnected(stream)

    def _is_unwanted(self, agent: Agent) -> bool:
        """Something was decided about it while the registry was written."""
        return agent.id in self._state.gone or agent.id in self._departing or agent.machine in self._state.down

    def _known(self, agent_id: str) -> Agent | None:
        """An agent that was here before."""
        unreachable = self._state.unreachable.get(agent_id)
        return (
            self._state.agents.get(agent_id)
            or self._state.recovered.get(agent_id)
            or (unreachable.agent if unreachable else None)
        )

    def disconnected(self, stream: str) -> None:
        """The stream broke: no offers until the agent connects again; missed pings decide what becomes of it."""
        self._arriving.discard(stream)
        agent = self._state.agents_by_stream.get(stream)
        if agent is None:
            return
        log.warning("Agent %s is disconnected", agent)
        self._state.disconnect(agent)
        self._rescind_offers(agent)
        self._state.allocator.deactivate_agent(agent.id)

    def ponged(self, agent: Agent) -> None:
        agent.missed_pings, agent.ponged = 0, True

    def remove(self, agent: Agent, cause: str) -> None:
        """The agent is over for good, and so are its tasks."""
        self._depart(agent, partial(self._records.drop, agent.id), partial(self._removed, agent, cause))

    def _removed(self, agent: Agent, cause: str, state: TaskState = TaskState.TASK_LOST) -> None:
        log.warning("Agent %s is removed with %d tasks: %s", agent, len(agent.tasks), cause)
        self._state.counters["slave_removals"] += 1
        for task in [*agent.tasks.values()]:
            framework = self._state.frameworks[task.framework_id]
            self._lose(framework, task, state, f"Agent {agent.info.hostname} removed: {cause}")
            self._tasks.forget(task)
        self._finish(agent)

    def mark_gone(self, agent_id: str, since: float) -> None:
        """An operator says that the agent, registered or unreachable, will not come back, nor will its tasks."""
        cause = "Agent has been marked gone"
        if agent := self._state.agents.get(agent_id):
            self._state.tell(agent, internal.Refused(cause))
            self._depart(
                agent, lambda done: done(), partial(self._removed, agent, cause, TaskState.TASK_GONE_BY_OPERATOR)
            )
        self._records.drop(agent_id)
        self._state.recovered.pop(agent_id, None)
        self._state.unreachable.pop(agent_id, None)
        for framework in self._state.frameworks.values():
            for task in [each for each in framework.unreachable.values() if each.agent_id == agent_id]:
                reason = _Reason.REASON_AGENT_REMOVED_BY_OPERATOR
                status = self._state.status(
                    framework, task.id, agent_id, TaskState.TASK_GONE_BY_OPERATOR, reason, cause
                )
                self._state.update(framework, status)
                task.state, task.told = status.state, status
                task.statuses.append(status)
                del framework.unreachable[task.id]
                framework.complete(task)
        self._state.gone[agent_id] = since

    def mark_unreachable(self, agent: Agent) -> None:
        """The agent answers no more. It may come back, with its tasks."""
        since = self._state.clock.now()
        self._depart(agent, partial(self._records.hold, agent, since), partial(self._unreachable, agent, since))

    def _unreachable(self, agent: Agent, since: float) -> None:
        log.warning("Agent %s does not answer: it is unreachable, with %d tasks", agent, len(agent.tasks))
        time = TimeInfo(nanoseconds=int(since * 1e9))
        for counter in ("slave_removals", "slave_removals/reason_unhealthy", "slave_unreachable_completed"):
            self._state.counters[counter] += 1
        for task in [*agent.tasks.values()]:
            framework = self._state.frameworks[task.framework_id]
            self._lose(framework, task, TaskState.TASK_UNREACHABLE, "health check timed out", time)
            framework.lose_sight_of(task)
        self._state.unreachable[agent.id] = Unreachable(agent, time)
        self._finish(agent)

    def _give_up(self, agent: Agent) -> None:
        """An agent that an earlier master admitted did not come back: it is unreachable."""
        if self._state.recovered.get(agent.id) is not agent or agent.id in self._departing:
            return
        since = self._state.clock.now()

        def given_up() -> None:
            self._departing.discard(agent.id)
            if self._state.recovered.pop(agent.id, None):
                log.warning("Agent %s did not come back after the failover: it is unreachable", agent)
                self._state.counters["recovery_slave_removals"] += 1
                self._state.unreachable[agent.id] = Unreachable(agent, TimeInfo(nanoseconds=int(since * 1e9)))
                self._tell_failure(agent)

        self._departing.add(agent.id)
        self._records.hold(agent, since, given_up)

    def forget(self, agent_id: str) -> None:
        """An unreachable agent is not remembered any more, unless it is just coming back."""
        if agent_id not in self._returning:
            self._records.drop(agent_id, lambda: self._state.unreachable.pop(agent_id, None))

    def _ping(self, agent: Agent) -> None:
        if not agent.ponged:
            agent.missed_pings += 1
            if agent.missed_pings == self._state.options.max_agent_ping_timeouts:
                self._removals.acquire(partial(self._timed_out, agent))
        if agent.id in self._departing or self._state.agents.get(agent.id) is not agent:
            return
        agent.ponged = False
        self._state.tell(agent, internal.Ping())
        agent.ping = self._state.clock.after(self._state.options.agent_ping_timeout, lambda: self._ping(agent))

    def _timed_out(self, agent: Agent) -> None:
        """Its turn has come to be marked, unless it answered, or came back, while it waited."""
        is_here = self._state.agents.get(agent.id) is agent and agent.id not in self._departing
        if is_here and agent.missed_pings >= self._state.options.max_agent_ping_timeouts:
            self.mark_unreachable(agent)

    def _refuse(self, stream: str, reason: str) -> None:
        log.warning("An agent is refused: %s", reason)
        self._state.emit(ToAgent(stream, internal.Refused(reason)))
        self._state.emit(CloseAgent(stream))

    # An agent that comes back.

    def _leave(self, agent: Agent) -> None:
        """It is entered anew, whatever of its last registration is still there."""
        if agent.ping:
            agent.ping.cancel()
        self._hang_up(agent)
        del self._state.agents_by_pid[agent.pid]
        self._rescind_offers(agent)
        self._state.allocator.remove_agent(agent.id)

    # An agent that goes.

    def _depart(self, agent: Agent, write: Callable[[Done], object], finish: Done) -> None:
        """The agent is not spoken to any more, and is nobody's any more once `write` has made that durable."""
        if agent.id in self._departing:
            return

        def durable() -> None:
            self._departing.discard(agent.id)
            self._state.allocator.remove_agent(agent.id)
            finish()
            if (since := self._state.gone.get(agent.id)) is not None:
                self.mark_gone(agent.id, since)  # decided while this was on its way

        if agent.ping:
            agent.ping.cancel()
        self._departing.add(agent.id)
        self._hang_up(agent)
        self._state.allocator.deactivate_agent(agent.id)
        del self._state.agents_by_pid[agent.pid]
        write(durable)

    def _lose(
        self, framework: Framework, task: Task, state: TaskState, message: str, since: TimeInfo | None = None
    ) -> None:
        if task.told_state in TERMINAL:
            return  # its framework knows the end, though it has not acknowledged it yet
        by_operator = state is TaskState.TASK_GONE_BY_OPERATOR
        reason = _Reason.REASON_AGENT_REMOVED_BY_OPERATOR if by_operator else _Reason.REASON_AGENT_REMOVED
        status = msgspec.structs.replace(
            self._state.status(framework, task.id, task.agent_id, state, reason, message),
            executor_id=None if task.executor_id is None else ExecutorID(task.executor_id),
            unreachable_time=since,
        )
        self._state.update(framework, status)
        self._tasks.record(task, status, status, recover=False)

    def _finish(self, agent: Agent) -> None:
        for executor in [*agent.executors.values()]:
            self._tasks.remove_executor(executor, recover=False)
        self._rescind_offers(agent)
        del self._state.agents[agent.id]
        agent.tasks.clear()
        agent.used.clear()
        self._state.changed(AgentRemoved(agent))
        self._tell_failure(agent)

    def _tell_failure(self, agent: Agent) -> None:
        for framework in self._state.frameworks.values():
            failure = Event.Failure(agent_id=AgentID(agent.id))
            self._state.send(framework, Event(type=Event.Type.FAILURE, failure=failure))

    def _hang_up(self, agent: Agent) -> None:
        if agent.stream is not None:
            self._state.emit(CloseAgent(agent.stream))
            self._state.disconnect(agent)

    def _rescind_offers(self, agent: Agent) -> None:
        for offer in [*agent.offers.values()]:
            self._offers.rescind(offer)


def total_resources(message: internal.Register) -> Resources:
    """All that an agent has, with its dynamic reservations and volumes. Raises ResourcesError."""
    return with_checkpointed(message.agent.resources, message.checkpointed)
