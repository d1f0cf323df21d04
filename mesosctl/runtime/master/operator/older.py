"""The older endpoints that change something: `/quota`, `/weights`, `/reserve`, `/teardown` and their like.

Some take JSON, some a form whose values are JSON. What they do is done by the functions that answer the calls.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl

from aiohttp import web

from mesosctl.runtime.http.answers import empty_response, json_response
from mesosctl.runtime.http.authentication import permit_of
from mesosctl.runtime.master.operator import maintenance, quota
from mesosctl.runtime.master.operator.context import Context
from mesosctl.runtime.master.operator.reads import end_framework
from mesosctl.runtime.master.operator.reservations import perform
from mesosctl.runtime.protocol.basics import AgentID, MachineID
from mesosctl.runtime.protocol.errors import DecodeError, Refusal
from mesosctl.runtime.protocol.maintenance import Schedule
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.quota import QuotaRequest
from mesosctl.runtime.protocol.resources import Resource, WeightInfo
from mesosctl.runtime.protocol.tolerant import from_value, parse
from mesosctl.runtime.protocol.wire import WireMessage

M = TypeVar("M", bound=WireMessage)
T = TypeVar("T")
_Operation = Offer.Operation
_Type = Offer.Operation.Type
Form = Mapping[str, str]


def routes(context: Context) -> list[web.RouteDef]:
    def get(path: str, read: Callable[[Context], object]) -> web.RouteDef:
        async def handle(request: web.Request) -> web.StreamResponse:
            return json_response(request, read(context.of(permit_of(request))))

        return web.get(path, handle)

    def change(method: str, path: str, act: Callable[[Context, web.Request], Awaitable[int]]) -> web.RouteDef:
        async def handle(request: web.Request) -> web.StreamResponse:
            return empty_response(await act(context.of(permit_of(request)), request))

        return web.route(method, path, handle)

    return [
        get("/quota", quota.visible_quotas),
        change("POST", "/quota", _set_quota),
        change("DELETE", "/quota/{role:.+}", _remove_quota),
        get("/weights", quota.visible_weights),
        change("PUT", "/weights", _update_weights),
        get("/maintenance/schedule", maintenance.visible_schedule),
        change("POST", "/maintenance/schedule", _update_schedule),
        get("/maintenance/status", maintenance.visible_status),
        change("POST", "/machine/down", partial(_machines, maintenance.start_machines)),
        change("POST", "/machine/up", partial(_machines, maintenance.stop_machines)),
        change("POST", "/teardown", _teardown),
        change("POST", "/reserve", partial(_operation, _reserve)),
        change("POST", "/unreserve", partial(_operation, _unreserve)),
        change("POST", "/create-volumes", partial(_operation, _create_volumes)),
        change("POST", "/destroy-volumes", partial(_operation, _destroy_volumes)),
    ]


async def _set_quota(context: Context, request: web.Request) -> int:
    words = "Failed to parse set quota request JSON '{}'", "Failed to validate set quota request JSON '{}'"
    return await quota.set_one(context, await _json(request, partial(from_value, QuotaRequest), *words))


async def _remove_quota(context: Context, request: web.Request) -> int:
    role = request.match_info["role"]
    return await quota.remove_one(context, role, f"/master/quota/{role}")


async def _update_weights(context: Context, request: web.Request) -> int:
    words = (
        "Failed to parse update weights request JSON ('{}')",
        "Failed to convert weights JSON array to protobuf ('{}')",
    )
    return await quota.update_infos(context, await _json(request, partial(messages, WeightInfo), *words))


async def _json(request: web.Request, convert: Callable[[object], T], unreadable: str, invalid: str) -> T:
    """What the body says. Raises Refusal (400) with either words, the body in place of `{}`."""
    body = await request.read()
    words = unreadable
    try:
        value = parse(body)
        words = invalid
        return convert(value)
    except DecodeError as error:
        raise Refusal(400, f"{words.format(body.decode('utf-8', 'replace'))}: {error}") from None


async def _update_schedule(context: Context, request: web.Request) -> int:
    schedule = from_value(Schedule, parse(await request.read()))
    return await maintenance.update(context, schedule)


async def _machines(
    act: Callable[[Context, tuple[MachineID, ...]], Awaitable[int]], context: Context, request: web.Request
) -> int:
    return await act(context, messages(MachineID, parse(await request.read())))


async def _teardown(context: Context, request: web.Request) -> int:
    return end_framework(context, _value(await _form(request), "frameworkId"))


async def _operation(make: Callable[[Form], Offer.Operation], context: Context, request: web.Request) -> int:
    form = await _form(request)
    agent_id = AgentID(_value(form, "slaveId"))
    return perform(context, agent_id, make(form))


def _reserve(form: Form) -> Offer.Operation:
    source = _resources(form, "source") if "source" in form else ()
    reserve = _Operation.Reserve(source, _resources(form, "resources"))
    return _Operation(type=_Type.RESERVE, reserve=reserve)


def _unreserve(form: Form) -> Offer.Operation:
    return _Operation(type=_Type.UNRESERVE, unreserve=_Operation.Unreserve(_resources(form, "resources")))


def _create_volumes(form: Form) -> Offer.Operation:
    return _Operation(type=_Type.CREATE, create=_Operation.Create(_resources(form, "volumes")))


def _destroy_volumes(form: Form) -> Offer.Operation:
    return _Operation(type=_Type.DESTROY, destroy=_Operation.Destroy(_resources(form, "volumes")))


async def _form(request: web.Request) -> Form:
    return dict(parse_qsl(await request.text(), keep_blank_values=True))


def _value(form: Form, name: str) -> str:
    if name not in form:
        raise Refusal(400, f"Missing '{name}' query parameter in the request body")
    return form[name]


def _resources(form: Form, name: str) -> tuple[Resource, ...]:
    try:
        return messages(Resource, parse(_value(form, name).encode()))
    except DecodeError as error:
        raise Refusal(400, f"Error in parsing '{name}' query parameter in the request body: {error}") from None


def messages(message: type[M], value: object) -> tuple[M, ...]:
    """The messages in a JSON array. Raises DecodeError."""
    if not isinstance(value, list):
        raise DecodeError("Unexpected JSON type parsed")
    return tuple(from_value(message, each) for each in value)
