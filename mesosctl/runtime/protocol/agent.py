"""The operator API of an agent (`/api/v1`): `mesos.v1.agent`.

An agent always writes the lists of frameworks, executors and tasks in JSON, empty or not.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from mesosctl.runtime.protocol.basics import (
    ContainerID,
    DurationInfo,
    ExecutorID,
    FrameworkID,
    ResourceProviderID,
    TimeInfo,
)
from mesosctl.runtime.protocol.cluster import AgentInfo, DrainConfig, FrameworkInfo, ResourceProviderInfo
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo, ContainerStatus, TTYInfo
from mesosctl.runtime.protocol.operator import CommonCall, CommonResponse
from mesosctl.runtime.protocol.resources import Image, Resource, Value
from mesosctl.runtime.protocol.statistics import ResourceStatistics
from mesosctl.runtime.protocol.tasks import ExecutorInfo, Task, TaskResourceLimitation, TaskState, TaskStatus
from mesosctl.runtime.protocol.wire import Int32, WireEnum, WireMessage, written


class ProcessIO(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        DATA = "DATA", 1
        CONTROL = "CONTROL", 2

    class Data(WireMessage):
        class Type(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            STDIN = "STDIN", 1
            STDOUT = "STDOUT", 2
            STDERR = "STDERR", 3

        type: Annotated[ProcessIO.Data.Type | None, 1] = None
        data: Annotated[bytes | None, 2] = None

    class Control(WireMessage):
        class Type(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            TTY_INFO = "TTY_INFO", 1
            HEARTBEAT = "HEARTBEAT", 2

        class Heartbeat(WireMessage):
            interval: Annotated[DurationInfo | None, 1] = None

        type: Annotated[ProcessIO.Control.Type | None, 1] = None
        tty_info: Annotated[TTYInfo | None, 2] = None
        heartbeat: Annotated[ProcessIO.Control.Heartbeat | None, 3] = None

    type: Annotated[ProcessIO.Type | None, 1] = None
    data: Annotated[ProcessIO.Data | None, 2] = None
    control: Annotated[ProcessIO.Control | None, 3] = None


class Call(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        GET_HEALTH = "GET_HEALTH", 1
        GET_FLAGS = "GET_FLAGS", 2
        GET_VERSION = "GET_VERSION", 3
        GET_METRICS = "GET_METRICS", 4
        GET_LOGGING_LEVEL = "GET_LOGGING_LEVEL", 5
        SET_LOGGING_LEVEL = "SET_LOGGING_LEVEL", 6
        LIST_FILES = "LIST_FILES", 7
        READ_FILE = "READ_FILE", 8
        GET_STATE = "GET_STATE", 9
        GET_CONTAINERS = "GET_CONTAINERS", 10
        GET_FRAMEWORKS = "GET_FRAMEWORKS", 11
        GET_EXECUTORS = "GET_EXECUTORS", 12
        GET_OPERATIONS = "GET_OPERATIONS", 31
        GET_TASKS = "GET_TASKS", 13
        GET_AGENT = "GET_AGENT", 20
        GET_RESOURCE_PROVIDERS = "GET_RESOURCE_PROVIDERS", 26
        LAUNCH_NESTED_CONTAINER = "LAUNCH_NESTED_CONTAINER", 14
        WAIT_NESTED_CONTAINER = "WAIT_NESTED_CONTAINER", 15
        KILL_NESTED_CONTAINER = "KILL_NESTED_CONTAINER", 16
        REMOVE_NESTED_CONTAINER = "REMOVE_NESTED_CONTAINER", 21
        LAUNCH_NESTED_CONTAINER_SESSION = "LAUNCH_NESTED_CONTAINER_SESSION", 17
        ATTACH_CONTAINER_INPUT = "ATTACH_CONTAINER_INPUT", 18
        ATTACH_CONTAINER_OUTPUT = "ATTACH_CONTAINER_OUTPUT", 19
        LAUNCH_CONTAINER = "LAUNCH_CONTAINER", 22
        WAIT_CONTAINER = "WAIT_CONTAINER", 23
        KILL_CONTAINER = "KILL_CONTAINER", 24
        REMOVE_CONTAINER = "REMOVE_CONTAINER", 25
        ADD_RESOURCE_PROVIDER_CONFIG = "ADD_RESOURCE_PROVIDER_CONFIG", 27
        UPDATE_RESOURCE_PROVIDER_CONFIG = "UPDATE_RESOURCE_PROVIDER_CONFIG", 28
        REMOVE_RESOURCE_PROVIDER_CONFIG = "REMOVE_RESOURCE_PROVIDER_CONFIG", 29
        MARK_RESOURCE_PROVIDER_GONE = "MARK_RESOURCE_PROVIDER_GONE", 32
        PRUNE_IMAGES = "PRUNE_IMAGES", 30

    class GetContainers(WireMessage):
        show_nested: Annotated[bool | None, 1] = None
        show_standalone: Annotated[bool | None, 2] = None

    class LaunchNestedContainer(WireMessage):
        container_id: Annotated[ContainerID, 1]
        command: Annotated[CommandInfo | None, 2] = None
        container: Annotated[ContainerInfo | None, 3] = None

    class WaitNestedContainer(WireMessage):
        container_id: Annotated[ContainerID, 1]

    class KillNestedContainer(WireMessage):
        container_id: Annotated[ContainerID, 1]
        signal: Annotated[Int32 | None, 2] = None

    class RemoveNestedContainer(WireMessage):
        container_id: Annotated[ContainerID, 1]

    class LaunchNestedContainerSession(WireMessage):
        container_id: Annotated[ContainerID, 1]
        command: Annotated[CommandInfo | None, 2] = None
        container: Annotated[ContainerInfo | None, 3] = None

    class AttachContainerInput(WireMessage):
        class Type(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            CONTAINER_ID = "CONTAINER_ID", 1
            PROCESS_IO = "PROCESS_IO", 2

        type: Annotated[Call.AttachContainerInput.Type | None, 1] = None
        container_id: Annotated[ContainerID | None, 2] = None
        process_io: Annotated[ProcessIO | None, 3] = None

    class AttachContainerOutput(WireMessage):
        container_id: Annotated[ContainerID, 1]

    class LaunchContainer(WireMessage):
        container_id: Annotated[ContainerID, 1]
        command: Annotated[CommandInfo | None, 2] = None
        resources: Annotated[tuple[Resource, ...], 3] = ()
        container: Annotated[ContainerInfo | None, 4] = None
        limits: Annotated[dict[str, Value.Scalar], 5] = field(default_factory=dict)

    class WaitContainer(WireMessage):
        container_id: Annotated[ContainerID, 1]

    class KillContainer(WireMessage):
        container_id: Annotated[ContainerID, 1]
        signal: Annotated[Int32 | None, 2] = None

    class RemoveContainer(WireMessage):
        container_id: Annotated[ContainerID, 1]

    class AddResourceProviderConfig(WireMessage):
        info: Annotated[ResourceProviderInfo, 1]

    class UpdateResourceProviderConfig(WireMessage):
        info: Annotated[ResourceProviderInfo, 1]

    class RemoveResourceProviderConfig(WireMessage):
        type: Annotated[str, 1]
        name: Annotated[str, 2]

    class MarkResourceProviderGone(WireMessage):
        resource_provider_id: Annotated[ResourceProviderID, 1]

    class PruneImages(WireMessage):
        excluded_images: Annotated[tuple[Image, ...], 1] = ()

    type: Annotated[Call.Type | None, 1] = None
    get_metrics: Annotated[CommonCall.GetMetrics | None, 2] = None
    set_logging_level: Annotated[CommonCall.SetLoggingLevel | None, 3] = None
    list_files: Annotated[CommonCall.ListFiles | None, 4] = None
    read_file: Annotated[CommonCall.ReadFile | None, 5] = None
    get_containers: Annotated[Call.GetContainers | None, 20] = None
    launch_nested_container: Annotated[Call.LaunchNestedContainer | None, 6] = None
    wait_nested_container: Annotated[Call.WaitNestedContainer | None, 7] = None
    kill_nested_container: Annotated[Call.KillNestedContainer | None, 8] = None
    remove_nested_container: Annotated[Call.RemoveNestedContainer | None, 12] = None
    launch_nested_container_session: Annotated[Call.LaunchNestedContainerSession | None, 9] = None
    attach_container_input: Annotated[Call.AttachContainerInput | None, 10] = None
    attach_container_output: Annotated[Call.AttachContainerOutput | None, 11] = None
    launch_container: Annotated[Call.LaunchContainer | None, 13] = None
    wait_container: Annotated[Call.WaitContainer | None, 14] = None
    kill_container: Annotated[Call.KillContainer | None, 15] = None
    remove_container: Annotated[Call.RemoveContainer | None, 16] = None
    add_resource_provider_config: Annotated[Call.AddResourceProviderConfig | None, 17] = None
    update_resource_provider_config: Annotated[Call.UpdateResourceProviderConfig | None, 18] = None
    remove_resource_provider_config: Annotated[Call.RemoveResourceProviderConfig | None, 19] = None
    mark_resource_provider_gone: Annotated[Call.MarkResourceProviderGone | None, 22] = None
    prune_images: Annotated[Call.PruneImages | None, 21] = None


class Response(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        GET_HEALTH = "GET_HEALTH", 1
        GET_FLAGS = "GET_FLAGS", 2
        GET_VERSION = "GET_VERSION", 3
        GET_METRICS = "GET_METRICS", 4
        GET_LOGGING_LEVEL = "GET_LOGGING_LEVEL", 5
        LIST_FILES = "LIST_FILES", 6
        READ_FILE = "READ_FILE", 7
        GET_STATE = "GET_STATE", 8
        GET_CONTAINERS = "GET_CONTAINERS", 9
        GET_FRAMEWORKS = "GET_FRAMEWORKS", 10
        GET_EXECUTORS = "GET_EXECUTORS", 11
        GET_OPERATIONS = "GET_OPERATIONS", 17
        GET_TASKS = "GET_TASKS", 12
        GET_AGENT = "GET_AGENT", 14
        GET_RESOURCE_PROVIDERS = "GET_RESOURCE_PROVIDERS", 16
        WAIT_NESTED_CONTAINER = "WAIT_NESTED_CONTAINER", 13
        WAIT_CONTAINER = "WAIT_CONTAINER", 15

    class GetState(WireMessage):
        get_tasks: Annotated[Response.GetTasks | None, 1] = None
        get_executors: Annotated[Response.GetExecutors | None, 2] = None
        get_frameworks: Annotated[Response.GetFrameworks | None, 3] = None

    class GetContainers(WireMessage):
        class Container(WireMessage):
            container_id: Annotated[ContainerID, 4]
            framework_id: Annotated[FrameworkID | None, 1] = None
            executor_id: Annotated[ExecutorID | None, 2] = None
            executor_name: Annotated[str | None, 3] = None
            container_status: Annotated[ContainerStatus | None, 5] = None
            resource_statistics: Annotated[ResourceStatistics | None, 6] = None

        containers: Annotated[tuple[Response.GetContainers.Container, ...], 1] = ()

    class GetFrameworks(WireMessage):
        class Framework(WireMessage):
            framework_info: Annotated[FrameworkInfo, 1]

        frameworks: Annotated[tuple[Response.GetFrameworks.Framework, ...], 1] = written(())
        completed_frameworks: Annotated[tuple[Response.GetFrameworks.Framework, ...], 2] = written(())

    class GetExecutors(WireMessage):
        class Executor(WireMessage):
            executor_info: Annotated[ExecutorInfo, 1]

        executors: Annotated[tuple[Response.GetExecutors.Executor, ...], 1] = written(())
        completed_executors: Annotated[tuple[Response.GetExecutors.Executor, ...], 2] = written(())

    class GetTasks(WireMessage):
        pending_tasks: Annotated[tuple[Task, ...], 1] = written(())
        queued_tasks: Annotated[tuple[Task, ...], 2] = written(())
        launched_tasks: Annotated[tuple[Task, ...], 3] = written(())
        terminated_tasks: Annotated[tuple[Task, ...], 4] = written(())
        completed_tasks: Annotated[tuple[Task, ...], 5] = written(())

    class GetAgent(WireMessage):
        agent_info: Annotated[AgentInfo | None, 1] = None
        drain_config: Annotated[DrainConfig | None, 2] = None
        estimated_drain_start_time: Annotated[TimeInfo | None, 3] = None

    class GetResourceProviders(WireMessage):
        class ResourceProvider(WireMessage):
            resource_provider_info: Annotated[ResourceProviderInfo, 1]
            total_resources: Annotated[tuple[Resource, ...], 2] = ()

        resource_providers: Annotated[tuple[Response.GetResourceProviders.ResourceProvider, ...], 1] = ()

    class WaitNestedContainer(WireMessage):
        exit_status: Annotated[Int32 | None, 1] = None
        state: Annotated[TaskState | None, 2] = None
        reason: Annotated[TaskStatus.Reason | None, 3] = None
        limitation: Annotated[TaskResourceLimitation | None, 4] = None
        message: Annotated[str | None, 5] = None

    class WaitContainer(WireMessage):
        exit_status: Annotated[Int32 | None, 1] = None
        state: Annotated[TaskState | None, 2] = None
        reason: Annotated[TaskStatus.Reason | None, 3] = None
        limitation: Annotated[TaskResourceLimitation | None, 4] = None
        message: Annotated[str | None, 5] = None

    type: Annotated[Response.Type | None, 1] = None
    get_health: Annotated[CommonResponse.GetHealth | None, 2] = None
    get_flags: Annotated[CommonResponse.GetFlags | None, 3] = None
    get_version: Annotated[CommonResponse.GetVersion | None, 4] = None
    get_metrics: Annotated[CommonResponse.GetMetrics | None, 5] = None
    get_logging_level: Annotated[CommonResponse.GetLoggingLevel | None, 6] = None
    list_files: Annotated[CommonResponse.ListFiles | None, 7] = None
    read_file: Annotated[CommonResponse.ReadFile | None, 8] = None
    get_state: Annotated[Response.GetState | None, 9] = None
    get_containers: Annotated[Response.GetContainers | None, 10] = None
    get_frameworks: Annotated[Response.GetFrameworks | None, 11] = None
    get_executors: Annotated[Response.GetExecutors | None, 12] = None
    get_operations: Annotated[CommonResponse.GetOperations | None, 18] = None
    get_tasks: Annotated[Response.GetTasks | None, 13] = None
    get_agent: Annotated[Response.GetAgent | None, 15] = None
    get_resource_providers: Annotated[Response.GetResourceProviders | None, 17] = None
    wait_nested_container: Annotated[Response.WaitNestedContainer | None, 14] = None
    wait_container: Annotated[Response.WaitContainer | None, 16] = None
