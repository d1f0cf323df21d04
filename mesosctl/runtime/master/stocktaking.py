"""What a registering agent runs, against what the master thinks that it runs. The agent is right."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from mesosctl.runtime import internal
from mesosctl.runtime.master.frameworks import Frameworks
from mesosctl.runtime.master.records import Agent, Executor, Framework, Task, resources_of
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.tasks import Tasks
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from mesosctl.runtime.states import TERMINAL

_Reason = TaskStatus.Reason


class Stocktaking:
    def __init__(self, state: State, tasks: Tasks, frameworks: Frameworks) -> None:
        self._state = state
        self._tasks = tasks
        self._frameworks = frameworks

    def take(self, agent: Agent, message: internal.Register) -> None:
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
            if framework is not None and key not in agent.tasks and not _is_over(agent, running.status):
                self._bring(framework, agent, running)
        for framework in self._state.frameworks.values():
            for task in [each for each in framework.unreachable.values() if each.agent_id == agent.id]:
                self._not_brought(framework, task)

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

    def _not_brought(self, framework: Framework, task: Task) -> None:
        """The agent was unreachable, and comes back without it."""
        if task.told_state not in TERMINAL:
            message = "Reconciliation: Task is unknown to the agent"
            status = self._state.status(
                framework, task.id, task.agent_id, TaskState.TASK_GONE, _Reason.REASON_RECONCILIATION, message
            )
            self._state.update(framework, status)
            task.state, task.told = status.state, status
            task.statuses.append(status)
        del framework.unreachable[task.id]
        framework.complete(task)

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
            statuses=[*was_unreachable.statuses] if was_unreachable else [replace(running.status, data=None)],
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


def _is_over(agent: Agent, status: TaskStatus) -> bool:
    """Whether the scheduler has acknowledged the end of a task, which the agent has not heard."""
    return status.state in TERMINAL and status.uuid in agent.acknowledged
