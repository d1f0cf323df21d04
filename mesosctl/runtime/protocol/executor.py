"""The executor API (`/api/v1/executor` of an agent): `mesos.v1.executor`."""

from __future__ import annotations

from typing import Annotated

from mesosctl.runtime.protocol.basics import ContainerID, ExecutorID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.containers import KillPolicy
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskGroupInfo, TaskInfo, TaskStatus
from mesosctl.runtime.protocol.wire import WireEnum, WireMessage


class Event(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        SUBSCRIBED = "SUBSCRIBED", 1
        LAUNCH = "LAUNCH", 2
        LAUNCH_GROUP = "LAUNCH_GROUP", 8
        KILL = "KILL", 3
        ACKNOWLEDGED = "ACKNOWLEDGED", 4
        MESSAGE = "MESSAGE", 5
        ERROR = "ERROR", 6
        SHUTDOWN = "SHUTDOWN", 7
        HEARTBEAT = "HEARTBEAT", 9

    class Subscribed(WireMessage):
        executor_info: Annotated[ExecutorInfo, 1]
        framework_info: Annotated[FrameworkInfo, 2]
        agent_info: Annotated[AgentInfo, 3]
        container_id: Annotated[ContainerID | None, 4] = None

    class Launch(WireMessage):
        task: Annotated[TaskInfo, 1]

    class LaunchGroup(WireMessage):
        task_group: Annotated[TaskGroupInfo, 1]

    class Kill(WireMessage):
        task_id: Annotated[TaskID, 1]
        kill_policy: Annotated[KillPolicy | None, 2] = None

    class Acknowledged(WireMessage):
        task_id: Annotated[TaskID, 1]
        uuid: Annotated[bytes, 2]

    class Message(WireMessage):
        data: Annotated[bytes, 1]

    class Error(WireMessage):
        message: Annotated[str, 1]

    type: Annotated[Event.Type | None, 1] = None
    subscribed: Annotated[Event.Subscribed | None, 2] = None
    acknowledged: Annotated[Event.Acknowledged | None, 3] = None
    launch: Annotated[Event.Launch | None, 4] = None
    launch_group: Annotated[Event.LaunchGroup | None, 8] = None
    kill: Annotated[Event.Kill | None, 5] = None
    message: Annotated[Event.Message | None, 6] = None
    error: Annotated[Event.Error | None, 7] = None


class Call(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        SUBSCRIBE = "SUBSCRIBE", 1
        UPDATE = "UPDATE", 2
        MESSAGE = "MESSAGE", 3
        HEARTBEAT = "HEARTBEAT", 4

    class Subscribe(WireMessage):
        unacknowledged_tasks: Annotated[tuple[TaskInfo, ...], 1] = ()
        unacknowledged_updates: Annotated[tuple[Call.Update, ...], 2] = ()

    class Update(WireMessage):
        status: Annotated[TaskStatus, 1]

    class Message(WireMessage):
        data: Annotated[bytes, 2]

    executor_id: Annotated[ExecutorID, 1]
    framework_id: Annotated[FrameworkID, 2]
    type: Annotated[Call.Type | None, 3] = None
    subscribe: Annotated[Call.Subscribe | None, 4] = None
    update: Annotated[Call.Update | None, 5] = None
    message: Annotated[Call.Message | None, 6] = None
