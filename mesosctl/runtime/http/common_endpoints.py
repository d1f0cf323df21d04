"""The older endpoints that masters and agents have alike: health, version, flags, metrics, files, logging.

They answer every method as a GET.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable

from aiohttp import hdrs, web

from mesosctl.runtime.flags.kinds import parse_duration
from mesosctl.runtime.http.answers import as_json, empty_response, long_response, text_response, without_collection
from mesosctl.runtime.http.authentication import permit_of
from mesosctl.runtime.http.common_calls import CommonContext
from mesosctl.runtime.http.file_endpoints import file_routes
from mesosctl.runtime.http.log_level import MAX_LEVEL, LogLevel
from mesosctl.runtime.http.system import system_stats
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.version import about


def view_route(path: str, view: Callable[[web.Request], object]) -> web.RouteDef:
    """A path that shows, as JSON, what `view` makes of the request, or waits for. It may raise Refusal."""

    async def handler(request: web.Request) -> web.StreamResponse:
        with without_collection():
            found = view(request)
            answer = None if isawaitable(found) else as_json(request, found)
        if isawaitable(found):
            answer = as_json(request, await found)
        assert answer is not None
        return await long_response(request, *answer)

    return web.route(hdrs.METH_ANY, path, handler)


def common_routes(context: CommonContext) -> list[web.RouteDef]:
    def metrics(request: web.Request) -> object:
        if "timeout" in request.query:
            _duration(request.query["timeout"], "timeout")  # what is known is told at once
        return dict(sorted(context.metrics().items()))

    async def toggle(request: web.Request) -> web.StreamResponse:
        if request.query:
            permit_of(request).require("set_log_level")
        return _toggle(context.log_level, request)

    return [
        web.route(hdrs.METH_ANY, "/health", _health),
        view_route("/version", lambda request: about()),
        view_route("/flags", lambda request: {"flags": context.flags}),
        view_route("/metrics/snapshot", metrics),
        view_route("/system/stats.json", lambda request: system_stats()),
        web.route(hdrs.METH_ANY, "/logging/toggle", toggle),
        *file_routes(context.files),
    ]


async def _health(request: web.Request) -> web.StreamResponse:
    return empty_response(200)


def _toggle(log_level: LogLevel, request: web.Request) -> web.Response:
    """Without parameters the level; else set it for a while."""
    level, duration = request.query.get("level"), request.query.get("duration")
    if level is None and duration is None:
        return text_response(200, f"{log_level.level}\n")
    if level is None:
        raise Refusal(400, "Expecting 'level=value' in query.\n")
    if duration is None:
        raise Refusal(400, "Expecting 'duration=value' in query.\n")
    if not level.isdigit() or int(level) > MAX_LEVEL:
        raise Refusal(400, f"Invalid level '{level}'.\n")
    log_level.set(int(level), _duration(duration, "duration"))
    return empty_response(200)


def _duration(text: str, name: str) -> float:
    """Seconds."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Refusal(400, f"Failed to parse {name}: {error}.\n") from None
