"""What a status says of a task, in Marathon's words."""

from __future__ import annotations

from mesosctl.runtime.marathon.core.records import Condition
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
