"""Tasks, executors, checks and task statuses of `mesos.v1`."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from mesosctl.runtime.protocol.basics import AgentID, DurationInfo, ExecutorID, FrameworkID, Labels, TaskID, TimeInfo
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo, ContainerStatus, KillPolicy, NetworkInfo
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.protocol.wire import Int32, UInt32, WireEnum, WireMessage, written


class TaskState(WireEnum):
    TASK_STAGING = "TASK_STAGING", 6
    TASK_STARTING = "TASK_STARTING", 0
    TASK_RUNNING = "TASK_RUNNING", 1
    TASK_KILLING = "TASK_KILLING", 8
    TASK_FINISHED = "TASK_FINISHED", 2
    TASK_FAILED = "TASK_FAILED", 3
    TASK_KILLED = "TASK_KILLED", 4
    TASK_ERROR = "TASK_ERROR", 7
    TASK_LOST = "TASK_LOST", 5
    TASK_DROPPED = "TASK_DROPPED", 9
    TASK_UNREACHABLE = "TASK_UNREACHABLE", 10
    TASK_GONE = "TASK_GONE", 11
    TASK_GONE_BY_OPERATOR = "TASK_GONE_BY_OPERATOR", 12
    TASK_UNKNOWN = "TASK_UNKNOWN", 13


class CheckInfo(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        COMMAND = "COMMAND", 1
        HTTP = "HTTP", 2
        TCP = "TCP", 3

    class Command(WireMessage):
        command: Annotated[CommandInfo, 1]

    class Http(WireMessage):
        port: Annotated[UInt32, 1]
        path: Annotated[str | None, 2] = None

    class Tcp(WireMessage):
        port: Annotated[UInt32, 1]

    type: Annotated[CheckInfo.Type | None, 1] = None
    command: Annotated[CheckInfo.Command | None, 2] = None
    http: Annotated[CheckInfo.Http | None, 3] = None
    tcp: Annotated[CheckInfo.Tcp | None, 7] = None
    delay_seconds: Annotated[float, 4] = written(15.0)
    interval_seconds: Annotated[float, 5] = written(10.0)
    timeout_seconds: Annotated[float, 6] = written(20.0)


class HealthCheck(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        COMMAND = "COMMAND", 1
        HTTP = "HTTP", 2
        TCP = "TCP", 3

    class HTTPCheckInfo(WireMessage):
        port: Annotated[UInt32, 1]
        protocol: Annotated[NetworkInfo.Protocol, 5] = written(NetworkInfo.Protocol.IPv4)
        scheme: Annotated[str | None, 3] = None
        path: Annotated[str | None, 2] = None
        statuses: Annotated[tuple[UInt32, ...], 4] = ()

    class TCPCheckInfo(WireMessage):
        port: Annotated[UInt32, 1]
        protocol: Annotated[NetworkInfo.Protocol, 2] = written(NetworkInfo.Protocol.IPv4)

    delay_seconds: Annotated[float, 2] = written(15.0)
    interval_seconds: Annotated[float, 3] = written(10.0)
    timeout_seconds: Annotated[float, 4] = written(20.0)
    consecutive_failures: Annotated[UInt32, 5] = written(3)
    grace_period_seconds: Annotated[float, 6] = written(10.0)
    type: Annotated[HealthCheck.Type | None, 8] = None
    command: Annotated[CommandInfo | None, 7] = None
    http: Annotated[HealthCheck.HTTPCheckInfo | None, 1] = None
    tcp: Annotated[HealthCheck.TCPCheckInfo | None, 9] = None


class CheckStatusInfo(WireMessage):
    class Command(WireMessage):
        exit_code: Annotated[Int32 | None, 1] = None

    class Http(WireMessage):
        status_code: Annotated[UInt32 | None, 1] = None

    class Tcp(WireMessage):
        succeeded: Annotated[bool | None, 1] = None

    type: Annotated[CheckInfo.Type | None, 1] = None
    command: Annotated[CheckStatusInfo.Command | None, 2] = None
    http: Annotated[CheckStatusInfo.Http | None, 3] = None
    tcp: Annotated[CheckStatusInfo.Tcp | None, 4] = None


class Port(WireMessage):
    number: Annotated[UInt32, 1]
    name: Annotated[str | None, 2] = None
    protocol: Annotated[str | None, 3] = None
    visibility: Annotated[DiscoveryInfo.Visibility | None, 4] = None
    labels: Annotated[Labels | None, 5] = None


class Ports(WireMessage):
    ports: Annotated[tuple[Port, ...], 1] = ()


class DiscoveryInfo(WireMessage):
    class Visibility(WireEnum):
        FRAMEWORK = "FRAMEWORK", 0
        CLUSTER = "CLUSTER", 1
        EXTERNAL = "EXTERNAL", 2

    visibility: Annotated[DiscoveryInfo.Visibility, 1]
    name: Annotated[str | None, 2] = None
    environment: Annotated[str | None, 3] = None
    location: Annotated[str | None, 4] = None
    version: Annotated[str | None, 5] = None
    ports: Annotated[Ports | None, 6] = None
    labels: Annotated[Labels | None, 7] = None


class ExecutorInfo(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        DEFAULT = "DEFAULT", 1
        CUSTOM = "CUSTOM", 2

    executor_id: Annotated[ExecutorID, 1]
    type: Annotated[ExecutorInfo.Type | None, 15] = None
    framework_id: Annotated[FrameworkID | None, 8] = None
    command: Annotated[CommandInfo | None, 7] = None
    container: Annotated[ContainerInfo | None, 11] = None
    resources: Annotated[tuple[Resource, ...], 5] = ()
    name: Annotated[str | None, 9] = None
    source: Annotated[str | None, 10] = None
    data: Annotated[bytes | None, 4] = None
    discovery: Annotated[DiscoveryInfo | None, 12] = None
    shutdown_grace_period: Annotated[DurationInfo | None, 13] = None
    labels: Annotated[Labels | None, 14] = None


class TaskInfo(WireMessage):
    name: Annotated[str, 1]
    task_id: Annotated[TaskID, 2]
    agent_id: Annotated[AgentID, 3]
    resources: Annotated[tuple[Resource, ...], 4] = ()
    executor: Annotated[ExecutorInfo | None, 5] = None
    command: Annotated[CommandInfo | None, 7] = None
    container: Annotated[ContainerInfo | None, 9] = None
    health_check: Annotated[HealthCheck | None, 8] = None
    check: Annotated[CheckInfo | None, 13] = None
    kill_policy: Annotated[KillPolicy | None, 12] = None
    data: Annotated[bytes | None, 6] = None
    labels: Annotated[Labels | None, 10] = None
    discovery: Annotated[DiscoveryInfo | None, 11] = None
    max_completion_time: Annotated[DurationInfo | None, 14] = None
    limits: Annotated[dict[str, Value.Scalar], 15] = field(default_factory=dict)


class TaskGroupInfo(WireMessage):
    tasks: Annotated[tuple[TaskInfo, ...], 1] = ()


class TaskResourceLimitation(WireMessage):
    resources: Annotated[tuple[Resource, ...], 1] = ()


class TaskStatus(WireMessage):
    class Source(WireEnum):
        SOURCE_MASTER = "SOURCE_MASTER", 0
        SOURCE_AGENT = "SOURCE_AGENT", 1
        SOURCE_EXECUTOR = "SOURCE_EXECUTOR", 2

    class Reason(WireEnum):
        REASON_COMMAND_EXECUTOR_FAILED = "REASON_COMMAND_EXECUTOR_FAILED", 0
        REASON_CONTAINER_LAUNCH_FAILED = "REASON_CONTAINER_LAUNCH_FAILED", 21
        REASON_CONTAINER_LIMITATION = "REASON_CONTAINER_LIMITATION", 19
        REASON_CONTAINER_LIMITATION_DISK = "REASON_CONTAINER_LIMITATION_DISK", 20
        REASON_CONTAINER_LIMITATION_MEMORY = "REASON_CONTAINER_LIMITATION_MEMORY", 8
        REASON_CONTAINER_PREEMPTED = "REASON_CONTAINER_PREEMPTED", 17
        REASON_CONTAINER_UPDATE_FAILED = "REASON_CONTAINER_UPDATE_FAILED", 22
        REASON_MAX_COMPLETION_TIME_REACHED = "REASON_MAX_COMPLETION_TIME_REACHED", 33
        REASON_EXECUTOR_REGISTRATION_TIMEOUT = "REASON_EXECUTOR_REGISTRATION_TIMEOUT", 23
        REASON_EXECUTOR_REREGISTRATION_TIMEOUT = "REASON_EXECUTOR_REREGISTRATION_TIMEOUT", 24
        REASON_EXECUTOR_TERMINATED = "REASON_EXECUTOR_TERMINATED", 1
        REASON_EXECUTOR_UNREGISTERED = "REASON_EXECUTOR_UNREGISTERED", 2
        REASON_FRAMEWORK_REMOVED = "REASON_FRAMEWORK_REMOVED", 3
        REASON_GC_ERROR = "REASON_GC_ERROR", 4
        REASON_INVALID_FRAMEWORKID = "REASON_INVALID_FRAMEWORKID", 5
        REASON_INVALID_OFFERS = "REASON_INVALID_OFFERS", 6
        REASON_IO_SWITCHBOARD_EXITED = "REASON_IO_SWITCHBOARD_EXITED", 27
        REASON_MASTER_DISCONNECTED = "REASON_MASTER_DISCONNECTED", 7
        REASON_RECONCILIATION = "REASON_RECONCILIATION", 9
        REASON_RESOURCES_UNKNOWN = "REASON_RESOURCES_UNKNOWN", 18
        REASON_AGENT_DISCONNECTED = "REASON_AGENT_DISCONNECTED", 10
        REASON_AGENT_DRAINING = "REASON_AGENT_DRAINING", 34
        REASON_AGENT_REMOVED = "REASON_AGENT_REMOVED", 11
        REASON_AGENT_REMOVED_BY_OPERATOR = "REASON_AGENT_REMOVED_BY_OPERATOR", 31
        REASON_AGENT_REREGISTERED = "REASON_AGENT_REREGISTERED", 32
        REASON_AGENT_RESTARTED = "REASON_AGENT_RESTARTED", 12
        REASON_AGENT_UNKNOWN = "REASON_AGENT_UNKNOWN", 13
        REASON_TASK_KILLED_DURING_LAUNCH = "REASON_TASK_KILLED_DURING_LAUNCH", 30
        REASON_TASK_CHECK_STATUS_UPDATED = "REASON_TASK_CHECK_STATUS_UPDATED", 28
        REASON_TASK_HEALTH_CHECK_STATUS_UPDATED = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED", 29
        REASON_TASK_GROUP_INVALID = "REASON_TASK_GROUP_INVALID", 25
        REASON_TASK_GROUP_UNAUTHORIZED = "REASON_TASK_GROUP_UNAUTHORIZED", 26
        REASON_TASK_INVALID = "REASON_TASK_INVALID", 14
        REASON_TASK_UNAUTHORIZED = "REASON_TASK_UNAUTHORIZED", 15
        REASON_TASK_UNKNOWN = "REASON_TASK_UNKNOWN", 16

    task_id: Annotated[TaskID, 1]
    state: Annotated[TaskState, 2]
    message: Annotated[str | None, 4] = None
    source: Annotated[TaskStatus.Source | None, 9] = None
    reason: Annotated[TaskStatus.Reason | None, 10] = None
    data: Annotated[bytes | None, 3] = None
    agent_id: Annotated[AgentID | None, 5] = None
    executor_id: Annotated[ExecutorID | None, 7] = None
    timestamp: Annotated[float | None, 6] = None
    uuid: Annotated[bytes | None, 11] = None
    healthy: Annotated[bool | None, 8] = None
    check_status: Annotated[CheckStatusInfo | None, 15] = None
    labels: Annotated[Labels | None, 12] = None
    container_status: Annotated[ContainerStatus | None, 13] = None
    unreachable_time: Annotated[TimeInfo | None, 14] = None
    limitation: Annotated[TaskResourceLimitation | None, 16] = None


class Task(WireMessage):
    name: Annotated[str, 1]
    task_id: Annotated[TaskID, 2]
    framework_id: Annotated[FrameworkID, 3]
    agent_id: Annotated[AgentID, 5]
    state: Annotated[TaskState, 6]
    executor_id: Annotated[ExecutorID | None, 4] = None
    resources: Annotated[tuple[Resource, ...], 7] = ()
    statuses: Annotated[tuple[TaskStatus, ...], 8] = ()
    status_update_state: Annotated[TaskState | None, 9] = None
    status_update_uuid: Annotated[bytes | None, 10] = None
    labels: Annotated[Labels | None, 11] = None
    discovery: Annotated[DiscoveryInfo | None, 12] = None
    container: Annotated[ContainerInfo | None, 13] = None
    health_check: Annotated[HealthCheck | None, 15] = None
    kill_policy: Annotated[KillPolicy | None, 16] = None
    user: Annotated[str | None, 14] = None
    limits: Annotated[dict[str, Value.Scalar], 17] = field(default_factory=dict)
