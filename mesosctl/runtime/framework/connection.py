"""HTTP to masters, with aiohttp: subscriptions, their events, and calls."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from typing import Self

import aiohttp
from aiohttp import hdrs
from yarl import URL

from mesosctl.runtime.framework.errors import RefusedError
from mesosctl.runtime.http.authentication import basic_header
from mesosctl.runtime.protocol.basics import Credential
from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.recordio import RecordDecoder
from mesosctl.runtime.protocol.scheduler import Call, Event

PATH = "/api/v1/scheduler"
STREAM_ID = "Mesos-Stream-Id"
CONNECT_SECONDS = 10.0
CALL_SECONDS = 60.0
MAX_REDIRECTS = 3

_LOST = ("Framework cannot be found", "stream ID")
"""Parts of what masters say, with status 400, to a call on a subscription that is no more."""


class LostError(ConnectionError):
    """There is no subscription (any more): the call was not taken."""


class MasterConnection:
    """One subscription at a time. Raises RefusedError, ConnectionError and its kin, and aiohttp.ClientError."""

    def __init__(self, credential: Credential | None, tls: ssl.SSLContext | None, media_type: MediaType) -> None:
        self.scheme = "http" if tls is None else "https"
        self._media_type = media_type
        self._stream: tuple[URL, str] | None = None
        headers = {hdrs.CONTENT_TYPE: media_type.value, hdrs.ACCEPT: media_type.value}
        if credential:
            headers[hdrs.AUTHORIZATION] = basic_header(credential)
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            connector=aiohttp.TCPConnector(ssl=True if tls is None else tls),
            headers=headers,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def subscribe(self, master: str, call: Call) -> AsyncGenerator[Event, None]:
        """The events of a subscription at `master` (host:port), or where it sends us, until the stream ends."""
        url = URL(f"{self.scheme}://{master}{PATH}")
        body = encode(call, self._media_type)
        for _ in range(MAX_REDIRECTS + 1):
            async with self._session.post(url, data=body, allow_redirects=False) as answer:
                if answer.status == 307:
                    url = url.join(URL(answer.headers[hdrs.LOCATION])) if hdrs.LOCATION in answer.headers else url
                    continue
                await _check(answer)
                self._stream = url, answer.headers.get(STREAM_ID, "")
                try:
                    records = RecordDecoder()
                    async for chunk in answer.content.iter_any():
                        for record in records.feed(chunk):
                            yield decode(Event, record, self._media_type)
                    return
                finally:
                    self._stream = None
        raise LostError(f"{master} sends from one master to the next")

    async def call(self, call: Call) -> None:
        """Make a call other than SUBSCRIBE. Raises LostError too."""
        if self._stream is None:
            raise LostError("Not subscribed")
        url, stream_id = self._stream
        headers = {STREAM_ID: stream_id} if stream_id else {}
        timeout = aiohttp.ClientTimeout(total=CALL_SECONDS, sock_connect=CONNECT_SECONDS)
        body = encode(call, self._media_type)
        async with self._session.post(
            url, data=body, headers=headers, allow_redirects=False, timeout=timeout
        ) as answer:
            await _check(answer)


async def _check(answer: aiohttp.ClientResponse) -> None:
    """Raises where a call was not taken: RefusedError for good, LostError for now."""
    if answer.status in (200, 202):
        return
    text = (await answer.text(errors="replace")).strip()
    gone = answer.status == 403 and "not subscribed" in text
    if answer.status >= 500 or answer.status in (307, 408, 429) or gone or any(part in text for part in _LOST):
        raise LostError(f"{answer.url.authority} answers {answer.status}: {text}")
    raise RefusedError(answer.status, text)
