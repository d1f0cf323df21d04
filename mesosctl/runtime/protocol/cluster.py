"""Frameworks, masters, agents and resource providers of `mesos.v1`: who takes part in a cluster."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from mesosctl.runtime.protocol.basics import (
    Address,
    AgentID,
    DomainInfo,
    DurationInfo,
    FrameworkID,
    Labels,
    ResourceProviderID,
)
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo
from mesosctl.runtime.protocol.resources import Attribute, OfferFilters, Resource
from mesosctl.runtime.protocol.wire import Int32, UInt32, WireEnum, WireMessage, written


class FrameworkInfo(WireMessage):
    class Capability(WireMessage):
        class Type(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            REVOCABLE_RESOURCES = "REVOCABLE_RESOURCES", 1
            TASK_KILLING_STATE = "TASK_KILLING_STATE", 2
            GPU_RESOURCES = "GPU_RESOURCES", 3
            SHARED_RESOURCES = "SHARED_RESOURCES", 4
            PARTITION_AWARE = "PARTITION_AWARE", 5
            MULTI_ROLE = "MULTI_ROLE", 6
            RESERVATION_REFINEMENT = "RESERVATION_REFINEMENT", 7
            REGION_AWARE = "REGION_AWARE", 8

        type: Annotated[FrameworkInfo.Capability.Type | None, 1] = None

    user: Annotated[str, 1]
    name: Annotated[str, 2]
    id: Annotated[FrameworkID | None, 3] = None
    failover_timeout: Annotated[float, 4] = written(0.0)
    checkpoint: Annotated[bool, 5] = written(False)
    role: Annotated[str | None, 6] = None
    roles: Annotated[tuple[str, ...], 12] = ()
    hostname: Annotated[str | None, 7] = None
    principal: Annotated[str | None, 8] = None
    webui_url: Annotated[str | None, 9] = None
    capabilities: Annotated[tuple[FrameworkInfo.Capability, ...], 10] = ()
    labels: Annotated[Labels | None, 11] = None
    offer_filters: Annotated[dict[str, OfferFilters], 13] = field(default_factory=dict)


class MasterInfo(WireMessage):
    class Capability(WireMessage):
        class Type(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            AGENT_UPDATE = "AGENT_UPDATE", 1
            AGENT_DRAINING = "AGENT_DRAINING", 2
            QUOTA_V2 = "QUOTA_V2", 3

        type: Annotated[MasterInfo.Capability.Type | None, 1] = None

    id: Annotated[str, 1]
    ip: Annotated[UInt32, 2]
    port: Annotated[UInt32, 3]
    pid: Annotated[str | None, 4] = None
    hostname: Annotated[str | None, 5] = None
    version: Annotated[str | None, 6] = None
    address: Annotated[Address | None, 7] = None
    domain: Annotated[DomainInfo | None, 8] = None
    capabilities: Annotated[tuple[MasterInfo.Capability, ...], 9] = ()


class AgentInfo(WireMessage):
    class Capability(WireMessage):
        class Type(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            MULTI_ROLE = "MULTI_ROLE", 1
            HIERARCHICAL_ROLE = "HIERARCHICAL_ROLE", 2
            RESERVATION_REFINEMENT = "RESERVATION_REFINEMENT", 3
            RESOURCE_PROVIDER = "RESOURCE_PROVIDER", 4
            RESIZE_VOLUME = "RESIZE_VOLUME", 5
            AGENT_OPERATION_FEEDBACK = "AGENT_OPERATION_FEEDBACK", 6
            AGENT_DRAINING = "AGENT_DRAINING", 7
            TASK_RESOURCE_LIMITS = "TASK_RESOURCE_LIMITS", 8

        type: Annotated[AgentInfo.Capability.Type | None, 1] = None

    hostname: Annotated[str, 1]
    port: Annotated[Int32, 8] = written(5051)
    resources: Annotated[tuple[Resource, ...], 3] = ()
    attributes: Annotated[tuple[Attribute, ...], 5] = ()
    id: Annotated[AgentID | None, 6] = None
    domain: Annotated[DomainInfo | None, 10] = None
    checkpoint: Annotated[bool | None, 7] = None


class CSIPluginContainerInfo(WireMessage):
    class Service(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        CONTROLLER_SERVICE = "CONTROLLER_SERVICE", 1
        NODE_SERVICE = "NODE_SERVICE", 2

    services: Annotated[tuple[CSIPluginContainerInfo.Service, ...], 1] = ()
    command: Annotated[CommandInfo | None, 2] = None
    resources: Annotated[tuple[Resource, ...], 3] = ()
    container: Annotated[ContainerInfo | None, 4] = None


class CSIPluginEndpoint(WireMessage):
    csi_service: Annotated[CSIPluginContainerInfo.Service, 1]
    endpoint: Annotated[str, 2]


class CSIPluginInfo(WireMessage):
    type: Annotated[str, 1]
    name: Annotated[str, 2] = written("default")
    containers: Annotated[tuple[CSIPluginContainerInfo, ...], 3] = ()
    endpoints: Annotated[tuple[CSIPluginEndpoint, ...], 4] = ()
    target_path_root: Annotated[str | None, 5] = None
    target_path_exists: Annotated[bool | None, 6] = None


class ResourceProviderInfo(WireMessage):
    class Storage(WireMessage):
        plugin: Annotated[CSIPluginInfo, 1]
        reconciliation_interval_seconds: Annotated[float | None, 2] = None

    type: Annotated[str, 3]
    name: Annotated[str, 4]
    id: Annotated[ResourceProviderID | None, 1] = None
    attributes: Annotated[tuple[Attribute, ...], 2] = ()
    default_reservations: Annotated[tuple[Resource.ReservationInfo, ...], 5] = ()
    storage: Annotated[ResourceProviderInfo.Storage | None, 6] = None


class DrainState(WireEnum):
    UNKNOWN = "UNKNOWN", 0
    DRAINING = "DRAINING", 1
    DRAINED = "DRAINED", 2


class DrainConfig(WireMessage):
    max_grace_period: Annotated[DurationInfo | None, 1] = None
    mark_gone: Annotated[bool, 2] = written(False)


class DrainInfo(WireMessage):
    state: Annotated[DrainState, 1]
    config: Annotated[DrainConfig, 2]
