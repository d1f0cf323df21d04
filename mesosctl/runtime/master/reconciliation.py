"""Reconciliation: what the master answers when a scheduler asks where its tasks are.

Explicit requests get, in this order: the latest state of a known task; TASK_GONE where the agent is registered and does
not have it; TASK_UNREACHABLE; TASK_GONE_BY_OPERATOR; TASK_UNKNOWN. Nothing where an agent may still come back after a
failover of the master. An implicit request gets all tasks that have not ended.
"""

from __future__ import annotations

import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.master.records import Framework, Task
from mesosctl.runtime.master.state import State
from mesosctl.runtime.protocol.basics import ExecutorID, TimeInfo
from mesosctl.runtime.protocol.scheduler import Call
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus

_REASON = TaskStatus.Reason.REASON_RECONCILIATION


class Reconciliation:
    def __init__(self, state: State) -> None:
        self._state = state

    def reconcile(self, framework: Framework, call: Call.Reconcile) -> None:
        if not call.tasks:
            for task in list(framework.tasks.values()):
                if not task.ended:
                    self._state.update(framework, self._latest(framework, task))
            return
        for asked in call.tasks:
            self._answer(framework, asked.task_id.value, asked.agent_id.value if asked.agent_id else None)

    def kill(self, framework: Framework, call: Call.Kill) -> None:
        """A known task is killed by its agent. Of an unknown one the scheduler is told what is known."""
        agent_id = call.agent_id.value if call.agent_id else None
        task = framework.tasks.get(call.task_id.value)
        if task is None:
            self._answer(framework, call.task_id.value, agent_id)
        elif agent_id in (None, task.agent_id):
            agent = self._state.agents[task.agent_id]
            agent.killed.add((framework.id, task.id))
            self._state.tell(agent, internal.KillTask(framework.framework_id, call.task_id, call.kill_policy))

    def _answer(self, framework: Framework, task_id: str, agent_id: str | None) -> None:
        if task := framework.tasks.get(task_id):
            self._state.update(framework, self._latest(framework, task))
            return
        since: TimeInfo | None = None
        if agent_id in self._state.recovered or (agent_id is None and self._state.recovered):
            return
        if agent_id in self._state.agents:
            state, message = TaskState.TASK_GONE, "Task is unknown to the agent"
        elif task_id in framework.unreachable or agent_id in self._state.unreachable:
            agent_id = agent_id or framework.unreachable[task_id].agent_id
            state, message = TaskState.TASK_UNREACHABLE, "Task is unreachable"
            if unreachable := self._state.unreachable.get(agent_id):
                since = unreachable.since
        elif agent_id in self._state.gone:
            state, message = TaskState.TASK_GONE_BY_OPERATOR, "Task is gone"
        else:
            state, message = TaskState.TASK_UNKNOWN, "Task is unknown"
        status = self._state.status(framework, task_id, agent_id, state, _REASON, f"Reconciliation: {message}")
        self._state.update(framework, msgspec.structs.replace(status, unreachable_time=since))

    def _latest(self, framework: Framework, task: Task) -> TaskStatus:
        """What the framework was told last, as a status of the master."""
        status = self._state.status(
            framework, task.id, task.agent_id, task.told_state, _REASON, "Reconciliation: Latest task state"
        )
        return msgspec.structs.replace(
            status,
            executor_id=None if task.executor_id is None else ExecutorID(task.executor_id),
            healthy=task.told.healthy if task.told else None,
            check_status=task.told.check_status if task.told else None,
            container_status=task.told.container_status if task.told else None,
        )
