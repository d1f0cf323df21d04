"""The calls about maintenance."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import partial

from mesosctl.runtime.master.operator.commit import commit
from mesosctl.runtime.master.operator.context import Context, Function
from mesosctl.runtime.protocol.master import Call, Response

_Type = Response.Type


def get_schedule(context: Context, call: Call) -> Response:
    schedule = Response.GetMaintenanceSchedule(context.master.maintenance.schedule())
    return Response(type=_Type.GET_MAINTENANCE_SCHEDULE, get_maintenance_schedule=schedule)


def get_status(context: Context, call: Call) -> Response:
    status = Response.GetMaintenanceStatus(context.master.maintenance.status())
    return Response(type=_Type.GET_MAINTENANCE_STATUS, get_maintenance_status=status)


def update_schedule(context: Context, call: Call) -> Awaitable[int]:
    update = call.update_maintenance_schedule
    assert update  # the call is complete
    return commit(context, partial(context.master.maintenance.update, update.schedule))


def start(context: Context, call: Call) -> Awaitable[int]:
    given = call.start_maintenance or Call.StartMaintenance()
    return commit(context, partial(context.master.maintenance.start, given.machines))


def stop(context: Context, call: Call) -> Awaitable[int]:
    given = call.stop_maintenance or Call.StopMaintenance()
    return commit(context, partial(context.master.maintenance.stop, given.machines))


FUNCTIONS: Mapping[Call.Type, Function] = {
    Call.Type.GET_MAINTENANCE_SCHEDULE: get_schedule,
    Call.Type.GET_MAINTENANCE_STATUS: get_status,
    Call.Type.UPDATE_MAINTENANCE_SCHEDULE: update_schedule,
    Call.Type.START_MAINTENANCE: start,
    Call.Type.STOP_MAINTENANCE: stop,
}
