"""Agents: admission, coming back with what they run, pings, unreachability, removal."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.master.actions import AgentAdded, AgentRemoved, CloseAgent, ToAgent
from mesosctl.runtime.master.frameworks import Frameworks
from mesosctl.runtime.master.offers import Offers
from mesosctl.runtime.master.records import Agent, Executor, Framework, Task, Unreachable, pid, resources_of
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.tasks import Tasks
from mesosctl.runtime.protocol.basics import AgentID, ExecutorID, TimeInfo
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.scheduler import Event
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from mesosctl.runtime.resources import Conversion, Resources, ResourcesError

_Reason = TaskStatus.Reason


class Agents:
    def __init__(self, state: State, offers: Offers, tasks: Tasks, frameworks: Frameworks) -> None:
        self._state = state
        self._offers = offers
        self._tasks = tasks
        self._frameworks = frameworks

    def register(self, stream: str, peer: str, message: internal.Register) -> None:
        """An agent connected on `stream` from the address `peer`: a new one, or one that was here before."""
        ip = message.ip or peer
        agent_id = message.agent.id.value if message.agent.id else ""
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
        other = self._state.agents_by_pid.get(pid(ip, message.agent.port))
        if other is not None and other.id != agent_id:
            self.remove(other, "a new agent registered at the same address")
        returned = self._state.unreachable.pop(agent_id, None)
        agent = self._state.agents.get(agent_id)
        is_new = agent is None
        if agent is not None:
            self._leave(agent)
        else:
            agent = Agent(
                agent_id or self._state.new_agent_id(),
                message.agent,
                ip,
                message.version,
                total,
                registered=returned.agent.registered if returned else self._state.clock.now(),
            )
            self._state.agents[agent.id] = agent
        if agent_id:
            agent.reregistered = self._state.clock.now()
        agent.info = msgspec.structs.replace(message.agent, id=AgentID(agent.id))
        agent.ip, agent.version, agent.total = ip, message.version, total
        self._state.connect(agent, stream)
        agent.checkpointed, agent.capabilities = message.checkpointed, message.capabilities
        if is_new:
            self._state.changed(AgentAdded(agent))
        self._state.tell(
            agent,
            internal.Registered(AgentID(agent.id), self._state.options.info, self._state.options.agent_ping_timeout),
        )
        self._take_stock(agent, message)
        self._state.allocator.add_agent(agent.id, agent.info, agent.total, dict(agent.used))
        for follow in self._state.admitted:
            follow(agent)
        self._offers.allocate_soon(agent.id)
        agent.missed_pings, agent.ponged = 0, True
        self._ping(agent)

    def disconnected(self, stream: str) -> None:
        """The stream broke: no offers until the agent connects again; missed pings decide what becomes of it."""
        agent = self._state.agents_by_stream.get(stream)
        if agent is None:
            return
        self._state.disconnect(agent)
        self._rescind_offers(agent)
        self._state.allocator.deactivate_agent(agent.id)

    def ponged(self, agent: Agent) -> None:
        agent.missed_pings, agent.ponged = 0, True

    def remove(self, agent: Agent, cause: str, *, gone: bool = False) -> None:
        """The agent is over for good, and so are its tasks. `gone`: because an operator says so."""
        self._drop(agent)
        for task in [*agent.tasks.values()]:
            framework = self._state.frameworks[task.framework_id]
            message = f"Agent {agent.info.hostname} removed: {cause}"
            self._lose(framework, task, TaskState.TASK_GONE_BY_OPERATOR if gone else TaskState.TASK_LOST, message)
            self._tasks.forget(task)
        self._state.gone[agent.id] = self._state.clock.now()
        self._finish(agent)

    def mark_gone(self, agent_id: str, since: float) -> None:
        """An operator says that the agent, registered or unreachable, will not come back, nor will its tasks."""
        cause = "Agent has been marked gone"
        if agent := self._state.agents.get(agent_id):
            self._state.tell(agent, internal.Refused(cause))
            self.remove(agent, cause, gone=True)
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
        since = TimeInfo(nanoseconds=int(self._state.clock.now() * 1e9))
        self._drop(agent)
        for task in [*agent.tasks.values()]:
            framework = self._state.frameworks[task.framework_id]
            self._lose(framework, task, TaskState.TASK_UNREACHABLE, "health check timed out", since)
            framework.lose_sight_of(task)
        self._state.unreachable[agent.id] = Unreachable(agent, since)
        self._finish(agent)

    def _ping(self, agent: Agent) -> None:
        if not agent.ponged:
            agent.missed_pings += 1
            if agent.missed_pings >= self._state.options.max_agent_ping_timeouts:
                self.mark_unreachable(agent)
                return
        agent.ponged = False
        self._state.tell(agent, internal.Ping())
        agent.ping = self._state.clock.after(self._state.options.agent_ping_timeout, lambda: self._ping(agent))

    def _refuse(self, stream: str, reason: str) -> None:
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

    def _take_stock(self, agent: Agent, message: internal.Register) -> None:
        """What the agent runs replaces what the master thought."""
        infos = {info.id.value: info for info in message.frameworks if info.id}
        ids = {task.framework_id.value for task in message.tasks}
        ids |= {executor.framework_id.value for executor in message.executors}
        here = {each for each in (self._framework(agent, framework_id, infos) for framework_id in sorted(ids)) if each}
        running = {(each.framework_id.value, each.executor.executor_id.value): each for each in message.executors}
        for key in [key for key in agent.executors if key not in running]:
            self._tasks.remove_executor(agent.executors[key], recover=False)
        for framework in here:
            for executor in (
                each.executor for each in message.executors if each.framework_id == framework.framework_id
            ):
                if (framework.id, executor.executor_id.value) not in agent.executors:
                    record = Executor(executor, framework.id, agent.id, resources_of(executor.resources))
                    self._tasks.add_executor(framework, agent, record)
        self._compare_tasks(agent, message.tasks)

    def _framework(self, agent: Agent, framework_id: str, infos: dict[str, FrameworkInfo]) -> Framework | None:
        """The framework of something that runs on the agent; of one that is over it is shut down."""
        if framework := self._state.frameworks.get(framework_id):
            return framework
        info = infos.get(framework_id)
        if framework_id in self._state.completed or info is None:
            known = self._state.completed.get(framework_id)
            identifier = known.framework_id if known else None
            if identifier is not None:
                self._state.tell(agent, internal.ShutdownFramework(identifier))
            return None
        return self._frameworks.recover(info)

    def _compare_tasks(self, agent: Agent, reported: Sequence[internal.RunningTask]) -> None:
        there = {(each.framework_id.value, each.task.task_id.value): each for each in reported}
        for key, task in [*agent.tasks.items()]:
            if key not in there:
                self._missing(self._state.frameworks[task.framework_id], task)
            elif key in agent.killed and not task.ended:
                self._state.tell(agent, internal.KillTask(there[key].framework_id, task.info.task_id))
        for key, running in there.items():
            framework = self._state.frameworks.get(running.framework_id.value)
            if framework is not None and key not in agent.tasks:
                self._bring(framework, agent, running)

    def _missing(self, framework: Framework, task: Task) -> None:
        """The agent does not have it: its launch never arrived, or its end is acknowledged already."""
        if not task.ended:
            message = "Reconciliation: Task is unknown to the agent"
            status = self._state.status(
                framework, task.id, task.agent_id, TaskState.TASK_DROPPED, _Reason.REASON_RECONCILIATION, message
            )
            self._state.update(framework, status)
            self._tasks.record(task, status, status, recover=False)
        self._tasks.forget(task)

    def _bring(self, framework: Framework, agent: Agent, running: internal.RunningTask) -> None:
        """A task that the master does not know on this agent: after its own failover, or while it was unreachable."""
        was_unreachable = framework.unreachable.pop(running.task.task_id.value, None)
        task = Task(
            running.task,
            framework.id,
            agent.id,
            running.executor_id.value if running.executor_id else None,
            resources_of(running.task.resources),
            state=running.status.state,
            statuses=[*was_unreachable.statuses] if was_unreachable else [],
            told=running.status,
        )
        self._tasks.add(framework, agent, task)
        if was_unreachable:
            status = self._state.status(
                framework,
                task.id,
                agent.id,
                task.state,
                _Reason.REASON_AGENT_REREGISTERED,
                "Unreachable agent re-registered",
            )
            self._state.update(framework, status)
            task.statuses.append(status)

    # An agent that goes.

    def _drop(self, agent: Agent) -> None:
        """It is in no allocation any more."""
        if agent.ping:
            agent.ping.cancel()
        self._state.allocator.remove_agent(agent.id)

    def _lose(
        self, framework: Framework, task: Task, state: TaskState, message: str, since: TimeInfo | None = None
    ) -> None:
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
        self._rescind_offers(agent, recover=False)
        self._hang_up(agent)
        del self._state.agents[agent.id], self._state.agents_by_pid[agent.pid]
        agent.tasks.clear()
        agent.used.clear()
        self._state.changed(AgentRemoved(agent))
        for framework in self._state.frameworks.values():
            failure = Event.Failure(agent_id=AgentID(agent.id))
            self._state.send(framework, Event(type=Event.Type.FAILURE, failure=failure))

    def _hang_up(self, agent: Agent) -> None:
        if agent.stream is not None:
            self._state.emit(CloseAgent(agent.stream))
            self._state.disconnect(agent)

    def _rescind_offers(self, agent: Agent, *, recover: bool = True) -> None:
        for offer in [*agent.offers.values()]:
            self._offers.rescind(offer, recover=recover)


def total_resources(message: internal.Register) -> Resources:
    """All that an agent has, with its dynamic reservations and volumes. Raises ResourcesError."""
    total = Resources.of(message.agent.resources)
    for resource in message.checkpointed:
        made = Resources.of([resource])
        base = made.without_volumes()
        while base.checkpointed():
            base = base.pop_reservation()
        total = Conversion(base, made).apply(total)
    return total
