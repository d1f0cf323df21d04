"""Offers, inverse offers, and the operations that a framework performs on them, of `mesos.v1`."""

from __future__ import annotations

from typing import Annotated

from mesosctl.runtime.protocol.basics import (
    URL,
    UUID,
    AgentID,
    DomainInfo,
    ExecutorID,
    FrameworkID,
    OfferID,
    OperationID,
    ResourceProviderID,
    Unavailability,
)
from mesosctl.runtime.protocol.resources import Attribute, Resource, Value
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskGroupInfo, TaskInfo
from mesosctl.runtime.protocol.wire import WireEnum, WireMessage, written


class Offer(WireMessage):
    class Operation(WireMessage):
        class Type(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            LAUNCH = "LAUNCH", 1
            LAUNCH_GROUP = "LAUNCH_GROUP", 6
            RESERVE = "RESERVE", 2
            UNRESERVE = "UNRESERVE", 3
            CREATE = "CREATE", 4
            DESTROY = "DESTROY", 5
            GROW_VOLUME = "GROW_VOLUME", 11
            SHRINK_VOLUME = "SHRINK_VOLUME", 12
            CREATE_DISK = "CREATE_DISK", 13
            DESTROY_DISK = "DESTROY_DISK", 14

        class Launch(WireMessage):
            task_infos: Annotated[tuple[TaskInfo, ...], 1] = ()

        class LaunchGroup(WireMessage):
            executor: Annotated[ExecutorInfo, 1]
            task_group: Annotated[TaskGroupInfo, 2]

        class Reserve(WireMessage):
            source: Annotated[tuple[Resource, ...], 2] = ()
            resources: Annotated[tuple[Resource, ...], 1] = ()

        class Unreserve(WireMessage):
            resources: Annotated[tuple[Resource, ...], 1] = ()

        class Create(WireMessage):
            volumes: Annotated[tuple[Resource, ...], 1] = ()

        class Destroy(WireMessage):
            volumes: Annotated[tuple[Resource, ...], 1] = ()

        class GrowVolume(WireMessage):
            volume: Annotated[Resource, 1]
            addition: Annotated[Resource, 2]

        class ShrinkVolume(WireMessage):
            volume: Annotated[Resource, 1]
            subtract: Annotated[Value.Scalar, 2]

        class CreateDisk(WireMessage):
            source: Annotated[Resource, 1]
            target_type: Annotated[Resource.DiskInfo.Source.Type, 2]
            target_profile: Annotated[str | None, 3] = None

        class DestroyDisk(WireMessage):
            source: Annotated[Resource, 1]

        type: Annotated[Offer.Operation.Type | None, 1] = None
        id: Annotated[OperationID | None, 12] = None
        launch: Annotated[Offer.Operation.Launch | None, 2] = None
        launch_group: Annotated[Offer.Operation.LaunchGroup | None, 7] = None
        reserve: Annotated[Offer.Operation.Reserve | None, 3] = None
        unreserve: Annotated[Offer.Operation.Unreserve | None, 4] = None
        create: Annotated[Offer.Operation.Create | None, 5] = None
        destroy: Annotated[Offer.Operation.Destroy | None, 6] = None
        grow_volume: Annotated[Offer.Operation.GrowVolume | None, 13] = None
        shrink_volume: Annotated[Offer.Operation.ShrinkVolume | None, 14] = None
        create_disk: Annotated[Offer.Operation.CreateDisk | None, 15] = None
        destroy_disk: Annotated[Offer.Operation.DestroyDisk | None, 16] = None

    id: Annotated[OfferID, 1]
    framework_id: Annotated[FrameworkID, 2]
    agent_id: Annotated[AgentID, 3]
    hostname: Annotated[str, 4]
    url: Annotated[URL | None, 8] = None
    domain: Annotated[DomainInfo | None, 11] = None
    resources: Annotated[tuple[Resource, ...], 5] = ()
    attributes: Annotated[tuple[Attribute, ...], 7] = ()
    executor_ids: Annotated[tuple[ExecutorID, ...], 6] = ()
    unavailability: Annotated[Unavailability | None, 9] = None
    allocation_info: Annotated[Resource.AllocationInfo | None, 10] = None


class InverseOffer(WireMessage):
    id: Annotated[OfferID, 1]
    framework_id: Annotated[FrameworkID, 3]
    unavailability: Annotated[Unavailability, 5]
    url: Annotated[URL | None, 2] = None
    agent_id: Annotated[AgentID | None, 4] = None
    resources: Annotated[tuple[Resource, ...], 6] = ()


class Filters(WireMessage):
    refuse_seconds: Annotated[float, 1] = written(5.0)


class OperationState(WireEnum):
    OPERATION_UNSUPPORTED = "OPERATION_UNSUPPORTED", 0
    OPERATION_PENDING = "OPERATION_PENDING", 1
    OPERATION_FINISHED = "OPERATION_FINISHED", 2
    OPERATION_FAILED = "OPERATION_FAILED", 3
    OPERATION_ERROR = "OPERATION_ERROR", 4
    OPERATION_DROPPED = "OPERATION_DROPPED", 5
    OPERATION_UNREACHABLE = "OPERATION_UNREACHABLE", 6
    OPERATION_GONE_BY_OPERATOR = "OPERATION_GONE_BY_OPERATOR", 7
    OPERATION_RECOVERING = "OPERATION_RECOVERING", 8
    OPERATION_UNKNOWN = "OPERATION_UNKNOWN", 9


class OperationStatus(WireMessage):
    state: Annotated[OperationState, 2]
    operation_id: Annotated[OperationID | None, 1] = None
    message: Annotated[str | None, 3] = None
    converted_resources: Annotated[tuple[Resource, ...], 4] = ()
    uuid: Annotated[UUID | None, 5] = None
    agent_id: Annotated[AgentID | None, 6] = None
    resource_provider_id: Annotated[ResourceProviderID | None, 7] = None


class Operation(WireMessage):
    info: Annotated[Offer.Operation, 3]
    latest_status: Annotated[OperationStatus, 4]
    uuid: Annotated[UUID, 6]
    framework_id: Annotated[FrameworkID | None, 1] = None
    agent_id: Annotated[AgentID | None, 2] = None
    statuses: Annotated[tuple[OperationStatus, ...], 5] = ()
