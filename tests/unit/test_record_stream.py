"""Streams of records to clients that read, and to one that does not."""

from __future__ import annotations

import asyncio

from aiohttp import web

from mesosctl.runtime.http.server import application, serve
from mesosctl.runtime.http.stream import RecordStream
from mesosctl.runtime.protocol.recordio import RecordDecoder

LIMIT = 30.0
RECORD = b"x" * 65536


async def _request(
    stream: RecordStream,
) -> tuple[web.AppRunner, asyncio.Event, asyncio.StreamReader, asyncio.StreamWriter]:
    """What is set once the stream is over, and a client of it."""
    ended = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            return await stream.run(request, {"Content-Type": "application/json"})
        finally:
            ended.set()

    runner = await serve(application("/p", [web.get("/stream", handler)]), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*runner.addresses[0][:2], limit=1024)
    writer.write(b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    return runner, ended, reader, writer


def test_a_client_that_does_not_read_is_disconnected() -> None:
    async def scenario() -> None:
        stream = RecordStream(max_waiting_bytes=10 * len(RECORD))
        runner, ended, _, writer = await _request(stream)
        async with asyncio.timeout(LIMIT):
            while not stream.closed:
                stream.send(RECORD)
                await asyncio.sleep(0)
            await ended.wait()
        stream.send(RECORD)  # nobody is there any more
        writer.close()
        await runner.cleanup()

    asyncio.run(scenario())


def test_a_client_that_reads_gets_more_than_may_wait() -> None:
    async def scenario() -> None:
        stream = RecordStream(max_waiting_bytes=2 * len(RECORD))
        runner, ended, reader, writer = await _request(stream)
        records, count = RecordDecoder(), 0
        async with asyncio.timeout(LIMIT):
            for _ in range(50):
                stream.send(RECORD)
                length = int(await reader.readline(), 16)
                count += len(records.feed(await reader.readexactly(length)))
                await reader.readline()
            stream.close()
            await ended.wait()
        assert count == 50
        writer.close()
        await runner.cleanup()

    asyncio.run(scenario())
