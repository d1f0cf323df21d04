"""A RecordIO stream to a subscriber: one record in one HTTP chunk, in order, never blocking the sender."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from aiohttp import web

from mesosctl.runtime.protocol.recordio import frame

log = logging.getLogger(__name__)

MAX_WAITING_BYTES = 64 * 2**20
"""The offers of ten thousand agents are ten megabytes."""


class RecordStream:
    """Records go in by `send` at any time; `run` writes them until the stream is closed or the client is gone.

    A client that does not read what is written is disconnected once more than `max_waiting_bytes` wait for it.
    """

    def __init__(self, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._max_waiting_bytes = max_waiting_bytes
        self._waiting_bytes = 0
        self._records: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._closed = False
        self._transport: asyncio.Transport | None = None

    @property
    def closed(self) -> bool:
        return self._closed

    def send(self, record: bytes) -> None:
        """Write a record as soon as the client takes it. A closed stream drops it."""
        if self._closed:
            return
        if self._waiting_bytes > self._max_waiting_bytes:
            log.warning("Disconnecting a client that does not read: %d bytes wait for it", self._waiting_bytes)
            self.close()
            if self._transport:
                self._transport.abort()
            return
        self._waiting_bytes += len(record)
        self._records.put_nowait(record)

    def close(self) -> None:
        """End the stream after the records that wait. May be repeated."""
        if not self._closed:
            self._closed = True
            self._records.put_nowait(None)

    async def run(self, request: web.Request, headers: Mapping[str, str]) -> web.StreamResponse:
        """Answer `request` with 200, `headers` (a Content-Type among them) and the stream, until it is closed.

        `closed` is set afterwards, also when this is cancelled, as happens when the client goes away.
        """
        response = web.StreamResponse(headers=headers)
        response.enable_chunked_encoding()
        try:
            with contextlib.suppress(ConnectionError):
                self._transport = request.transport
                await response.prepare(request)
                while (record := await self._records.get()) is not None:
                    await response.write(frame(record))
                    self._waiting_bytes -= len(record)
                await response.write_eof()
        finally:
            self._closed = True
        return response
