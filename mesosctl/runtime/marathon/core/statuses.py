"""What a status says of a task, in Marathon's words."""

from __future__ import annotations

import msgspec

from mesosctl.runtime.marathon.core.records import Condition, Instance, TaskRecord
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus

_Reason = TaskStatus.Reason

_CONDITIONS = {
    TaskState.TASK_STAGING: Condition.STAGING,
    TaskState.TASK_STARTING: Condition.STARTING,
    TaskState.TASK_RUNNING: Condition.RUNNING,
    TaskState.TASK_KILLING: Condition.KILLING,
    TaskState.TASK_FINISHED: Condition.FINISHED,
    TaskState.TASK_FAILED: Condition.FAILED,
    TaskState.TASK_KILLED: Condition.KILLED,
    TaskState.TASK_ERROR: Condition.ERROR,
    TaskState.TASK_DROPPED: Condition.DROPPED,
    TaskState.TASK_UNREACHABLE: Condition.UNREACHABLE,
    TaskState.TASK_GONE: Condition.GONE,
    TaskState.TASK_GONE_BY_OPERATOR: Condition.GONE,
    TaskState.TASK_UNKNOWN: Condition.UNKNOWN,
}
_MAY_COME_BACK = frozenset(
    {
        _Reason.REASON_AGENT_DISCONNECTED,
        _Reason.REASON_AGENT_REMOVED,
        _Reason.REASON_AGENT_UNKNOWN,
        _Reason.REASON_MASTER_DISCONNECTED,
        _Reason.REASON_RECONCILIATION,
    }
)
"""TASK_LOST for one of these: the agent may still be running it."""
_NEVER_RAN = frozenset({_Reason.REASON_INVALID_OFFERS, _Reason.REASON_RESOURCES_UNKNOWN})

FAILURES = frozenset({Condition.FINISHED, Condition.FAILED, Condition.ERROR, Condition.DROPPED, Condition.GONE})
"""A task that ended so was not meant to: the next one waits for the backoff."""

_WHOLE = (
    Condition.UNREACHABLE,
    Condition.KILLING,
    Condition.PROVISIONED,
    Condition.STAGING,
    Condition.STARTING,
    Condition.RUNNING,
    Condition.ERROR,
    Condition.FAILED,
    Condition.GONE,
    Condition.DROPPED,
    Condition.UNKNOWN,
    Condition.KILLED,
    Condition.FINISHED,
)
"""A pod's instance is as the first of these that one of its containers is in."""


def noted(instance: Instance, task_id: str, condition: Condition, status: TaskStatus, now: float) -> Instance:
    """The instance with that status in the record of the task."""
    tasks = []
    for task in instance.tasks:
        if task.id == task_id:
            since = task.since if condition is task.condition else now
            task = msgspec.structs.replace(task, status=status, condition=condition, since=since)
            if condition is Condition.RUNNING and task.started_at is None:
                task = msgspec.structs.replace(task, started_at=status.timestamp or now)
        tasks.append(task)
    return msgspec.structs.replace(instance, task=tasks[0], others=tuple(tasks[1:]))


def killed_as_unhealthy(task: TaskRecord) -> bool:
    """Its agent has ended it, because its check failed."""
    return task.condition is Condition.KILLED and task.status is not None and task.status.healthy is False


def condition_of_all(instance: Instance) -> Condition:
    """Of the instance, from its tasks'."""
    return min((task.condition for task in instance.tasks), key=_WHOLE.index)


NOT_YET = frozenset({Condition.STAGING, Condition.STARTING})
"""Of a task that does not run yet."""


def is_same(last: TaskStatus, status: TaskStatus) -> bool:
    """Whether a status says nothing new of the task, but for when and why it was sent."""
    return (last.state, last.healthy, last.check_status, last.container_status) == (
        status.state,
        status.healthy,
        status.check_status,
        status.container_status,
    )


def condition_of(status: TaskStatus) -> Condition:
    if status.state is not TaskState.TASK_LOST:
        return _CONDITIONS[status.state]
    if status.reason in _MAY_COME_BACK:
        return Condition.UNREACHABLE
    return Condition.DROPPED if status.reason in _NEVER_RAN else Condition.GONE
