"""The events that an agent sends to its executors."""

from __future__ import annotations

from collections.abc import Iterable

from mesosctl.runtime.protocol.basics import ContainerID, TaskID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.containers import KillPolicy
from mesosctl.runtime.protocol.executor import Event
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskGroupInfo, TaskInfo

HEARTBEAT = Event(type=Event.Type.HEARTBEAT)


def subscribed(executor: ExecutorInfo, framework: FrameworkInfo, agent: AgentInfo, container_id: ContainerID) -> Event:
    return Event(type=Event.Type.SUBSCRIBED, subscribed=Event.Subscribed(executor, framework, agent, container_id))


def launch(task: TaskInfo) -> Event:
    return Event(type=Event.Type.LAUNCH, launch=Event.Launch(task))


def launch_group(tasks: Iterable[TaskInfo]) -> Event:
    return Event(type=Event.Type.LAUNCH_GROUP, launch_group=Event.LaunchGroup(TaskGroupInfo(tuple(tasks))))


def kill(task_id: TaskID, kill_policy: KillPolicy | None) -> Event:
    return Event(type=Event.Type.KILL, kill=Event.Kill(task_id, kill_policy))


def acknowledged(task_id: TaskID, uuid: bytes) -> Event:
    return Event(type=Event.Type.ACKNOWLEDGED, acknowledged=Event.Acknowledged(task_id, uuid))


def message(data: bytes) -> Event:
    return Event(type=Event.Type.MESSAGE, message=Event.Message(data))


def shutdown() -> Event:
    return Event(type=Event.Type.SHUTDOWN)
