"""A master at work: the state machine on the event loop, with the streams of schedulers and agents."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, Callable

import msgspec
from aiohttp import hdrs, web
from kazoo.exceptions import KazooException

from mesosctl.runtime import internal
from mesosctl.runtime.clock import LoopClock
from mesosctl.runtime.coordination.registry import Changes, DeposedError, MemoryStorage, Storage
from mesosctl.runtime.http.answers import empty_response
from mesosctl.runtime.http.authentication import permit_of, principal_of
from mesosctl.runtime.http.server import MAX_BODY_BYTES
from mesosctl.runtime.http.stream import RecordStream
from mesosctl.runtime.master.actions import Abort, Action, CloseAgent, CloseScheduler, Persist, ToAgent, ToScheduler
from mesosctl.runtime.master.core import Master, check_call
from mesosctl.runtime.master.leadership import abort
from mesosctl.runtime.master.options import MasterOptions
from mesosctl.runtime.master.validation.permissions import static_roles
from mesosctl.runtime.master.validation.principals import check_principal, with_principal
from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.errors import RecordError, Refusal
from mesosctl.runtime.protocol.negotiation import request_media, response_media
from mesosctl.runtime.protocol.recordio import RecordDecoder
from mesosctl.runtime.protocol.scheduler import Call

log = logging.getLogger(__name__)

STREAM_ID = "Mesos-Stream-Id"


class Server:
    """The handlers of the two APIs that change a master. Use it inside a running event loop."""

    def __init__(self, options: MasterOptions, storage: Storage | None = None) -> None:
        """`storage` of the registry; None for one that is forgotten."""
        self.master = Master(options, LoopClock(), self._carry_out)
        self.storage = storage or MemoryStorage()
        self._persisting: asyncio.Task[None] | None = None
        self.guard: Callable[[], None] = lambda: None
        """Called before anything is told to anybody."""
        self._schedulers: dict[str, tuple[RecordStream, MediaType]] = {}
        self._agents: dict[str, RecordStream] = {}
        self._to_agent = msgspec.json.Encoder()
        self._from_agent: msgspec.json.Decoder[internal.FromAgent] = msgspec.json.Decoder(internal.FromAgent)

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/api/v1/scheduler", self.scheduler), web.post(internal.PATH, self.agent)]

    async def scheduler(self, request: web.Request) -> web.StreamResponse:
        media = request_media(request.headers.get(hdrs.CONTENT_TYPE))
        call = decode(Call, await request.read(), media)
        check_call(call)
        caller = principal_of(request)
        principal = caller.name if caller else None
        call = with_principal(call, principal)
        if delay := self.master.delay(call):
            await asyncio.sleep(delay)
        stream_id = request.headers.get(STREAM_ID)
        if call.type is not Call.Type.SUBSCRIBE:
            framework = self.master.framework_for(call, stream_id)
            check_principal(framework.info, principal)
            status = self.master.call(framework, call)
            await asyncio.sleep(0)  # what it made the master say to agents is on its way before the answer
            return empty_response(status)
        accepted = response_media(request.headers.get(hdrs.ACCEPT))
        if stream_id is not None:
            raise Refusal(400, f"Subscribe calls should not include the '{STREAM_ID}' header")
        stream_id, stream = str(uuid.uuid4()), RecordStream()
        self._schedulers[stream_id] = stream, accepted
        self.master.subscribe(stream_id, call)
        try:
            return await stream.run(request, {hdrs.CONTENT_TYPE: accepted, STREAM_ID: stream_id})
        finally:
            del self._schedulers[stream_id]
            self.master.scheduler_disconnected(stream_id)

    async def agent(self, request: web.Request) -> web.StreamResponse:
        messages = self._messages(request)
        try:
            register = await anext(messages, None)
        except (RecordError, msgspec.MsgspecError) as error:
            raise Refusal(400, f"Failed to read the message of an agent: {error}") from None
        if not isinstance(register, internal.Register):
            raise Refusal(400, "An agent has to register first")
        permit = permit_of(request)
        permit.require("register_agents")
        permit.require("reserve_resources", static_roles(register.agent.resources))
        stream_id, stream = str(uuid.uuid4()), RecordStream()
        self._agents[stream_id] = stream
        self.master.register_agent(stream_id, request.remote or "", register)
        listening = asyncio.create_task(self._listen(stream_id, stream, messages))
        try:
            return await stream.run(request, {hdrs.CONTENT_TYPE: MediaType.JSON})
        finally:
            listening.cancel()
            del self._agents[stream_id]
            self.master.agent_disconnected(stream_id)

    async def _messages(self, request: web.Request) -> AsyncGenerator[internal.FromAgent, None]:
        """Raises RecordError, msgspec.MsgspecError, and OSError or RequestPayloadError when the agent is gone."""
        records = RecordDecoder(MAX_BODY_BYTES)
        async for chunk in request.content.iter_any():
            for record in records.feed(chunk):
                yield self._from_agent.decode(record)

    async def _listen(self, stream_id: str, stream: RecordStream, messages: AsyncIterable[internal.FromAgent]) -> None:
        """Hear an agent that has registered. What cannot be understood, or taken, ends its connection."""
        try:
            async for message in messages:
                self.guard()
                self.master.agent_message(stream_id, message)
        except Refusal as refusal:
            log.warning("Closing the connection of an agent: %s", refusal.text)
        except (RecordError, msgspec.MsgspecError, OSError, web.RequestPayloadError) as error:
            log.warning("Closing the connection of an agent: %s", error or type(error).__name__)
        finally:
            stream.close()

    def close(self) -> None:
        """End all streams, so that their clients look for a master again."""
        for stream, _ in self._schedulers.values():
            stream.close()
        for stream in self._agents.values():
            stream.close()

    def _carry_out(self, action: Action) -> None:
        self.guard()
        match action:
            case ToScheduler(stream_id, event):
                if found := self._schedulers.get(stream_id):
                    found[0].send(encode(event, found[1]))
            case CloseScheduler(stream_id):
                if found := self._schedulers.get(stream_id):
                    found[0].close()
            case ToAgent(stream_id, message):
                if agent := self._agents.get(stream_id):
                    agent.send(self._to_agent.encode(message))
            case CloseAgent(stream_id):
                if agent := self._agents.get(stream_id):
                    agent.close()
            case Abort(reason):
                abort(reason)
            case Persist(changes):
                self._persisting = asyncio.create_task(self._persist(changes))

    async def _persist(self, changes: Changes) -> None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.master.state.options.registry_store_timeout):
                await self.storage.apply(changes)
            self.master.state.timings.store.add(time.monotonic() - began)
        except (DeposedError, OSError, KazooException) as error:
            abort(f"Cannot write the registry: {error!r}")
        self.guard()
        self.master.persisted()
