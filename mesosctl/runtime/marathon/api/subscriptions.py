"""`/v2/eventSubscriptions`: the URLs that events are posted to. They are kept in the store."""

from __future__ import annotations

from aiohttp import web

from mesosctl.runtime.marathon.api.context import Context, answer
from mesosctl.runtime.marathon.api.errors import ApiError

PATH = "/v2/eventSubscriptions"
HTTP_CALLBACK = "http_callback"


class Subscriptions:
    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self.list), web.post(PATH, self.add), web.delete(PATH, self.remove)]

    async def list(self, request: web.Request) -> web.Response:
        self._required()
        return answer(request, {"callbackUrls": self._context.callbacks.urls})

    async def add(self, request: web.Request) -> web.Response:
        url = self._url(request)
        self._context.callbacks.add(url)
        return await self._changed(request, url, "subscribe_event")

    async def remove(self, request: web.Request) -> web.Response:
        url = self._url(request)
        self._context.callbacks.remove(url)
        return await self._changed(request, url, "unsubscribe_event")

    async def _changed(self, request: web.Request, url: str, kind: str) -> web.Response:
        context = self._context
        context.writer.write(context.archive.subscribers_are(context.callbacks.urls), lambda: None)
        await context.writer.flush()
        event = {"clientIp": request.remote or "", "callbackUrl": url}
        context.bus.say(kind, **event)
        return answer(request, {**event, "eventType": kind})

    def _url(self, request: web.Request) -> str:
        self._required()
        url = request.query.get("callbackUrl", "")
        if not url.startswith(("http://", "https://")):
            raise ApiError(422, "Object is not valid", details=[{"path": "/callbackUrl", "errors": ["is no URL"]}])
        return url

    def _required(self) -> None:
        _ = self._context.marathon  # the leader's
        if self._context.flags.event_subscriber != HTTP_CALLBACK:
            raise ApiError(400, "http event callback system is not running on this Marathon instance")
