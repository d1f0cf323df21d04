"""The calls about maintenance."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import partial

from mesosctl.runtime.master.operator.commit import commit
from mesosctl.runtime.master.operator.context import Context, Function
from mesosctl.runtime.protocol.basics import MachineID
from mesosctl.runtime.protocol.maintenance import ClusterStatus, Schedule
from mesosctl.runtime.protocol.master import Call, Response

_Type = Response.Type


def get_schedule(context: Context, call: Call) -> Response:
    schedule = Response.GetMaintenanceSchedule(visible_schedule(context))
    return Response(type=_Type.GET_MAINTENANCE_SCHEDULE, get_maintenance_schedule=schedule)


def visible_schedule(context: Context) -> Schedule:
    return context.master.maintenance.schedule() if context.permit.allows("get_maintenance_schedules") else Schedule()


def get_status(context: Context, call: Call) -> Response:
    status = Response.GetMaintenanceStatus(visible_status(context))
    return Response(type=_Type.GET_MAINTENANCE_STATUS, get_maintenance_status=status)


def visible_status(context: Context) -> ClusterStatus:
    allowed = context.permit.allows("get_maintenance_statuses")
    return context.master.maintenance.status() if allowed else ClusterStatus()


def update_schedule(context: Context, call: Call) -> Awaitable[int]:
    given = call.update_maintenance_schedule
    assert given  # the call is complete
    return update(context, given.schedule)


def update(context: Context, schedule: Schedule) -> Awaitable[int]:
    context.permit.require("update_maintenance_schedules")
    return commit(context, partial(context.master.maintenance.update, schedule))


def start(context: Context, call: Call) -> Awaitable[int]:
    return start_machines(context, (call.start_maintenance or Call.StartMaintenance()).machines)


def start_machines(context: Context, machines: tuple[MachineID, ...]) -> Awaitable[int]:
    context.permit.require("start_maintenances")
    return commit(context, partial(context.master.maintenance.start, machines))


def stop(context: Context, call: Call) -> Awaitable[int]:
    return stop_machines(context, (call.stop_maintenance or Call.StopMaintenance()).machines)


def stop_machines(context: Context, machines: tuple[MachineID, ...]) -> Awaitable[int]:
    context.permit.require("stop_maintenances")
    return commit(context, partial(context.master.maintenance.stop, machines))


FUNCTIONS: Mapping[Call.Type, Function] = {
    Call.Type.GET_MAINTENANCE_SCHEDULE: get_schedule,
    Call.Type.GET_MAINTENANCE_STATUS: get_status,
    Call.Type.UPDATE_MAINTENANCE_SCHEDULE: update_schedule,
    Call.Type.START_MAINTENANCE: start,
    Call.Type.STOP_MAINTENANCE: stop,
}
