"""What a master answers before, while and after it leads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from mesosctl.runtime import internal
from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.coordination.registry import Changes, DeposedError, MemoryStorage
from mesosctl.runtime.http.answers import empty_response
from mesosctl.runtime.http.server import application, serve
from mesosctl.runtime.master import leadership, server
from mesosctl.runtime.master.core import Master
from mesosctl.runtime.master.leadership import Leadership
from mesosctl.runtime.master.options import MasterOptions
from mesosctl.runtime.protocol.cluster import AgentInfo, MasterInfo
from mesosctl.runtime.resources import Resources

OWN = MasterInfo(id="own", ip=16777343, port=5050, hostname="one")
OTHER = MasterInfo(id="other", ip=33554559, port=5051, hostname="two")


class FakeElection:
    """Who leads, as a test says."""

    def __init__(self) -> None:
        self.leader: MasterInfo | None = None
        self.leads = False
        self.valid = True
        self.changed = asyncio.Event()

    def say(self, leader: MasterInfo | None) -> None:
        self.leader, self.leads = leader, leader is OWN
        self.changed.set()


class SlowStorage(MemoryStorage):
    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def take_over(self) -> dict[str, bytes]:
        await self.go.wait()
        return await super().take_over()


class StoppedError(Exception):
    pass


Ask = Callable[[str], Awaitable[tuple[int, str | None]]]
"""Asks for a path; gives the status and the Location."""


def run(
    monkeypatch: pytest.MonkeyPatch,
    scenario: Callable[[FakeElection, SlowStorage, Ask, Leadership], Awaitable[None]],
    **options: Any,
) -> list[str]:
    """Why the master stopped itself."""
    stops: list[str] = []

    def stop(reason: str) -> None:
        stops.append(reason)
        raise StoppedError

    monkeypatch.setattr(leadership, "abort", stop)

    async def everything() -> None:
        election, storage = FakeElection(), SlowStorage()
        master = Master(MasterOptions(info=OWN, **options), SimulatedClock(), lambda action: None)
        leading = Leadership(master, election)  # type: ignore[arg-type]

        async def answer(request: web.Request) -> web.StreamResponse:
            return empty_response(200)

        paths = ("/state", "/flags", "/metrics/snapshot", "/api/v1", "/redirect")
        app = application("/master", [web.route("*", path, answer) for path in paths])
        app.middlewares.append(leading.middleware())
        runner = await serve(app, "127.0.0.1", 0)
        port = runner.addresses[0][1]
        task = asyncio.create_task(leading.run(storage))
        try:
            async with aiohttp.ClientSession() as session:

                async def ask(path: str) -> tuple[int, str | None]:
                    async with session.get(f"http://127.0.0.1:{port}{path}", allow_redirects=False) as found:
                        return found.status, found.headers.get("Location")

                await scenario(election, storage, ask, leading)
        finally:
            task.cancel()
            await asyncio.wait([task])
            await runner.cleanup()

    asyncio.run(everything())
    return stops


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_from_nobody_to_the_leader(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(election: FakeElection, storage: SlowStorage, ask: Ask, leading: Leadership) -> None:
        assert await ask("/state") == (503, None)
        assert await ask("/redirect") == (503, None)
        for path in ("/flags", "/master/flags", "/metrics/snapshot"):
            assert await ask(path) == (200, None)
        election.say(OTHER)
        assert await ask("/state") == (307, "//two:5051/state")
        assert await ask("/master/state?jsonp=x") == (307, "//two:5051/master/state?jsonp=x")
        assert await ask("/redirect") == (307, "//two:5051")
        assert await ask("/master/redirect") == (307, "//two:5051")
        assert await ask("/api/v1") == (307, "//two:5051/api/v1")
        election.say(OWN)
        await turns()
        assert await ask("/state") == (503, None)
        assert await ask("/redirect") == (307, "//one:5050")
        storage.go.set()
        await turns()
        assert await ask("/state") == (200, None)

    assert run(monkeypatch, scenario) == []


def test_an_earlier_run_of_the_same_master_does_not_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(election: FakeElection, storage: SlowStorage, ask: Ask, leading: Leadership) -> None:
        election.say(MasterInfo(id="earlier", ip=OWN.ip, port=OWN.port, hostname=OWN.hostname))
        assert await ask("/state") == (503, None)

    assert run(monkeypatch, scenario) == []


@pytest.mark.parametrize("how", ["deposed", "silent"])
def test_a_leader_that_may_be_one_no_longer_stops_before_it_answers(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    async def scenario(election: FakeElection, storage: SlowStorage, ask: Ask, leading: Leadership) -> None:
        election.say(OWN)
        storage.go.set()
        await turns()
        assert await ask("/state") == (200, None)
        if how == "deposed":
            election.leader, election.leads = OTHER, False
        else:
            election.valid = False
        with pytest.raises(StoppedError):
            leading.guard()
        assert (await ask("/state"))[0] == 500

    stops = run(monkeypatch, scenario)
    assert stops[0].startswith("Lost leadership" if how == "deposed" else "Lost the session")


def test_a_leader_that_cannot_read_the_registry_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = asyncio.Event()

    async def scenario(election: FakeElection, storage: SlowStorage, ask: Ask, leading: Leadership) -> None:
        stop = leadership.abort
        monkeypatch.setattr(leadership, "abort", lambda reason: (stopped.set(), stop(reason)))
        election.say(OWN)
        await asyncio.wait_for(stopped.wait(), 60)
        assert await ask("/state") == (503, None)

    stops = run(monkeypatch, scenario, registry_fetch_timeout=0.01)
    assert stops == ["Cannot recover the registry: reading it took longer than registry_fetch_timeout"]


class BrokenStorage(MemoryStorage):
    """Never writes, or cannot."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self._error = error

    async def apply(self, changes: Changes) -> None:
        if self._error:
            raise self._error
        await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    ("error", "told"),
    [(None, "TimeoutError"), (OSError(28, "No space left"), "No space left"), (DeposedError("Another"), "Another")],
)
def test_a_master_that_cannot_write_its_registry_stops(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, told: str
) -> None:
    async def scenario() -> str:
        stopped: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def stop(reason: str) -> None:
            stopped.set_result(reason)
            raise asyncio.CancelledError

        monkeypatch.setattr(server, "abort", stop)
        master = server.Server(MasterOptions(info=OWN, registry_store_timeout=0.01), BrokenStorage(error)).master
        info = AgentInfo(hostname="localhost", resources=Resources.parse("cpus:1").messages())
        master.register_agent("a1", "127.0.0.1", internal.Register(info, "1.11.0"))
        return await asyncio.wait_for(stopped, 30)

    reason = asyncio.run(scenario())
    assert reason.startswith("Cannot write the registry")
    assert told in reason
