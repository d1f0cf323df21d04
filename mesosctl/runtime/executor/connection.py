"""HTTP/1.1 to the agent: one connection for the stream of events, one for calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from mesosctl.runtime.executor.endpoint import AgentEndpoint
from mesosctl.runtime.protocol.recordio import RecordDecoder

_PATH = "/api/v1/executor"


class RefusedError(Exception):
    """The agent understood the call and refuses it: trying again is of no use."""


class AgentConnection:
    def __init__(self, agent: AgentEndpoint) -> None:
        self._agent = agent
        self._calls: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def subscribe(self, body: bytes) -> AsyncIterator[bytes]:
        """The records of the event stream, until it ends. Raises OSError, RefusedError, RecordError."""
        reader, writer = await self._agent.open()
        try:
            headers = await self._exchange(reader, writer, body, expected=200)
            if headers.get("transfer-encoding", "").lower() != "chunked":
                raise ConnectionError("The agent's event stream is not chunked")
            records = RecordDecoder()
            async for chunk in chunks(reader):
                for record in records.feed(chunk):
                    yield record
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    async def call(self, body: bytes) -> None:
        """Make a call. Raises OSError and RefusedError; a connection that was idle too long is made anew once."""
        fresh = self._calls is None
        try:
            await self._call(body)
        except (OSError, asyncio.IncompleteReadError):
            self._close_calls()
            if fresh:
                raise ConnectionError("The agent closed the connection") from None
            await self._call(body)

    async def _call(self, body: bytes) -> None:
        if self._calls is None:
            self._calls = await self._agent.open()
        await self._exchange(*self._calls, body, expected=202)

    def _close_calls(self) -> None:
        if self._calls:
            self._calls[1].close()
            self._calls = None

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes, expected: int
    ) -> dict[str, str]:
        """Send a request and read the head of its answer, with the body too unless that is the expected stream."""
        writer.write(self._agent.head(_PATH, body, "Accept: application/json\r\n") + body)
        status, headers = await read_head(reader)
        content = b""
        if "content-length" in headers:
            content = await reader.readexactly(int(headers["content-length"]))
        if status == 503:
            raise ConnectionError("The agent is not ready")
        if status != expected:
            raise RefusedError(f"{status}: {content.decode(errors='replace')}")
        return headers


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """The status and the headers, their names in lower case, of an answer."""
    status = int((await _line(reader)).split(" ")[1])
    headers = {}
    while line := await _line(reader):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return status, headers


async def chunks(reader: asyncio.StreamReader) -> AsyncGenerator[bytes, None]:
    """The chunks of a chunked body."""
    while size := int((await _line(reader)).partition(";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)


async def _line(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\r\n"))[:-2].decode("latin-1")
