"""What holds for all endpoints: JSON in and out, nothing is cached, HEAD and OPTIONS, and pages of other origins."""

from __future__ import annotations

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from mesosctl.runtime.marathon.api.errors import ApiError
from mesosctl.runtime.marathon.api.events import PATH as EVENTS
from mesosctl.runtime.marathon.api.logging import PATH as LOGGING
from mesosctl.runtime.marathon.flags import MarathonFlags

_API = "/v2/"
_JSON = "application/json"
_PLAIN = "text/plain"
_IDENTITY = "identity"
_TASKS = "/tasks"
"""Paths that end so can be had as a table in plain text."""
_UNCACHED = {hdrs.CACHE_CONTROL: "no-cache, no-store, must-revalidate", hdrs.PRAGMA: "no-cache", hdrs.EXPIRES: "0"}
_METHODS = "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE"
_DAY_SECONDS = "86400"


@web.middleware
async def negotiated(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what is not sent as JSON, and what is not wanted as such.

    A page of another origin can send forms and plain text unasked: those are never taken for JSON.
    """
    if request.path.startswith((_API, LOGGING)) and request.path != EVENTS:
        if request.body_exists and not _readable(request):
            raise ApiError(415, "Unsupported Media Type", details="Send Content-Type: application/json, uncompressed")
        if not _wants(request):
            raise ApiError(406, "Not Acceptable")
    return await handler(request)


def wants_text(request: web.Request) -> bool:
    """Whether the client would rather have plain text than JSON."""
    for kind in _accepted(request):
        if kind in (_JSON, "*/*"):
            return False
        if kind == _PLAIN:
            return True
    return False


async def uncached(request: web.Request, response: web.StreamResponse) -> None:
    """A signal for responses about to be sent: what Marathon says is true now only."""
    if request.path.startswith(_API):
        for name, value in _UNCACHED.items():
            response.headers.setdefault(name, value)


class Origins:
    """`--access_control_allow_origin`: pages of which origins may ask."""

    def __init__(self, flags: MarathonFlags) -> None:
        self._allowed = [each.strip() for each in (flags.access_control_allow_origin or "").split(",") if each.strip()]

    def middleware(self) -> Middleware:
        """Answers what browsers ask before they let a page ask: they show no credentials then."""

        @web.middleware
        async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.method != "OPTIONS" or not self._allows(request):
                return await handler(request)
            headers = {hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS, hdrs.ACCESS_CONTROL_MAX_AGE: _DAY_SECONDS}
            if wanted := request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS):
                headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = wanted
            return web.Response(headers=headers)

        return preflight

    async def announce(self, request: web.Request, response: web.StreamResponse) -> None:
        """A signal for responses about to be sent."""
        if self._allows(request):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = (
                "*" if "*" in self._allowed else request.headers[hdrs.ORIGIN]
            )
            response.headers[hdrs.VARY] = hdrs.ORIGIN

    def _allows(self, request: web.Request) -> bool:
        origin = request.headers.get(hdrs.ORIGIN)
        return origin is not None and ("*" in self._allowed or origin in self._allowed)


def _readable(request: web.Request) -> bool:
    """Whether its body is plain JSON, as far as is said."""
    if request.headers.get(hdrs.CONTENT_ENCODING, _IDENTITY) != _IDENTITY:
        return False
    return hdrs.CONTENT_TYPE not in request.headers or _is_json(request.content_type)


def _is_json(content_type: str) -> bool:
    return content_type == _JSON or content_type.endswith("+json")


def _accepted(request: web.Request) -> list[str]:
    """The media types of `Accept`, without their parameters."""
    return [part.split(";")[0].strip().lower() for part in request.headers.get(hdrs.ACCEPT, "*/*").split(",")]


def _wants(request: web.Request) -> bool:
    as_text = request.method in ("GET", "HEAD") and request.path.rstrip("/").endswith(_TASKS)
    for kind in _accepted(request):
        if kind in ("", "*/*", "application/*") or _is_json(kind) or (as_text and kind in (_PLAIN, "text/*")):
            return True
    return False
