"""`/v2/events`: the event bus as server-sent events; `?event_type=` (several, too) and `?plan-format=light` filter."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import hdrs, web

from mesosctl.runtime.marathon.api.context import Context
from mesosctl.runtime.marathon.api.errors import ApiError

PATH = "/v2/events"
HEARTBEAT_SECONDS = 15.0
MEDIA_TYPE = "text/event-stream"


class Events:
    def __init__(self, context: Context) -> None:
        self._bus = context.bus

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self.attach)]

    async def attach(self, request: web.Request) -> web.StreamResponse:
        accepted = request.headers.get(hdrs.ACCEPT, "")
        if MEDIA_TYPE not in accepted:
            raise ApiError(405, f"Accept {MEDIA_TYPE} to attach to the event stream")
        kinds = frozenset(request.query.getall("event_type", []))
        light = "light" in request.query.getall("plan-format", [])
        response = web.StreamResponse(
            headers={hdrs.CONTENT_TYPE: f"{MEDIA_TYPE};charset=utf-8", hdrs.CACHE_CONTROL: "no-cache"}
        )
        subscription = self._bus.subscribe(kinds, light=light)
        remote = request.remote or ""
        try:
            await response.prepare(request)
            self._bus.say("event_stream_attached", remoteAddress=remote)
            with contextlib.suppress(ConnectionError):
                while True:
                    try:
                        async with asyncio.timeout(HEARTBEAT_SECONDS):
                            event = await subscription.next()
                    except TimeoutError:
                        await response.write(b"\r\n")
                        continue
                    if event is None:
                        break
                    await response.write(b"event: %b\r\ndata: %b\r\n\r\n" % (event[0].encode(), event[1]))
        finally:
            self._bus.leave(subscription)
            self._bus.say("event_stream_detached", remoteAddress=remote)
        return response
