"""What a framework that is not PARTITION_AWARE hears in place of the finer states of tasks."""

from __future__ import annotations

from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.tasks import TaskState


def dropped_state(framework: FrameworkInfo) -> TaskState:
    """The state of a task that never reached its executor."""
    aware = FrameworkInfo.Capability.Type.PARTITION_AWARE
    if any(capability.type is aware for capability in framework.capabilities):
        return TaskState.TASK_DROPPED
    return TaskState.TASK_LOST
