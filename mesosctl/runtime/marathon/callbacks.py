"""Event callbacks (`--event_subscriber http_callback`): every event is posted to each subscribed URL, in its order.

A URL that does not take its events loses those that are too many to wait; the event stream loses none.
"""

from __future__ import annotations

import asyncio
import logging

import aiohttp

from mesosctl.runtime.marathon.events import Bus

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0


class Callbacks:
    """Use `run` while this Marathon leads; it ends what it began when it is cancelled."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._posting: dict[str, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession

    @property
    def urls(self) -> list[str]:
        return [*self._posting]

    async def run(self, urls: list[str]) -> None:
        """Post to these from the start. Never returns."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as self._session:
            try:
                for url in urls:
                    self.add(url)
                await asyncio.get_running_loop().create_future()
            finally:
                for url in self.urls:
                    self.remove(url)

    def add(self, url: str) -> None:
        if url not in self._posting:
            self._posting[url] = asyncio.create_task(self._post(url))

    def remove(self, url: str) -> None:
        if posting := self._posting.pop(url, None):
            posting.cancel()

    async def _post(self, url: str) -> None:
        while True:
            subscription = self._bus.subscribe(frozenset(), light=False)
            try:
                while (event := await subscription.next()) is not None:
                    await self._send(url, event[1])
            finally:
                self._bus.leave(subscription)

    async def _send(self, url: str, event: bytes) -> None:
        try:
            async with self._session.post(url, data=event, headers={"Content-Type": "application/json"}) as answer:
                if answer.status >= 400:
                    log.warning("%s answers an event with %d", url, answer.status)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            log.warning("Cannot post an event to %s: %s", url, str(error) or type(error).__name__)
