"""Paths with ids in them: ids contain slashes, so what follows them is found from the end."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from mesosctl.runtime.marathon.model import absolute

Handlers = Mapping[str, Callable[..., Awaitable[web.StreamResponse]]]
"""By method. They are given the request and the pattern's groups."""

_METHODS = ("GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
"""HEAD comes with GET."""


def routes_below(path: str, patterns: Sequence[tuple[str, Handlers]]) -> list[web.RouteDef]:
    """Routes for `path` and all below it. The patterns are for what follows `path`, with one slash between steps and
    none at the end (`/` for nothing); the first one that fits counts."""

    async def handle(request: web.Request) -> web.StreamResponse:
        rest = absolute(request.match_info.get("path", ""))
        for pattern, handlers in patterns:
            if match := re.fullmatch(pattern, rest, re.DOTALL):
                handler = handlers.get("GET" if request.method == "HEAD" else request.method)
                if handler is None:
                    raise web.HTTPMethodNotAllowed(
                        request.method, [*handlers, *(["HEAD"] if "GET" in handlers else [])]
                    )
                return await handler(request, *match.groups())
        raise web.HTTPNotFound

    return [web.route(method, each, handle) for each in (path, path + "/{path:.*}") for method in _METHODS]
