"""What an instance is launched by, and what is kept of its tasks."""

from __future__ import annotations

from mesosctl.runtime.marathon.core.matching import Match
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.pod_info import executor_info, task_group
from mesosctl.runtime.marathon.core.records import Instance, TaskRecord
from mesosctl.runtime.marathon.core.task_info import task_info
from mesosctl.runtime.marathon.model import Pod, RunSpec
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.tasks import TaskGroupInfo

_Operation = Offer.Operation


def launch(spec: RunSpec, instance: Instance, match: Match, framework_id: str, options: Options) -> Offer.Operation:
    """A task for an app; for a pod, a group of them with an executor of its own."""
    if isinstance(spec, Pod):
        group = _Operation.LaunchGroup(
            executor_info(spec, instance, match, framework_id),
            TaskGroupInfo(tuple(task_group(spec, instance, match))),
        )
        return _Operation(type=_Operation.Type.LAUNCH_GROUP, launch_group=group)
    task = task_info(spec, instance.task_id, match, options)
    return _Operation(type=_Operation.Type.LAUNCH, launch=_Operation.Launch((task,)))


def task_records(spec: RunSpec, instance: Instance, match: Match, now: float) -> tuple[TaskRecord, ...]:
    """Of the tasks that `launch` launches, in their order."""
    if isinstance(spec, Pod):
        return tuple(
            TaskRecord(
                id=instance.task_of(container.name),
                staged_at=now,
                ports=share.ports,
                container=container.name,
                since=now,
            )
            for container, share in zip(spec.containers, match.shares[1:], strict=True)
        )
    return (TaskRecord(id=instance.task_id, staged_at=now, ports=match.ports, since=now),)
