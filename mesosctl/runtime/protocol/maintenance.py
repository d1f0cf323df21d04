"""Maintenance windows and the state of machines under them: `mesos.v1.maintenance` and `mesos.v1.allocator`."""

from __future__ import annotations

from typing import Annotated

from mesosctl.runtime.protocol.basics import FrameworkID, MachineID, TimeInfo, Unavailability
from mesosctl.runtime.protocol.wire import WireEnum, WireMessage


class InverseOfferStatus(WireMessage):
    class Status(WireEnum):
        UNKNOWN = "UNKNOWN", 1
        ACCEPT = "ACCEPT", 2
        DECLINE = "DECLINE", 3

    status: Annotated[InverseOfferStatus.Status, 1]
    framework_id: Annotated[FrameworkID, 2]
    timestamp: Annotated[TimeInfo, 3]


class Window(WireMessage):
    unavailability: Annotated[Unavailability, 2]
    machine_ids: Annotated[tuple[MachineID, ...], 1] = ()


class Schedule(WireMessage):
    windows: Annotated[tuple[Window, ...], 1] = ()


class ClusterStatus(WireMessage):
    class DrainingMachine(WireMessage):
        id: Annotated[MachineID, 1]
        statuses: Annotated[tuple[InverseOfferStatus, ...], 2] = ()

    draining_machines: Annotated[tuple[ClusterStatus.DrainingMachine, ...], 1] = ()
    down_machines: Annotated[tuple[MachineID, ...], 2] = ()
