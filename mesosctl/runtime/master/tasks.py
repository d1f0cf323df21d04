"""The life of tasks and executors on agents, as the master sees it: bookkeeping, updates, acknowledgements, removal."""

from __future__ import annotations

import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.master.actions import TaskAdded, TaskUpdated
from mesosctl.runtime.master.records import Agent, Capability, Executor, Framework, Task
from mesosctl.runtime.master.state import State
from mesosctl.runtime.protocol.basics import AgentID, ExecutorID, TaskID
from mesosctl.runtime.protocol.scheduler import Call, Event
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from mesosctl.runtime.states import TERMINAL


class Tasks:
    def __init__(self, state: State) -> None:
        self._state = state

    # What runs where.

    def add(self, framework: Framework, agent: Agent, task: Task) -> None:
        """The agent has the task, or is about to be told of it; its resources are the framework's already."""
        framework.tasks[task.id] = task
        agent.tasks[framework.id, task.id] = task
        if not task.ended:
            agent.hold(framework, task.resources)
        self._state.changed(TaskAdded(task))

    def add_executor(self, framework: Framework, agent: Agent, executor: Executor) -> None:
        framework.executors[agent.id, executor.id] = executor
        agent.executors[framework.id, executor.id] = executor
        agent.hold(framework, executor.resources)

    def _end(self, task: Task, *, recover: bool) -> None:
        """The task holds its resources no longer."""
        framework, agent = self._state.frameworks[task.framework_id], self._state.agents[task.agent_id]
        agent.release(framework, task.resources)
        if recover:
            self._state.allocator.recover_resources(framework.id, agent.id, task.resources)

    def forget(self, task: Task) -> None:
        """The task has ended and its framework knows: it moves to the history."""
        agent = self._state.agents[task.agent_id]
        agent.tasks.pop((task.framework_id, task.id), None)
        agent.killed.discard((task.framework_id, task.id))
        self._state.frameworks[task.framework_id].complete(task)

    def remove_executor(self, executor: Executor, *, recover: bool = True) -> None:
        framework, agent = self._state.frameworks[executor.framework_id], self._state.agents[executor.agent_id]
        framework.executors.pop((agent.id, executor.id), None)
        agent.executors.pop((framework.id, executor.id), None)
        agent.release(framework, executor.resources)
        if recover and executor.resources:
            self._state.allocator.recover_resources(framework.id, agent.id, executor.resources)

    # What agents say.

    def updated(self, agent: Agent, message: internal.StatusUpdate) -> None:
        """An agent tells a status: it goes on to the scheduler, who acknowledges it."""
        framework = self._state.frameworks.get(message.framework_id.value)
        self._count("status_update", is_valid=framework is not None)
        if framework is None:
            return
        uuid = message.status.uuid
        if uuid is not None and uuid in agent.acknowledged:  # it was on its way when the acknowledgement was
            self._pass_on(framework, agent, message.status.task_id, uuid)
            return
        status = _told(message.status, framework, agent)
        self._state.update(framework, status)
        task = agent.tasks.get((framework.id, status.task_id.value))
        if task is not None:
            self.record(task, status, _told(message.latest, framework, agent) if message.latest else status)

    def record(self, task: Task, status: TaskStatus, latest: TaskStatus, *, recover: bool = True) -> None:
        """`status` was sent to the scheduler, `latest` is the newest of the task.

        What it held becomes free where that is its end. `recover=False`: its agent is not in the allocator.
        """
        held, before = not task.ended, task.state
        if held:
            task.state = latest.state
        task.told = status
        if task.statuses and task.statuses[-1].state is status.state:
            task.statuses.pop()
        task.statuses.append(msgspec.structs.replace(status, data=None))
        if held and (task.ended or task.state is TaskState.TASK_UNREACHABLE):
            self._end(task, recover=recover)
        if held and task.ended:
            self._count_end(self._state.frameworks[task.framework_id], latest)
        if task.state is not before:
            self._state.changed(TaskUpdated(task, status))

    def executor_exited(self, agent: Agent, message: internal.ExecutorExited) -> None:
        executor = agent.executors.get((message.framework_id.value, message.executor_id.value))
        self._state.counters["messages_exited_executor"] += 1
        if executor is None:
            return
        self.remove_executor(executor)
        failure = Event.Failure(agent_id=AgentID(agent.id), executor_id=ExecutorID(executor.id), status=message.status)
        self._state.send(self._state.frameworks[executor.framework_id], Event(type=Event.Type.FAILURE, failure=failure))

    def executor_message(self, agent: Agent, message: internal.ExecutorMessage) -> None:
        framework = self._state.frameworks.get(message.framework_id.value)
        self._count("executor_to_framework_message", is_valid=framework is not None)
        if framework is not None:
            event = Event.Message(agent_id=AgentID(agent.id), executor_id=message.executor_id, data=message.data)
            self._state.send(framework, Event(type=Event.Type.MESSAGE, message=event))

    # What schedulers say.

    def acknowledge(self, framework: Framework, call: Call.Acknowledge) -> None:
        """Passed on to the agent; to one that is away, when it comes back and tells of the update again."""
        agent = self._state.agents.get(call.agent_id.value)
        self._count("status_update_acknowledgement", is_valid=agent is not None)
        if agent is None and (unreachable := self._state.unreachable.get(call.agent_id.value)):
            agent = unreachable.agent
        if agent is not None:
            agent.note_acknowledged(call.uuid)
            self._pass_on(framework, agent, call.task_id, call.uuid)

    def _pass_on(self, framework: Framework, agent: Agent, task_id: TaskID, uuid: bytes) -> None:
        """An ended task whose end is acknowledged is forgotten."""
        task = agent.tasks.get((framework.id, task_id.value))
        if task and task.told and task.told.state in TERMINAL and task.told.uuid == uuid:
            self.forget(task)
        self._state.tell(agent, internal.Acknowledge(framework.framework_id, task_id, uuid))

    def message(self, framework: Framework, call: Call.Message) -> None:
        agent = self._state.agents.get(call.agent_id.value)
        self._count("framework_to_executor_message", is_valid=agent is not None)
        if agent is not None:
            self._state.tell(agent, internal.SchedulerMessage(framework.framework_id, call.executor_id, call.data))

    def shutdown_executor(self, framework: Framework, call: Call.Shutdown) -> None:
        if agent := self._state.agents.get(call.agent_id.value):
            self._state.tell(agent, internal.ShutdownExecutor(framework.framework_id, call.executor_id))

    def _count(self, what: str, *, is_valid: bool) -> None:
        self._state.counters[f"{'valid' if is_valid else 'invalid'}_{what}s"] += 1

    def _count_end(self, framework: Framework, status: TaskStatus) -> None:
        state = status.state.lower()
        framework.counters["terminal", status.state] += 1
        self._state.counters[state.replace("task_", "tasks_")] += 1
        if status.source and status.reason:
            self._state.counters[f"{state}/{status.source.lower()}/{status.reason.lower()}"] += 1


def _told(status: TaskStatus, framework: Framework, agent: Agent) -> TaskStatus:
    """What the scheduler reads: where the agent is drained, that this is why a task was killed."""
    if agent.drain is None or status.state not in (TaskState.TASK_KILLING, TaskState.TASK_KILLED):
        return status
    gone = agent.drain.config.mark_gone and framework.can(Capability.PARTITION_AWARE)
    return msgspec.structs.replace(
        status,
        state=TaskState.TASK_GONE_BY_OPERATOR if gone and status.state is TaskState.TASK_KILLED else status.state,
        reason=TaskStatus.Reason.REASON_AGENT_DRAINING,
    )
