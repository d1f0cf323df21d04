"""Identifiers, times, addresses, labels and the other small messages of `mesos.v1` that the rest is made of.

Field numbers and names are those of `include/mesos/v1/mesos.proto`.
"""

from __future__ import annotations

from typing import Annotated

from mesosctl.runtime.protocol.wire import Int32, Int64, UInt32, UInt64, WireEnum, WireMessage


class FrameworkID(WireMessage):
    value: Annotated[str, 1]


class OfferID(WireMessage):
    value: Annotated[str, 1]


class AgentID(WireMessage):
    value: Annotated[str, 1]


class TaskID(WireMessage):
    value: Annotated[str, 1]


class ExecutorID(WireMessage):
    value: Annotated[str, 1]


class ContainerID(WireMessage):
    value: Annotated[str, 1]
    parent: Annotated[ContainerID | None, 2] = None


class ResourceProviderID(WireMessage):
    value: Annotated[str, 1]


class OperationID(WireMessage):
    value: Annotated[str, 1]


class UUID(WireMessage):
    value: Annotated[bytes, 1]


class TimeInfo(WireMessage):
    nanoseconds: Annotated[Int64, 1]


class DurationInfo(WireMessage):
    nanoseconds: Annotated[Int64, 1]


class Duration(WireMessage):
    seconds: Annotated[Int64 | None, 1] = None
    nanos: Annotated[Int32 | None, 2] = None


class Parameter(WireMessage):
    key: Annotated[str, 1]
    value: Annotated[str, 2]


class Parameters(WireMessage):
    parameter: Annotated[tuple[Parameter, ...], 1] = ()


class Label(WireMessage):
    key: Annotated[str, 1]
    value: Annotated[str | None, 2] = None


class Labels(WireMessage):
    labels: Annotated[tuple[Label, ...], 1] = ()


class Address(WireMessage):
    port: Annotated[Int32, 3]
    hostname: Annotated[str | None, 1] = None
    ip: Annotated[str | None, 2] = None


class URL(WireMessage):
    scheme: Annotated[str, 1]
    address: Annotated[Address, 2]
    path: Annotated[str | None, 3] = None
    query: Annotated[tuple[Parameter, ...], 4] = ()
    fragment: Annotated[str | None, 5] = None


class Unavailability(WireMessage):
    start: Annotated[TimeInfo, 1]
    duration: Annotated[DurationInfo | None, 2] = None


class MachineID(WireMessage):
    hostname: Annotated[str | None, 1] = None
    ip: Annotated[str | None, 2] = None


class MachineInfo(WireMessage):
    class Mode(WireEnum):
        UP = "UP", 1
        DRAINING = "DRAINING", 2
        DOWN = "DOWN", 3

    id: Annotated[MachineID, 1]
    mode: Annotated[MachineInfo.Mode | None, 2] = None
    unavailability: Annotated[Unavailability | None, 3] = None


class DomainInfo(WireMessage):
    class FaultDomain(WireMessage):
        class RegionInfo(WireMessage):
            name: Annotated[str, 1]

        class ZoneInfo(WireMessage):
            name: Annotated[str, 1]

        region: Annotated[DomainInfo.FaultDomain.RegionInfo, 1]
        zone: Annotated[DomainInfo.FaultDomain.ZoneInfo, 2]

    fault_domain: Annotated[DomainInfo.FaultDomain | None, 1] = None


class Credential(WireMessage):
    principal: Annotated[str, 1]
    secret: Annotated[str | None, 2] = None


class Credentials(WireMessage):
    credentials: Annotated[tuple[Credential, ...], 1] = ()


class RateLimit(WireMessage):
    principal: Annotated[str, 2]
    qps: Annotated[float | None, 1] = None
    capacity: Annotated[UInt64 | None, 3] = None


class RateLimits(WireMessage):
    limits: Annotated[tuple[RateLimit, ...], 1] = ()
    aggregate_default_qps: Annotated[float | None, 2] = None
    aggregate_default_capacity: Annotated[UInt64 | None, 3] = None


class Secret(WireMessage):
    class Type(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        REFERENCE = "REFERENCE", 1
        VALUE = "VALUE", 2

    class Reference(WireMessage):
        name: Annotated[str, 1]
        key: Annotated[str | None, 2] = None

    class Value(WireMessage):
        data: Annotated[bytes, 1]

    type: Annotated[Secret.Type | None, 1] = None
    reference: Annotated[Secret.Reference | None, 2] = None
    value: Annotated[Secret.Value | None, 3] = None


class Flag(WireMessage):
    name: Annotated[str, 1]
    value: Annotated[str | None, 2] = None


class VersionInfo(WireMessage):
    version: Annotated[str, 1]
    build_date: Annotated[str | None, 2] = None
    build_time: Annotated[float | None, 3] = None
    build_user: Annotated[str | None, 4] = None
    git_sha: Annotated[str | None, 5] = None
    git_branch: Annotated[str | None, 6] = None
    git_tag: Annotated[str | None, 7] = None


class Metric(WireMessage):
    name: Annotated[str, 1]
    value: Annotated[float | None, 2] = None


class FileInfo(WireMessage):
    path: Annotated[str, 1]
    nlink: Annotated[Int32 | None, 2] = None
    size: Annotated[UInt64 | None, 3] = None
    mtime: Annotated[TimeInfo | None, 4] = None
    mode: Annotated[UInt32 | None, 5] = None
    uid: Annotated[str | None, 6] = None
    gid: Annotated[str | None, 7] = None
