"""Keeps clients and executors waiting (503) while an agent finds out what the one before it left."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from mesosctl.runtime.protocol.errors import Refusal

_ALWAYS = ("/health", "/version", "/flags", "/metrics/", "/logging/", "/page/")


class Gate:
    def __init__(self, prefix: str) -> None:
        """`prefix`: what paths may begin with besides."""
        self.is_open = False
        self._prefix = prefix

    def middleware(self) -> Middleware:
        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            if self.is_open or request.path.removeprefix(self._prefix).startswith(_ALWAYS):
                return await handler(request)
            raise Refusal(503, "Agent has not finished recovery")

        return gate
