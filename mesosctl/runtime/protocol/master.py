"""The operator API of a master (`/api/v1`): `mesos.v1.master`.

A master always writes the lists of agents, frameworks, executors and tasks in JSON, empty or not.
"""

from __future__ import annotations

from typing import Annotated

from mesosctl.runtime.protocol.basics import (
    AgentID,
    Duration,
    FrameworkID,
    MachineID,
    TimeInfo,
)
from mesosctl.runtime.protocol.cluster import AgentInfo, DrainInfo, FrameworkInfo, MasterInfo, ResourceProviderInfo
from mesosctl.runtime.protocol.maintenance import ClusterStatus, Schedule
from mesosctl.runtime.protocol.offers import InverseOffer, Offer
from mesosctl.runtime.protocol.operator import CommonCall, CommonResponse
from mesosctl.runtime.protocol.quota import QuotaConfig, QuotaRequest, QuotaStatus
from mesosctl.runtime.protocol.resources import Resource, Role, Value, WeightInfo
from mesosctl.runtime.protocol.scheduler import OfferConstraints
from mesosctl.runtime.protocol.tasks import ExecutorInfo, Task, TaskState, TaskStatus
from mesosctl.runtime.protocol.wire import WireEnum, WireMessage, written


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
        GET_AGENTS = "GET_AGENTS", 10
        GET_FRAMEWORKS = "GET_FRAMEWORKS", 11
        GET_EXECUTORS = "GET_EXECUTORS", 12
        GET_OPERATIONS = "GET_OPERATIONS", 33
        GET_TASKS = "GET_TASKS", 13
        GET_ROLES = "GET_ROLES", 14
        GET_WEIGHTS = "GET_WEIGHTS", 15
        UPDATE_WEIGHTS = "UPDATE_WEIGHTS", 16
        GET_MASTER = "GET_MASTER", 17
        SUBSCRIBE = "SUBSCRIBE", 18
        RESERVE_RESOURCES = "RESERVE_RESOURCES", 19
        UNRESERVE_RESOURCES = "UNRESERVE_RESOURCES", 20
        CREATE_VOLUMES = "CREATE_VOLUMES", 21
        DESTROY_VOLUMES = "DESTROY_VOLUMES", 22
        GROW_VOLUME = "GROW_VOLUME", 34
        SHRINK_VOLUME = "SHRINK_VOLUME", 35
        GET_MAINTENANCE_STATUS = "GET_MAINTENANCE_STATUS", 23
        GET_MAINTENANCE_SCHEDULE = "GET_MAINTENANCE_SCHEDULE", 24
        UPDATE_MAINTENANCE_SCHEDULE = "UPDATE_MAINTENANCE_SCHEDULE", 25
        START_MAINTENANCE = "START_MAINTENANCE", 26
        STOP_MAINTENANCE = "STOP_MAINTENANCE", 27
        DRAIN_AGENT = "DRAIN_AGENT", 37
        DEACTIVATE_AGENT = "DEACTIVATE_AGENT", 38
        REACTIVATE_AGENT = "REACTIVATE_AGENT", 39
        GET_QUOTA = "GET_QUOTA", 28
        UPDATE_QUOTA = "UPDATE_QUOTA", 36
        SET_QUOTA = "SET_QUOTA", 29
        REMOVE_QUOTA = "REMOVE_QUOTA", 30
        TEARDOWN = "TEARDOWN", 31
        MARK_AGENT_GONE = "MARK_AGENT_GONE", 32

    class UpdateWeights(WireMessage):
        weight_infos: Annotated[tuple[WeightInfo, ...], 1] = ()

    class ReserveResources(WireMessage):
        agent_id: Annotated[AgentID, 1]
        source: Annotated[tuple[Resource, ...], 3] = ()
        resources: Annotated[tuple[Resource, ...], 2] = ()

    class UnreserveResources(WireMessage):
        agent_id: Annotated[AgentID, 1]
        resources: Annotated[tuple[Resource, ...], 2] = ()

    class CreateVolumes(WireMessage):
        agent_id: Annotated[AgentID, 1]
        volumes: Annotated[tuple[Resource, ...], 2] = ()

    class DestroyVolumes(WireMessage):
        agent_id: Annotated[AgentID, 1]
        volumes: Annotated[tuple[Resource, ...], 2] = ()

    class GrowVolume(WireMessage):
        volume: Annotated[Resource, 2]
        addition: Annotated[Resource, 3]
        agent_id: Annotated[AgentID | None, 1] = None

    class ShrinkVolume(WireMessage):
        volume: Annotated[Resource, 2]
        subtract: Annotated[Value.Scalar, 3]
        agent_id: Annotated[AgentID | None, 1] = None

    class UpdateMaintenanceSchedule(WireMessage):
        schedule: Annotated[Schedule, 1]

    class StartMaintenance(WireMessage):
        machines: Annotated[tuple[MachineID, ...], 1] = ()

    class StopMaintenance(WireMessage):
        machines: Annotated[tuple[MachineID, ...], 1] = ()

    class DrainAgent(WireMessage):
        agent_id: Annotated[AgentID, 1]
        max_grace_period: Annotated[Duration | None, 2] = None
        mark_gone: Annotated[bool, 3] = written(False)

    class DeactivateAgent(WireMessage):
        agent_id: Annotated[AgentID, 1]

    class ReactivateAgent(WireMessage):
        agent_id: Annotated[AgentID, 1]

    class UpdateQuota(WireMessage):
        force: Annotated[bool | None, 1] = None
        quota_configs: Annotated[tuple[QuotaConfig, ...], 2] = ()

    class SetQuota(WireMessage):
        quota_request: Annotated[QuotaRequest, 1]

    class RemoveQuota(WireMessage):
        role: Annotated[str, 1]

    class Teardown(WireMessage):
        framework_id: Annotated[FrameworkID, 1]

    class MarkAgentGone(WireMessage):
        agent_id: Annotated[AgentID, 1]

    type: Annotated[Call.Type | None, 1] = None
    get_metrics: Annotated[CommonCall.GetMetrics | None, 2] = None
    set_logging_level: Annotated[CommonCall.SetLoggingLevel | None, 3] = None
    list_files: Annotated[CommonCall.ListFiles | None, 4] = None
    read_file: Annotated[CommonCall.ReadFile | None, 5] = None
    update_weights: Annotated[Call.UpdateWeights | None, 6] = None
    reserve_resources: Annotated[Call.ReserveResources | None, 7] = None
    unreserve_resources: Annotated[Call.UnreserveResources | None, 8] = None
    create_volumes: Annotated[Call.CreateVolumes | None, 9] = None
    destroy_volumes: Annotated[Call.DestroyVolumes | None, 10] = None
    grow_volume: Annotated[Call.GrowVolume | None, 18] = None
    shrink_volume: Annotated[Call.ShrinkVolume | None, 19] = None
    update_maintenance_schedule: Annotated[Call.UpdateMaintenanceSchedule | None, 11] = None
    start_maintenance: Annotated[Call.StartMaintenance | None, 12] = None
    stop_maintenance: Annotated[Call.StopMaintenance | None, 13] = None
    drain_agent: Annotated[Call.DrainAgent | None, 21] = None
    deactivate_agent: Annotated[Call.DeactivateAgent | None, 22] = None
    reactivate_agent: Annotated[Call.ReactivateAgent | None, 23] = None
    update_quota: Annotated[Call.UpdateQuota | None, 20] = None
    teardown: Annotated[Call.Teardown | None, 16] = None
    mark_agent_gone: Annotated[Call.MarkAgentGone | None, 17] = None
    set_quota: Annotated[Call.SetQuota | None, 14] = None
    remove_quota: Annotated[Call.RemoveQuota | None, 15] = None


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
        GET_AGENTS = "GET_AGENTS", 9
        GET_FRAMEWORKS = "GET_FRAMEWORKS", 10
        GET_EXECUTORS = "GET_EXECUTORS", 11
        GET_OPERATIONS = "GET_OPERATIONS", 19
        GET_TASKS = "GET_TASKS", 12
        GET_ROLES = "GET_ROLES", 13
        GET_WEIGHTS = "GET_WEIGHTS", 14
        GET_MASTER = "GET_MASTER", 15
        GET_MAINTENANCE_STATUS = "GET_MAINTENANCE_STATUS", 16
        GET_MAINTENANCE_SCHEDULE = "GET_MAINTENANCE_SCHEDULE", 17
        GET_QUOTA = "GET_QUOTA", 18

    class GetState(WireMessage):
        get_tasks: Annotated[Response.GetTasks | None, 1] = None
        get_executors: Annotated[Response.GetExecutors | None, 2] = None
        get_frameworks: Annotated[Response.GetFrameworks | None, 3] = None
        get_agents: Annotated[Response.GetAgents | None, 4] = None

    class GetAgents(WireMessage):
        class Agent(WireMessage):
            class ResourceProvider(WireMessage):
                resource_provider_info: Annotated[ResourceProviderInfo, 1]
                total_resources: Annotated[tuple[Resource, ...], 2] = ()

            agent_info: Annotated[AgentInfo, 1]
            active: Annotated[bool, 2]
            version: Annotated[str, 3]
            deactivated: Annotated[bool | None, 12] = None
            pid: Annotated[str | None, 4] = None
            registered_time: Annotated[TimeInfo | None, 5] = None
            reregistered_time: Annotated[TimeInfo | None, 6] = None
            total_resources: Annotated[tuple[Resource, ...], 7] = ()
            allocated_resources: Annotated[tuple[Resource, ...], 8] = ()
            offered_resources: Annotated[tuple[Resource, ...], 9] = ()
            capabilities: Annotated[tuple[AgentInfo.Capability, ...], 10] = ()
            resource_providers: Annotated[tuple[Response.GetAgents.Agent.ResourceProvider, ...], 11] = ()
            drain_info: Annotated[DrainInfo | None, 13] = None
            estimated_drain_start_time: Annotated[TimeInfo | None, 14] = None

        agents: Annotated[tuple[Response.GetAgents.Agent, ...], 1] = written(())
        recovered_agents: Annotated[tuple[AgentInfo, ...], 2] = written(())

    class GetFrameworks(WireMessage):
        class Framework(WireMessage):
            framework_info: Annotated[FrameworkInfo, 1]
            active: Annotated[bool, 2]
            connected: Annotated[bool, 3]
            recovered: Annotated[bool, 11]
            registered_time: Annotated[TimeInfo | None, 4] = None
            reregistered_time: Annotated[TimeInfo | None, 5] = None
            unregistered_time: Annotated[TimeInfo | None, 6] = None
            offers: Annotated[tuple[Offer, ...], 7] = ()
            inverse_offers: Annotated[tuple[InverseOffer, ...], 8] = ()
            allocated_resources: Annotated[tuple[Resource, ...], 9] = ()
            offered_resources: Annotated[tuple[Resource, ...], 10] = ()
            offer_constraints: Annotated[OfferConstraints | None, 12] = None

        frameworks: Annotated[tuple[Response.GetFrameworks.Framework, ...], 1] = written(())
        completed_frameworks: Annotated[tuple[Response.GetFrameworks.Framework, ...], 2] = written(())
        recovered_frameworks: Annotated[tuple[FrameworkInfo, ...], 3] = ()

    class GetExecutors(WireMessage):
        class Executor(WireMessage):
            executor_info: Annotated[ExecutorInfo, 1]
            agent_id: Annotated[AgentID, 2]

        executors: Annotated[tuple[Response.GetExecutors.Executor, ...], 1] = written(())
        orphan_executors: Annotated[tuple[Response.GetExecutors.Executor, ...], 2] = ()

    class GetTasks(WireMessage):
        pending_tasks: Annotated[tuple[Task, ...], 1] = ()
        tasks: Annotated[tuple[Task, ...], 2] = written(())
        unreachable_tasks: Annotated[tuple[Task, ...], 5] = written(())
        completed_tasks: Annotated[tuple[Task, ...], 3] = written(())
        orphan_tasks: Annotated[tuple[Task, ...], 4] = ()

    class GetRoles(WireMessage):
        roles: Annotated[tuple[Role, ...], 1] = ()

    class GetWeights(WireMessage):
        weight_infos: Annotated[tuple[WeightInfo, ...], 1] = ()

    class GetMaster(WireMessage):
        master_info: Annotated[MasterInfo | None, 1] = None
        start_time: Annotated[float | None, 2] = None
        elected_time: Annotated[float | None, 3] = None

    class GetMaintenanceStatus(WireMessage):
        status: Annotated[ClusterStatus, 1]

    class GetMaintenanceSchedule(WireMessage):
        schedule: Annotated[Schedule, 1]

    class GetQuota(WireMessage):
        status: Annotated[QuotaStatus, 1]

    type: Annotated[Response.Type | None, 1] = None
    get_health: Annotated[CommonResponse.GetHealth | None, 2] = None
    get_flags: Annotated[CommonResponse.GetFlags | None, 3] = None
    get_version: Annotated[CommonResponse.GetVersion | None, 4] = None
    get_metrics: Annotated[CommonResponse.GetMetrics | None, 5] = None
    get_logging_level: Annotated[CommonResponse.GetLoggingLevel | None, 6] = None
    list_files: Annotated[CommonResponse.ListFiles | None, 7] = None
    read_file: Annotated[CommonResponse.ReadFile | None, 8] = None
    get_state: Annotated[Response.GetState | None, 9] = None
    get_agents: Annotated[Response.GetAgents | None, 10] = None
    get_frameworks: Annotated[Response.GetFrameworks | None, 11] = None
    get_executors: Annotated[Response.GetExecutors | None, 12] = None
    get_operations: Annotated[CommonResponse.GetOperations | None, 20] = None
    get_tasks: Annotated[Response.GetTasks | None, 13] = None
    get_roles: Annotated[Response.GetRoles | None, 14] = None
    get_weights: Annotated[Response.GetWeights | None, 15] = None
    get_master: Annotated[Response.GetMaster | None, 16] = None
    get_maintenance_status: Annotated[Response.GetMaintenanceStatus | None, 17] = None
    get_maintenance_schedule: Annotated[Response.GetMaintenanceSchedule | None, 18] = None
    get_quota: Annotated[Response.GetQuota | None, 19] = None


class Event(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        SUBSCRIBED = "SUBSCRIBED", 1
        TASK_ADDED = "TASK_ADDED", 2
        TASK_UPDATED = "TASK_UPDATED", 3
        AGENT_ADDED = "AGENT_ADDED", 4
        AGENT_REMOVED = "AGENT_REMOVED", 5
        FRAMEWORK_ADDED = "FRAMEWORK_ADDED", 6
        FRAMEWORK_UPDATED = "FRAMEWORK_UPDATED", 7
        FRAMEWORK_REMOVED = "FRAMEWORK_REMOVED", 8
        HEARTBEAT = "HEARTBEAT", 9

    class Subscribed(WireMessage):
        get_state: Annotated[Response.GetState | None, 1] = None
        heartbeat_interval_seconds: Annotated[float | None, 2] = None

    class TaskAdded(WireMessage):
        task: Annotated[Task, 1]

    class TaskUpdated(WireMessage):
        framework_id: Annotated[FrameworkID, 1]
        status: Annotated[TaskStatus, 2]
        state: Annotated[TaskState, 3]

    class FrameworkAdded(WireMessage):
        framework: Annotated[Response.GetFrameworks.Framework, 1]

    class FrameworkUpdated(WireMessage):
        framework: Annotated[Response.GetFrameworks.Framework, 1]

    class FrameworkRemoved(WireMessage):
        framework_info: Annotated[FrameworkInfo, 1]

    class AgentAdded(WireMessage):
        agent: Annotated[Response.GetAgents.Agent, 1]

    class AgentRemoved(WireMessage):
        agent_id: Annotated[AgentID, 1]

    type: Annotated[Event.Type | None, 1] = None
    subscribed: Annotated[Event.Subscribed | None, 2] = None
    task_added: Annotated[Event.TaskAdded | None, 3] = None
    task_updated: Annotated[Event.TaskUpdated | None, 4] = None
    agent_added: Annotated[Event.AgentAdded | None, 5] = None
    agent_removed: Annotated[Event.AgentRemoved | None, 6] = None
    framework_added: Annotated[Event.FrameworkAdded | None, 7] = None
    framework_updated: Annotated[Event.FrameworkUpdated | None, 8] = None
    framework_removed: Annotated[Event.FrameworkRemoved | None, 9] = None
