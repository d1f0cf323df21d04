"""Values, attributes, resources with their reservations, disks and volumes, images, devices and roles of `mesos.v1`."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from mesosctl.runtime.protocol.basics import (
    AgentID,
    Credential,
    FrameworkID,
    Labels,
    Parameters,
    ResourceProviderID,
    Secret,
)
from mesosctl.runtime.protocol.wire import UInt64, WireEnum, WireMessage, written


class Value(WireMessage):
    class Type(WireEnum):
        SCALAR = "SCALAR", 0
        RANGES = "RANGES", 1
        SET = "SET", 2
        TEXT = "TEXT", 3

    class Scalar(WireMessage):
        value: Annotated[float, 1]

    class Range(WireMessage):
        begin: Annotated[UInt64, 1]
        end: Annotated[UInt64, 2]

    class Ranges(WireMessage):
        range: Annotated[tuple[Value.Range, ...], 1] = ()

    class Set(WireMessage):
        item: Annotated[tuple[str, ...], 1] = ()

    class Text(WireMessage):
        value: Annotated[str, 1]

    type: Annotated[Value.Type, 1]
    scalar: Annotated[Value.Scalar | None, 2] = None
    ranges: Annotated[Value.Ranges | None, 3] = None
    set: Annotated[Value.Set | None, 4] = None
    text: Annotated[Value.Text | None, 5] = None


class Attribute(WireMessage):
    name: Annotated[str, 1]
    type: Annotated[Value.Type, 2]
    scalar: Annotated[Value.Scalar | None, 3] = None
    ranges: Annotated[Value.Ranges | None, 4] = None
    set: Annotated[Value.Set | None, 6] = None
    text: Annotated[Value.Text | None, 5] = None


class Image(WireMessage):
    class Type(WireEnum):
        APPC = "APPC", 1
        DOCKER = "DOCKER", 2

    class Appc(WireMessage):
        name: Annotated[str, 1]
        id: Annotated[str | None, 2] = None
        labels: Annotated[Labels | None, 3] = None

    class Docker(WireMessage):
        name: Annotated[str, 1]
        credential: Annotated[Credential | None, 2] = None
        config: Annotated[Secret | None, 3] = None

    type: Annotated[Image.Type, 1]
    appc: Annotated[Image.Appc | None, 2] = None
    docker: Annotated[Image.Docker | None, 3] = None
    cached: Annotated[bool, 4] = written(True)


class MountPropagation(WireMessage):
    class Mode(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        HOST_TO_CONTAINER = "HOST_TO_CONTAINER", 1
        BIDIRECTIONAL = "BIDIRECTIONAL", 2

    mode: Annotated[MountPropagation.Mode | None, 1] = None


class Volume(WireMessage):
    class Mode(WireEnum):
        RW = "RW", 1
        RO = "RO", 2

    class Source(WireMessage):
        class Type(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            DOCKER_VOLUME = "DOCKER_VOLUME", 1
            HOST_PATH = "HOST_PATH", 4
            SANDBOX_PATH = "SANDBOX_PATH", 2
            SECRET = "SECRET", 3
            CSI_VOLUME = "CSI_VOLUME", 5

        class DockerVolume(WireMessage):
            name: Annotated[str, 2]
            driver: Annotated[str | None, 1] = None
            driver_options: Annotated[Parameters | None, 3] = None

        class HostPath(WireMessage):
            path: Annotated[str, 1]
            mount_propagation: Annotated[MountPropagation | None, 2] = None

        class SandboxPath(WireMessage):
            class Type(WireEnum):
                UNKNOWN = "UNKNOWN", 0
                SELF = "SELF", 1
                PARENT = "PARENT", 2

            path: Annotated[str, 2]
            type: Annotated[Volume.Source.SandboxPath.Type | None, 1] = None

        class CSIVolume(WireMessage):
            class VolumeCapability(WireMessage):
                class BlockVolume(WireMessage):
                    pass

                class MountVolume(WireMessage):
                    fs_type: Annotated[str | None, 1] = None
                    mount_flags: Annotated[tuple[str, ...], 2] = ()

                class AccessMode(WireMessage):
                    class Mode(WireEnum):
                        UNKNOWN = "UNKNOWN", 0
                        SINGLE_NODE_WRITER = "SINGLE_NODE_WRITER", 1
                        SINGLE_NODE_READER_ONLY = "SINGLE_NODE_READER_ONLY", 2
                        MULTI_NODE_READER_ONLY = "MULTI_NODE_READER_ONLY", 3
                        MULTI_NODE_SINGLE_WRITER = "MULTI_NODE_SINGLE_WRITER", 4
                        MULTI_NODE_MULTI_WRITER = "MULTI_NODE_MULTI_WRITER", 5

                    mode: Annotated[Volume.Source.CSIVolume.VolumeCapability.AccessMode.Mode, 1]

                access_mode: Annotated[Volume.Source.CSIVolume.VolumeCapability.AccessMode, 3]
                block: Annotated[Volume.Source.CSIVolume.VolumeCapability.BlockVolume | None, 1] = None
                mount: Annotated[Volume.Source.CSIVolume.VolumeCapability.MountVolume | None, 2] = None

            class StaticProvisioning(WireMessage):
                volume_id: Annotated[str, 1]
                volume_capability: Annotated[Volume.Source.CSIVolume.VolumeCapability, 2]
                node_stage_secrets: Annotated[dict[str, Secret], 3] = field(default_factory=dict)
                node_publish_secrets: Annotated[dict[str, Secret], 4] = field(default_factory=dict)
                volume_context: Annotated[dict[str, str], 5] = field(default_factory=dict)

            plugin_name: Annotated[str, 1]
            static_provisioning: Annotated[Volume.Source.CSIVolume.StaticProvisioning | None, 2] = None

        type: Annotated[Volume.Source.Type | None, 1] = None
        docker_volume: Annotated[Volume.Source.DockerVolume | None, 2] = None
        host_path: Annotated[Volume.Source.HostPath | None, 5] = None
        sandbox_path: Annotated[Volume.Source.SandboxPath | None, 3] = None
        secret: Annotated[Secret | None, 4] = None
        csi_volume: Annotated[Volume.Source.CSIVolume | None, 6] = None

    mode: Annotated[Volume.Mode, 3]
    container_path: Annotated[str, 1]
    host_path: Annotated[str | None, 2] = None
    image: Annotated[Image | None, 4] = None
    source: Annotated[Volume.Source | None, 5] = None


class Resource(WireMessage):
    class AllocationInfo(WireMessage):
        role: Annotated[str | None, 1] = None

    class ReservationInfo(WireMessage):
        class Type(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            STATIC = "STATIC", 1
            DYNAMIC = "DYNAMIC", 2

        type: Annotated[Resource.ReservationInfo.Type | None, 4] = None
        role: Annotated[str | None, 3] = None
        principal: Annotated[str | None, 1] = None
        labels: Annotated[Labels | None, 2] = None

    class DiskInfo(WireMessage):
        class Persistence(WireMessage):
            id: Annotated[str, 1]
            principal: Annotated[str | None, 2] = None

        class Source(WireMessage):
            class Type(WireEnum):
                UNKNOWN = "UNKNOWN", 0
                PATH = "PATH", 1
                MOUNT = "MOUNT", 2
                BLOCK = "BLOCK", 3
                RAW = "RAW", 4

            class Path(WireMessage):
                root: Annotated[str | None, 1] = None

            class Mount(WireMessage):
                root: Annotated[str | None, 1] = None

            type: Annotated[Resource.DiskInfo.Source.Type, 1]
            path: Annotated[Resource.DiskInfo.Source.Path | None, 2] = None
            mount: Annotated[Resource.DiskInfo.Source.Mount | None, 3] = None
            vendor: Annotated[str | None, 7] = None
            id: Annotated[str | None, 4] = None
            metadata: Annotated[Labels | None, 5] = None
            profile: Annotated[str | None, 6] = None

        persistence: Annotated[Resource.DiskInfo.Persistence | None, 1] = None
        volume: Annotated[Volume | None, 2] = None
        source: Annotated[Resource.DiskInfo.Source | None, 3] = None

    class RevocableInfo(WireMessage):
        pass

    class SharedInfo(WireMessage):
        pass

    name: Annotated[str, 1]
    type: Annotated[Value.Type, 2]
    provider_id: Annotated[ResourceProviderID | None, 12] = None
    scalar: Annotated[Value.Scalar | None, 3] = None
    ranges: Annotated[Value.Ranges | None, 4] = None
    set: Annotated[Value.Set | None, 5] = None
    role: Annotated[str | None, 6] = None
    allocation_info: Annotated[Resource.AllocationInfo | None, 11] = None
    reservation: Annotated[Resource.ReservationInfo | None, 8] = None
    reservations: Annotated[tuple[Resource.ReservationInfo, ...], 13] = ()
    disk: Annotated[Resource.DiskInfo | None, 7] = None
    revocable: Annotated[Resource.RevocableInfo | None, 9] = None
    shared: Annotated[Resource.SharedInfo | None, 10] = None


class OfferFilters(WireMessage):
    class ResourceQuantities(WireMessage):
        quantities: Annotated[dict[str, Value.Scalar], 1] = field(default_factory=dict)

    class MinAllocatableResources(WireMessage):
        quantities: Annotated[tuple[OfferFilters.ResourceQuantities, ...], 1] = ()

    min_allocatable_resources: Annotated[OfferFilters.MinAllocatableResources | None, 1] = None


class Device(WireMessage):
    class Number(WireMessage):
        major_number: Annotated[UInt64, 1]
        minor_number: Annotated[UInt64, 2]

    path: Annotated[str | None, 1] = None
    number: Annotated[Device.Number | None, 2] = None


class DeviceAccess(WireMessage):
    class Access(WireMessage):
        read: Annotated[bool | None, 1] = None
        write: Annotated[bool | None, 2] = None
        mknod: Annotated[bool | None, 3] = None

    device: Annotated[Device, 1]
    access: Annotated[DeviceAccess.Access, 2]


class DeviceWhitelist(WireMessage):
    allowed_devices: Annotated[tuple[DeviceAccess, ...], 1] = ()


class WeightInfo(WireMessage):
    weight: Annotated[float, 1]
    role: Annotated[str | None, 2] = None


class Role(WireMessage):
    name: Annotated[str, 1]
    weight: Annotated[float, 2]
    frameworks: Annotated[tuple[FrameworkID, ...], 3] = ()
    resources: Annotated[tuple[Resource, ...], 4] = ()


class Request(WireMessage):
    agent_id: Annotated[AgentID | None, 1] = None
    resources: Annotated[tuple[Resource, ...], 2] = ()
