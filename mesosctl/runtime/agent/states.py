"""Which task states end a task, and what a framework that is not PARTITION_AWARE hears in place of the finer ones."""

from __future__ import annotations

from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.tasks import TaskState

_TERMINAL = frozenset(
    {
        TaskState.TASK_FINISHED,
        TaskState.TASK_FAILED,
        TaskState.TASK_KILLED,
        TaskState.TASK_ERROR,
        TaskState.TASK_LOST,
        TaskState.TASK_DROPPED,
        TaskState.TASK_GONE,
    }
)


def is_terminal(state: TaskState) -> bool:
    return state in _TERMINAL


def dropped_state(framework: FrameworkInfo) -> TaskState:
    """The state of a task that never reached its executor."""
    aware = FrameworkInfo.Capability.Type.PARTITION_AWARE
    if any(capability.type is aware for capability in framework.capabilities):
        return TaskState.TASK_DROPPED
    return TaskState.TASK_LOST
