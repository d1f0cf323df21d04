"""An executor's calls to the operator API of its agent, which starts and ends nested containers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from mesosctl.runtime.executor.connection import chunks, read_head
from mesosctl.runtime.executor.endpoint import AgentEndpoint
from mesosctl.runtime.protocol.agent import Call, Response
from mesosctl.runtime.protocol.codec import decode, encode


class AgentCallError(Exception):
    """The agent refuses a call, and why."""


class AgentApi:
    """Every call has a connection of its own: some are answered after days."""

    def __init__(self, agent: AgentEndpoint) -> None:
        self._agent = agent

    async def call(self, call: Call) -> Response | None:
        """The answer; None where it is empty. Raises OSError, EOFError, ValueError and AgentCallError."""
        async with self._asked(call, "Accept: application/json\r\n") as (reader, headers):
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            return decode(Response, body) if body else None

    async def session(self, call: Call) -> None:
        """Read the streamed answer of a call to its end. Closed early, it ends what it stands for. Raises as `call`."""
        accept = "Accept: application/recordio\r\nMessage-Accept: application/json\r\n"
        async with self._asked(call, accept) as (reader, _), aclosing(chunks(reader)) as records:
            async for _ in records:
                pass

    @asynccontextmanager
    async def _asked(self, call: Call, accept: str) -> AsyncIterator[tuple[asyncio.StreamReader, dict[str, str]]]:
        reader, writer = await self._agent.open()
        try:
            body = encode(call)
            writer.write(self._agent.head("/api/v1", body, f"{accept}Connection: close\r\n") + body)
            status, headers = await read_head(reader)
            if status != 200:
                text = await reader.readexactly(int(headers.get("content-length", "0")))
                raise AgentCallError(text.decode(errors="replace") or f"status {status}")
            yield reader, headers
        finally:
            writer.close()
