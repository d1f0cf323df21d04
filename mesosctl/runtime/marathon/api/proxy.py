"""Requests to a Marathon that does not lead are sent on to the one that does; `/v2/events` is redirected there.

Everybody answers `/ping`, `/metrics`, `/logging` and `/v2/plugins` for itself, and gives browsers the page, which then
asks here for what it shows.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Self

import aiohttp
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware
from multidict import CIMultiDict
from yarl import URL

from mesosctl.runtime.marathon.api.errors import ApiError
from mesosctl.runtime.marathon.api.events import PATH as EVENTS
from mesosctl.runtime.marathon.leader import Leadership

log = logging.getLogger(__name__)

LEADER = "X-Marathon-Leader"
VIA = "X-Marathon-Via"
_FORWARDED_FOR = "X-Forwarded-For"
_OWN = ("/ping", "/metrics", "/logging", "/v2/plugins", "/ui")
_CONNECTION = frozenset(
    {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that are about one connection."""
WAIT_SECONDS = 2.5
POLL_SECONDS = 0.05


class Proxy:
    """Use it inside `async with`. Timeouts in seconds."""

    def __init__(
        self,
        leadership: Leadership,
        scheme: str,
        connect_timeout: float,
        read_timeout: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._leadership = leadership
        self._scheme = scheme
        self._via = f"1.1 {leadership.own}"
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout, sock_read=read_timeout)
        self._tls = tls

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=self._timeout,
            connector=aiohttp.TCPConnector(ssl=True if self._tls is None else self._tls, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    def middleware(self) -> Middleware:
        @web.middleware
        async def lead(request: web.Request, handler: Handler) -> web.StreamResponse:
            leadership = self._leadership
            own = request.path == "/" or request.path.startswith(_OWN)
            if not own and not leadership.ready:
                await self._settle()
            if own or leadership.ready:
                response = await handler(request)
                if leadership.ready and not response.prepared:
                    response.headers[LEADER] = f"{self._scheme}://{leadership.own}"
                return response
            return await self._send_on(request, leadership.leader or "")

        return lead

    async def _settle(self) -> None:
        """Until this Marathon leads, or another one does. Raises ApiError."""
        leadership = self._leadership
        left = WAIT_SECONDS
        while not leadership.ready and leadership.leader in (None, leadership.own):
            if left <= 0:
                raise ApiError(503, "Could not determine the current leader")
            await asyncio.sleep(POLL_SECONDS)
            left -= POLL_SECONDS

    async def _send_on(self, request: web.Request, leader: str) -> web.StreamResponse:
        url = URL(f"{self._scheme}://{leader}{request.raw_path}", encoded=True)
        if request.path == EVENTS:
            return web.Response(status=302, headers={hdrs.LOCATION: str(url)})
        if self._via in request.headers.getall(VIA, []):
            raise ApiError(502, "Detected proxying loop.")
        headers = CIMultiDict((k, v) for k, v in request.headers.items() if k.lower() not in _CONNECTION)
        headers.add(VIA, self._via)
        forwarded = [*request.headers.getall(_FORWARDED_FOR, []), request.remote or ""]
        headers[_FORWARDED_FOR] = ",".join(each for each in forwarded if each)
        data = await request.read() if request.body_exists else None
        if data is not None:
            headers.setdefault(hdrs.CONTENT_TYPE, "application/json")
        try:
            async with self._session.request(
                request.method, url, headers=headers, data=data, allow_redirects=False
            ) as answer:
                return await self._copy(request, answer)
        except aiohttp.ServerTimeoutError:
            raise ApiError(504, "Connection to leader timed out.") from None
        except aiohttp.ClientConnectorError:
            raise ApiError(502, "Connection to leader refused.") from None
        except (aiohttp.ClientError, OSError) as error:
            log.warning("Cannot ask the leader %s: %s", leader, error)
            raise ApiError(502, "Failed to successfully establish a connection to the leader.") from None

    async def _copy(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.Response:
        body = await answer.read()
        response = web.Response(status=answer.status, reason=answer.reason, body=body)
        response.headers.popall(hdrs.CONTENT_TYPE, None)
        for name, value in answer.headers.items():
            if name.lower() not in _CONNECTION:
                response.headers.add(name, value)
        if request.method == "HEAD" and hdrs.CONTENT_LENGTH in answer.headers:
            response.headers[hdrs.CONTENT_LENGTH] = answer.headers[hdrs.CONTENT_LENGTH]
        response.headers.add(VIA, self._via)
        return response
