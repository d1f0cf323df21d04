"""A scheduler: stays subscribed to the leading master, gives its events one by one, and makes calls.

    async with Scheduler("zk://zk1:2181,zk2:2181/mesos", info) as scheduler:
        async for event in scheduler:
            match event:
                case Event.Offers(offers=offers):
                    await scheduler.accept(offers, tasks)

Calls may get lost, as with every Mesos: a call gives True where a master took it. What became of a task is told by
updates and, where those are missing, by `reconcile`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import aclosing
from typing import Any, Self

import aiohttp
import msgspec

from mesosctl.runtime.clock import LoopClock
from mesosctl.runtime.coordination.detection import detect, endpoint
from mesosctl.runtime.framework.backoff import Backoff
from mesosctl.runtime.framework.connection import MasterConnection
from mesosctl.runtime.framework.errors import AbortedError
from mesosctl.runtime.framework.session import Disconnected, Received, Session
from mesosctl.runtime.protocol.basics import AgentID, Credential, ExecutorID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo, MasterInfo
from mesosctl.runtime.protocol.codec import MediaType
from mesosctl.runtime.protocol.containers import KillPolicy
from mesosctl.runtime.protocol.offers import Filters, Offer
from mesosctl.runtime.protocol.scheduler import Call, Event
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskStatus

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 0.5
MAX_RETRY_SECONDS = 15.0

_Type = Call.Type
_PASSING = (aiohttp.ClientError, OSError, TimeoutError, ValueError)
"""Errors after which another attempt may succeed."""


class Scheduler:
    """Subscribed from `async with` on; leaving it ends the connection, and the framework lives on for its
    `failover_timeout` (`teardown` ends it at once). Iterating gives events; raises AbortedError and RefusedError.

    `master`: host:port, zk://… or file://…. `info.id` is set by one who comes back. `credential` is used for HTTP
    basic authentication (its principal becomes that of `info`); with `tls`, masters are spoken to by HTTPS.
    With `acknowledge`, an update is acknowledged as soon as the next event is asked for.
    """

    def __init__(
        self,
        master: str,
        info: FrameworkInfo,
        *,
        credential: Credential | None = None,
        tls: ssl.SSLContext | None = None,
        media_type: MediaType = MediaType.JSON,
        acknowledge: bool = True,
    ) -> None:
        if credential and info.principal is None:
            info = msgspec.structs.replace(info, principal=credential.principal)
        self._master = master
        self._credential = credential
        self._tls = tls
        self._media_type = media_type
        self._acknowledges = acknowledge
        self._session = Session(info, LoopClock(), self)
        self._backoff = Backoff(FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS)
        self._connection: MasterConnection
        self._leader: str | None = None
        self._leader_known = asyncio.Event()
        self._stream: asyncio.Task[None] | None = None
        self._reason = ""
        self._work: set[asyncio.Task[None]] = set()
        self._events: deque[tuple[int, Received]] = deque()
        self._subscriptions = 0
        self._arrived = asyncio.Event()
        self._end: Exception | None = None
        self._leaving = False
        self._unacknowledged: TaskStatus | None = None

    @property
    def framework_id(self) -> FrameworkID | None:
        """None before the first `Event.Subscribed` of a framework that has none yet."""
        return self._session.framework_id

    @property
    def subscribed(self) -> bool:
        return self._session.subscribed

    @property
    def reconciling(self) -> frozenset[TaskID]:
        """The tasks given to `reconcile` of which nothing was heard since."""
        return self._session.reconciling

    async def __aenter__(self) -> Self:
        self._connection = MasterConnection(self._credential, self._tls, self._media_type)
        self._spawn(self._guarded(self._follow()))
        self._spawn(self._guarded(self._stay_subscribed()))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self._acknowledge_last()
        for task in self._work:
            task.cancel()
        if self._work:
            await asyncio.wait(self._work)
        self._session.disconnected()
        await self._connection.__aexit__()

    # Events.

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Received:
        await self._acknowledge_last()
        while True:
            while self._events:
                subscription, event = self._events.popleft()
                if subscription != self._subscriptions and isinstance(event, Event.Offers | Event.InverseOffers):
                    continue  # void by now
                if isinstance(event, Event.Update) and self._acknowledges and event.status.uuid:
                    self._unacknowledged = event.status
                return event
            if self._end:
                raise self._end
            self._arrived.clear()
            await self._arrived.wait()

    # Calls.

    async def call(self, call: Call) -> bool:
        """Make any call but SUBSCRIBE; `framework_id` is filled in. Whether a master took it. Raises RefusedError."""
        call = msgspec.structs.replace(call, framework_id=self.framework_id)
        taken = True
        try:
            await self._connection.call(call)
        except _PASSING as error:
            log.warning("Lost a call, %s: %s", call.type and call.type.value, _said(error))
            if self.subscribed:
                self.reconnect(f"A call failed: {_said(error)}")
            taken = False
        self._session.called(call)
        return taken

    async def accept(
        self, offers: Sequence[Offer], tasks: Iterable[TaskInfo], *, refuse_seconds: float | None = None
    ) -> bool:
        """Launch tasks (whose `agent_id` is the offers') with what these offers of one agent hold."""
        launch = Offer.Operation(type=Offer.Operation.Type.LAUNCH, launch=Offer.Operation.Launch(tuple(tasks)))
        return await self.operate(offers, [launch], refuse_seconds=refuse_seconds)

    async def operate(
        self, offers: Sequence[Offer], operations: Iterable[Offer.Operation], *, refuse_seconds: float | None = None
    ) -> bool:
        """Perform operations on offers of one agent. What they do not use is not offered for `refuse_seconds`."""
        ids = tuple(offer.id for offer in offers)
        return await self.call(
            Call(type=_Type.ACCEPT, accept=Call.Accept(ids, tuple(operations), _filters(refuse_seconds)))
        )

    async def decline(self, offers: Iterable[Offer], *, refuse_seconds: float | None = None) -> bool:
        """Give offers back, not to see their like for `refuse_seconds` (5 where it is None)."""
        ids = tuple(offer.id for offer in offers)
        return await self.call(Call(type=_Type.DECLINE, decline=Call.Decline(ids, _filters(refuse_seconds))))

    async def revive(self, roles: Iterable[str] = ()) -> bool:
        """Want offers (again) for these roles, or for all; what was declined too."""
        return await self.call(Call(type=_Type.REVIVE, revive=Call.Revive(tuple(roles))))

    async def suppress(self, roles: Iterable[str] = ()) -> bool:
        """Want no offers for these roles, or for none, until `revive`; after a reconnection neither."""
        return await self.call(Call(type=_Type.SUPPRESS, suppress=Call.Suppress(tuple(roles))))

    async def kill(
        self, task_id: TaskID, agent_id: AgentID | None = None, kill_policy: KillPolicy | None = None
    ) -> bool:
        return await self.call(Call(type=_Type.KILL, kill=Call.Kill(task_id, agent_id, kill_policy)))

    async def acknowledge(self, status: TaskStatus) -> bool:
        """True also where the status needs no acknowledgement."""
        if status.uuid is None or status.agent_id is None:
            return True
        acknowledge = Call.Acknowledge(status.agent_id, status.task_id, status.uuid)
        return await self.call(Call(type=_Type.ACKNOWLEDGE, acknowledge=acknowledge))

    async def reconcile(self, tasks: Iterable[tuple[TaskID, AgentID | None]] | None = None) -> None:
        """Ask where these tasks are, again and again until an update of each has come.

        Without tasks: ask once for all that the master knows and that have not ended.
        """
        if tasks is None:
            await self.call(Call(type=_Type.RECONCILE, reconcile=Call.Reconcile()))
        else:
            self._session.reconcile(tasks)

    async def message(self, agent_id: AgentID, executor_id: ExecutorID, data: bytes) -> bool:
        """Send bytes to an executor; nobody repeats them."""
        return await self.call(Call(type=_Type.MESSAGE, message=Call.Message(agent_id, executor_id, data)))

    async def shutdown(self, executor_id: ExecutorID, agent_id: AgentID) -> bool:
        """End an executor with its tasks."""
        return await self.call(Call(type=_Type.SHUTDOWN, shutdown=Call.Shutdown(executor_id, agent_id)))

    async def teardown(self) -> bool:
        """End the framework: its tasks are killed, it never comes back. Where a master took it, the events end."""
        await self._acknowledge_last()
        self._leaving = True
        taken = await self.call(Call(type=_Type.TEARDOWN))
        self._leaving = taken
        if taken:
            self._events.clear()
            self._finish(StopAsyncIteration())
        return taken

    async def update_framework(self, info: FrameworkInfo, suppressed_roles: Iterable[str] = ()) -> bool:
        """Change what can change of the framework. Raises RefusedError for what cannot."""
        info = msgspec.structs.replace(info, id=self.framework_id)
        update = Call.UpdateFramework(info, tuple(suppressed_roles))
        return await self.call(Call(type=_Type.UPDATE_FRAMEWORK, update_framework=update))

    # For the session.

    def send(self, call: Call) -> None:
        self._spawn(self._guarded(self._call(call)))

    def reconnect(self, reason: str) -> None:
        if self._stream and not self._stream.done():
            self._reason = reason
            self._stream.cancel()

    # The connection.

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it; an error ends the events."""
        try:
            await work
        except Exception as error:
            self._finish(error)

    async def _stay_subscribed(self) -> None:
        while self._end is None:
            await self._leader_known.wait()
            assert self._leader is not None
            self._subscriptions += 1
            self._reason = ""
            self._stream = self._spawn(self._subscribe(self._leader))
            await asyncio.wait({self._stream})
            self._lost(self._stream)
            await asyncio.sleep(self._backoff.next())

    async def _follow(self) -> None:
        """Know who leads. Raises ValueError and OSError where `master` cannot be understood."""
        async with aclosing(detect(self._master)) as leaders:
            async for found in leaders:
                leader = self._address(found) if found else None
                if leader == self._leader:
                    continue
                self._leader = leader
                if leader:
                    self._leader_known.set()
                else:
                    self._leader_known.clear()
                self.reconnect("Another master leads" if leader else "No master leads")

    def _address(self, leader: MasterInfo) -> str:
        """Its name where a certificate has to match, else its IP."""
        port = leader.address.port if leader.address else leader.port
        return f"{leader.hostname}:{port}" if self._tls and leader.hostname else endpoint(leader)

    async def _subscribe(self, master: str) -> None:
        async with aclosing(self._connection.subscribe(master, self._session.connecting())) as events:
            async for event in events:
                found = self._session.received(event)
                if event.subscribed:
                    log.info("Subscribed to %s as %s", master, event.subscribed.framework_id.value)
                    self._backoff.reset()
                if event.error:
                    raise AbortedError(event.error.message)
                if found:
                    self._tell(found)

    async def _call(self, call: Call) -> None:
        await self.call(call)

    def _lost(self, stream: asyncio.Task[None]) -> None:
        """The stream has ended. Raises where that is for good."""
        was_subscribed = self.subscribed
        self._session.disconnected()
        error = None if stream.cancelled() else stream.exception()
        if error and not isinstance(error, _PASSING):
            raise error
        reason = self._reason or (_said(error) if error else "The master closed the connection")
        if self._leaving:
            return  # a master ends the stream before it answers a TEARDOWN
        log.warning("Lost the master: %s", reason)
        if was_subscribed:
            self._subscriptions += 1
            self._tell(Disconnected(reason))

    def _tell(self, event: Received) -> None:
        self._events.append((self._subscriptions, event))
        self._arrived.set()

    async def _acknowledge_last(self) -> None:
        status, self._unacknowledged = self._unacknowledged, None
        if status:
            await self.acknowledge(status)

    def _finish(self, end: Exception) -> None:
        """No events after those that wait."""
        self._end = self._end or end
        self._arrived.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task


def _filters(refuse_seconds: float | None) -> Filters | None:
    return None if refuse_seconds is None else Filters(refuse_seconds)


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
