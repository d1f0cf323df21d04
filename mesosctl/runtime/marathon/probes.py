"""Marathon's own health and readiness checks: one request over HTTP(S), or one connection over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Self

import aiohttp
from aiohttp import hdrs
from yarl import URL

from mesosctl.runtime.coordination.address import HostPort
from mesosctl.runtime.marathon.core.outside import Probe, ProbeResult, Purpose

AT_ONCE = 256
"""Probes under way. Under a new leader all tasks are asked at once."""
MAX_BODY_BYTES = 10_000
"""Of a readiness check's answer."""

Found = Callable[[Probe, ProbeResult], None]


class Prober:
    async def __aenter__(self) -> Self:
        # Certificates of tasks are seldom signed by anybody: a check asks whether they answer, not who they are.
        connector = aiohttp.TCPConnector(ssl=False, limit=0, force_close=True)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        self._running: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)
        return self

    async def __aexit__(self, *_: object) -> None:
        for probe in self._running:
            probe.cancel()
        await self._session.close()

    def start(self, probe: Probe, found: Found) -> None:
        """Calls `found` within the probe's timeout, once it is its turn."""
        task = asyncio.create_task(self._run(probe, found))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, probe: Probe, found: Found) -> None:
        try:
            async with self._turns, asyncio.timeout(probe.timeout):
                result = await (_connect(probe) if probe.protocol == "TCP" else self._request(probe))
        except TimeoutError:
            result = ProbeResult(connected=False, cause=f"No answer within {probe.timeout:g} s")
        except (OSError, aiohttp.ClientError, ValueError) as error:
            result = ProbeResult(connected=False, cause=str(error) or type(error).__name__)
        found(probe, result)

    async def _request(self, probe: Probe) -> ProbeResult:
        path = probe.path if probe.path.startswith("/") else f"/{probe.path}"
        url = URL(f"{probe.protocol.lower()}://{HostPort(probe.host, probe.port)}{path}", encoded=True)
        async with self._session.get(url, allow_redirects=False) as answer:
            body = b""
            if probe.purpose is Purpose.READINESS:
                body = await answer.content.read(MAX_BODY_BYTES)
            return ProbeResult(
                connected=True,
                status=answer.status,
                cause="" if answer.status < 400 else f"{answer.status} {answer.reason}",
                content_type=answer.headers.get(hdrs.CONTENT_TYPE),
                body=body.decode(errors="replace") if body else None,
            )


async def _connect(probe: Probe) -> ProbeResult:
    _, writer = await asyncio.open_connection(probe.host, probe.port)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return ProbeResult(connected=True)
