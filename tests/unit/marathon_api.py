"""Marathon's REST API over real HTTP: its core is real, the master and the agents are a `FakeOutside`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import aiohttp
from aiohttp.test_utils import TestServer

from mesosctl.runtime.clock import LoopClock
from mesosctl.runtime.coordination.address import HostPort
from mesosctl.runtime.coordination.registry import MemoryStorage, Storage
from mesosctl.runtime.marathon.api.context import Context
from mesosctl.runtime.marathon.api.proxy import Proxy
from mesosctl.runtime.marathon.api.server import application
from mesosctl.runtime.marathon.callbacks import Callbacks
from mesosctl.runtime.marathon.core.marathon import Marathon
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.outside import Change, ProbeResult
from mesosctl.runtime.marathon.events import Bus
from mesosctl.runtime.marathon.flags import load
from mesosctl.runtime.marathon.leader import Leadership
from mesosctl.runtime.marathon.outside import Effects
from mesosctl.runtime.marathon.store.writer import Writer
from mesosctl.runtime.protocol.basics import UUID, AgentID, TaskID
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from tests.unit.marathon_core import FakeOutside, offer


class Outside(FakeOutside):
    """The store and the bus are real."""

    def __init__(self, writer: Writer, bus: Bus) -> None:
        super().__init__()
        self._writer = writer
        self._effects = Effects(cast("Any", None), writer, bus, cast("Any", None))

    def persist(self, changes: Sequence[Change], then: Callable[[], None]) -> None:
        self._writer.persist(changes, then)

    def publish(self, event: dict[str, Any]) -> None:
        self._effects.publish(event)


class Answer:
    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Api:
    def __init__(self, session: aiohttp.ClientSession, url: str, context: Context, outside: Outside) -> None:
        self.url = url
        self.session = session
        self.context = context
        self.outside = outside
        self._launched = 0
        self._offers = 0

    async def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        async with self.session.request(
            method, self.url + path, data=data, headers=sent, allow_redirects=False
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def settle(self, hosts: Sequence[str] = ("a1", "a2", "a3")) -> None:
        """Offers, statuses and probes until nothing happens: what is launched runs and is well, what is killed ends."""
        idle = 0
        while idle < 3:
            killed, self.outside.kills = self.outside.kills, []
            for task_id, _, _ in killed:
                self.status(task_id, TaskState.TASK_KILLED)
            for host in hosts:
                self._offers += 1
                self.context.marathon.offers([offer(host, f"o{self._offers}")])
            await self.context.writer.flush()
            launched = self.outside.tasks()[self._launched :]
            self._launched += len(launched)
            for task in launched:
                self.status(task.task_id.value)
            probes, self.outside.probes = self.outside.probes, []
            for probe in probes:
                self.context.marathon.probed(probe, ProbeResult(connected=True, status=200))
            await self.context.writer.flush()
            idle = 0 if killed or launched or probes else idle + 1

    def status(self, task_id: str, state: TaskState = TaskState.TASK_RUNNING, **more: Any) -> None:
        instance = self.context.marathon.instance_of(task_id)
        agent = AgentID(instance.agent.id if instance and instance.agent else "unknown")
        status = TaskStatus(task_id=TaskID(task_id), state=state, agent_id=agent, uuid=UUID(b"u").value, **more)
        self.context.marathon.status(status)


@asynccontextmanager
async def serving(*flags: str, leads: bool = True, storage: Storage | None = None) -> AsyncIterator[Api]:
    async with AsyncExitStack() as stack:
        loaded, _ = load(["--master", "127.0.0.1:1", *flags], {})
        leadership = Leadership(HostPort("127.0.0.1", 1), None, 1.0)
        writer, bus = Writer(storage or MemoryStorage(), 50), Bus()
        await writer.open()
        writing = asyncio.create_task(writer.run())
        stack.callback(writing.cancel)
        context = Context(loaded, leadership, bus, writer, Callbacks(bus))
        posting = asyncio.create_task(context.callbacks.run([]))
        stack.callback(posting.cancel)
        outside = Outside(writer, bus)
        core = Marathon(Options(), LoopClock(), outside)
        core.start(writer.archive.snapshot())
        core.connected()
        if leads:
            context.core, leadership.ready = core, True
        proxy = await stack.enter_async_context(Proxy(leadership, "http", 1.0, 1.0, None))
        server = TestServer(application(context, proxy))
        await server.start_server(auto_decompress=False)
        stack.push_async_callback(server.close)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Api(session, str(server.make_url("")).rstrip("/"), context, outside)


def api_test(test: Callable[[Api], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        async def inside() -> None:
            async with serving() as api:
                await test(api)

        asyncio.run(inside())

    run.__name__ = test.__name__
    return run
