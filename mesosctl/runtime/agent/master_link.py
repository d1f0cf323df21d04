"""The agent's connection to the leading master: registers, reads its messages, sends ours in order, connects anew.

See `mesosctl.runtime.internal` for the protocol. Waits between attempts are random, up to a limit that doubles from
`registration_backoff_factor` to a minute, so that not all agents come at once. A new leader is followed as soon as it
is detected; while nobody is known to lead, a connection that works is kept: a master that is deposed ends it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Protocol

import aiohttp
import msgspec
from yarl import URL

from mesosctl.runtime import internal
from mesosctl.runtime.clock import Clock, Timer
from mesosctl.runtime.coordination.detection import SESSION_TIMEOUT_SECONDS, detect, endpoint
from mesosctl.runtime.protocol.basics import AgentID
from mesosctl.runtime.protocol.cluster import MasterInfo
from mesosctl.runtime.protocol.recordio import RecordDecoder, frame
from mesosctl.runtime.tls import Client

log = logging.getLogger(__name__)

MAX_BACKOFF_SECONDS = 60.0
REFUSED_BACKOFF = 4
"""Times `registration_backoff_factor`: where nobody listens, nobody has to be spared."""
MISSED_PINGS = 5
USUAL_PING_SECONDS = 15.0
"""Until the master says how often it pings."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[internal.ToAgent] = msgspec.json.Decoder(internal.ToAgent)


class Registrar(Protocol):
    """What the connection works for."""

    def registration(self) -> internal.Register: ...

    def registered(self, agent_id: AgentID, master: MasterInfo) -> None: ...

    def disconnected(self) -> None: ...

    def from_master(self, message: internal.ToAgent) -> None: ...


class RefusedError(Exception):
    """The master does not want this agent any more: it must stop."""


class MasterLink:
    def __init__(
        self,
        master: str,
        backoff_factor: float,
        agent: Registrar,
        clock: Clock,
        session_timeout: float = SESSION_TIMEOUT_SECONDS,
        headers: Mapping[str, str] | None = None,
        tls: Client | None = None,
    ) -> None:
        """`master` is what `detect` takes; `backoff_factor` and `session_timeout` (ZooKeeper's) are in seconds.

        `headers` go with every request; with `tls`, masters are spoken to by HTTPS.
        """
        self._tls = tls
        self._headers = headers or {}
        self._master = master
        self._session_timeout = session_timeout
        self._url = ""
        self._name: str | None = None
        """Whose certificate the master must have."""
        self._backoff_factor = backoff_factor
        self._agent = agent
        self._clock = clock
        self._outgoing: asyncio.Queue[internal.FromAgent] | None = None
        self._watchdog: Timer | None = None
        self._leaves = False

    def send(self, message: internal.FromAgent) -> None:
        """Send to the master; dropped while not registered. What must not be lost is repeated after a registration."""
        self._leaves = self._leaves or isinstance(message, internal.Unregister)
        if self._outgoing is not None:
            self._outgoing.put_nowait(message)

    async def run(self) -> None:
        """Stay connected to whoever leads. Returns never; raises RefusedError, ValueError and OSError."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        connection: asyncio.Task[None] | None = None
        async with (
            aiohttp.ClientSession(
                timeout=timeout,
                headers=self._headers,
                connector=aiohttp.TCPConnector(ssl=self._tls.context if self._tls else True),
            ) as session,
            aclosing(detect(self._master, self._session_timeout)) as leaders,
        ):
            coming: asyncio.Task[MasterInfo | None] = asyncio.create_task(anext(leaders))
            try:
                while True:
                    tasks: list[asyncio.Task[Any]] = [coming] if connection is None else [coming, connection]
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    if connection is not None and connection.done():
                        connection.result()
                    if not coming.done():
                        continue
                    if leader := coming.result():
                        await _cancel(connection)
                        log.info("The master at %s leads", endpoint(leader))
                        connection = asyncio.create_task(self._follow(session, leader))
                    coming = asyncio.create_task(anext(leaders))
            finally:
                await _cancel(connection)
                await _cancel(coming)

    async def _follow(self, session: aiohttp.ClientSession, master: MasterInfo) -> None:
        """Stay connected to one master. Returns never; raises RefusedError."""
        url = self._url = f"{'https' if self._tls else 'http'}://{endpoint(master)}{internal.PATH}"
        self._name = self._tls.name(master.hostname) if self._tls else None
        limit = self._backoff_factor
        while True:
            await asyncio.sleep(random.uniform(0, min(limit, MAX_BACKOFF_SECONDS)))
            if self._leaves:  # for good: another registration would bring it new tasks
                await asyncio.Event().wait()
            limit *= 2
            try:
                if await self._connection(session):
                    limit = self._backoff_factor
            except (aiohttp.ClientError, OSError, TimeoutError, msgspec.MsgspecError, ValueError) as error:
                log.warning("Lost the master at %s: %s", self._url, error or type(error).__name__)
                if isinstance(error, aiohttp.ClientConnectorError) and isinstance(
                    error.os_error, ConnectionRefusedError
                ):
                    limit = min(limit, REFUSED_BACKOFF * self._backoff_factor)
                self._url = url
                self._name = self._tls.name(master.hostname) if self._tls else None
            finally:
                self._outgoing = None

    async def _connection(self, session: aiohttp.ClientSession) -> bool:
        """One connection, to its end. Whether the agent was registered by it."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        outgoing: asyncio.Queue[internal.FromAgent] = asyncio.Queue()
        admitted = asyncio.Event()
        body = self._messages(outgoing, admitted)
        async with session.post(
            self._url, data=body, headers=headers, allow_redirects=False, server_hostname=self._name
        ) as response:
            if response.status == 307:  # this was not the leader: the next attempt goes where that is
                self._url = str(response.url.join(URL(response.headers["Location"])))
                self._name = None  # which is that of the URL
                return False
            if response.status != 200:
                text = (await response.text()).strip()
                log.warning("The master at %s answers %d: %s", self._url, response.status, text)
                return False
            try:
                return await self._read(response, admitted)
            finally:
                if self._watchdog:
                    self._watchdog.cancel()
                self._agent.disconnected()
                response.close()

    async def _messages(
        self, outgoing: asyncio.Queue[internal.FromAgent], admitted: asyncio.Event
    ) -> AsyncIterator[bytes]:
        """What is said to the master, for as long as it is connected. What happens after the registration was put
        together is told once the agent is admitted."""
        self._outgoing = outgoing
        yield frame(_encoder.encode(self._agent.registration()))
        await admitted.wait()
        while True:
            yield frame(_encoder.encode(await outgoing.get()))

    async def _read(self, response: aiohttp.ClientResponse, admitted: asyncio.Event) -> bool:
        records = RecordDecoder()
        ping_seconds = USUAL_PING_SECONDS
        self._expect_ping(ping_seconds, response)
        async for chunk in response.content.iter_any():
            for record in records.feed(chunk):
                message = _decoder.decode(record)
                match message:
                    case internal.Registered():
                        ping_seconds = message.ping_seconds
                        admitted.set()
                        log.info("Registered as %s", message.agent_id.value)
                        self._agent.registered(message.agent_id, message.master)
                    case internal.Refused():
                        raise RefusedError(message.reason)
                    case internal.Ping():
                        self.send(internal.Pong())
                    case _:
                        self._agent.from_master(message)
                self._expect_ping(ping_seconds, response)
        log.warning("The master at %s closed the connection", self._url)
        return admitted.is_set()

    def _expect_ping(self, ping_seconds: float, response: aiohttp.ClientResponse) -> None:
        if self._watchdog:
            self._watchdog.cancel()
        self._watchdog = self._clock.after(ping_seconds * MISSED_PINGS, response.close)


async def _cancel(task: asyncio.Task[Any] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
