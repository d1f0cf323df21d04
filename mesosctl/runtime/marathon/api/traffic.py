"""How much goes over HTTP: the bytes of requests' bodies and of answers, since this Marathon was started."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


class Traffic:
    def __init__(self) -> None:
        self.read = 0
        self.written = 0

    def middleware(self) -> Middleware:
        @web.middleware
        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            response = await handler(request)
            self.read += request.content.total_bytes
            if isinstance(response, web.Response) and isinstance(response.body, bytes):
                self.written += len(response.body)
            return response

        return count
