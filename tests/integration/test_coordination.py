"""Detection and election on a real ZooKeeper."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import pytest
from kazoo.client import KazooClient

from mesosctl.runtime import internal
from mesosctl.runtime.agent.master_link import MasterLink
from mesosctl.runtime.clock import LoopClock
from mesosctl.runtime.coordination import detection
from mesosctl.runtime.coordination.address import parse_zookeeper
from mesosctl.runtime.coordination.detection import detect, endpoint
from mesosctl.runtime.coordination.election import Election
from mesosctl.runtime.coordination.session import Session
from mesosctl.runtime.protocol.basics import Address, AgentID
from mesosctl.runtime.protocol.cluster import AgentInfo, MasterInfo
from mesosctl.runtime.protocol.codec import encode
from tests.integration.fake_master import AGENT_ID, FakeMaster
from tests.integration.zookeeper import ZooKeeper

WAIT_SECONDS = 60.0
TIMEOUT = 3.0
"""Of sessions."""
_paths = itertools.count()


def master(name: str, port: int = 5050) -> MasterInfo:
    return MasterInfo(id=name, ip=16777343, port=port, address=Address(ip="127.0.0.1", port=port))


@pytest.fixture
def path(zookeeper: ZooKeeper) -> str:
    """A path that no other test uses."""
    return f"mesos-{next(_paths)}"


Next = Callable[[], Awaitable[MasterInfo | None]]


@asynccontextmanager
async def detected(url: str) -> AsyncIterator[Next]:
    """What waits for the next thing that detection tells."""
    async with aclosing(detect(url, TIMEOUT)) as found:
        yield lambda: asyncio.wait_for(anext(found), WAIT_SECONDS)


@asynccontextmanager
async def another_client(zookeeper: ZooKeeper) -> AsyncIterator[KazooClient]:
    """Apache Mesos' own master, as far as ZooKeeper sees it."""
    client = KazooClient(zookeeper.server, timeout=TIMEOUT)
    await asyncio.to_thread(client.start)
    try:
        yield client
    finally:
        await asyncio.to_thread(client.stop)
        client.close()


def test_the_lowest_candidate_leads(zookeeper: ZooKeeper, path: str) -> None:
    async def scenario() -> None:
        async with detected(zookeeper.url(path)) as leader, another_client(zookeeper) as other:
            assert await leader() is None
            prefix = f"/{path}/json.info_"
            other.create(f"/{path}/log_replicas", makepath=True)
            first = other.create(prefix, encode(master("a")), ephemeral=True, sequence=True)
            assert await leader() == master("a")
            other.create(prefix, encode(master("b")), ephemeral=True, sequence=True)
            other.delete(first)
            assert await leader() == master("b")
            other.delete(prefix + "0000000002")
            assert await leader() is None

    asyncio.run(scenario())


def test_a_silent_zookeeper_knows_no_leader_after_the_session_timeout(zookeeper: ZooKeeper, path: str) -> None:
    async def scenario() -> None:
        async with detected(zookeeper.url(path)) as leader, another_client(zookeeper) as other:
            await leader()
            other.create(f"/{path}/json.info_", encode(master("a")), sequence=True, makepath=True)
            assert await leader() == master("a")
            zookeeper.pause()
            try:
                assert await leader() is None
            finally:
                zookeeper.resume()
            assert await leader() == master("a")

    asyncio.run(scenario())


@asynccontextmanager
async def candidate(url: str, name: str) -> AsyncIterator[Election]:
    election = Election(parse_zookeeper(url), master(name), TIMEOUT)
    task = asyncio.create_task(election.run())
    try:
        yield election
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(election: Election, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await election.changed.wait()
            election.changed.clear()


def test_candidates_follow_each_other(zookeeper: ZooKeeper, path: str) -> None:
    async def scenario() -> None:
        url = zookeeper.url(path, "mesos:secret")
        async with candidate(url, "b") as second, detected(url) as leader:
            await until(second, lambda: second.leads)
            async with candidate(url, "c") as third:
                await until(third, lambda: third.leader is not None)
                assert (third.leader, third.leads) == (master("b"), False)
                assert await leader() == master("b")
                async with candidate(url, "d") as fourth:
                    await until(fourth, lambda: fourth.leader is not None)
                    await second.session.close()
                    await until(fourth, lambda: fourth.leader == master("c"))
                    assert await leader() == master("c")
                await until(third, lambda: third.leads)

    asyncio.run(scenario())


def test_a_candidate_whose_session_ended_stands_again_at_the_end(zookeeper: ZooKeeper, path: str) -> None:
    async def scenario() -> None:
        url = zookeeper.url(path)
        async with candidate(url, "a") as first, candidate(url, "b") as second:
            await until(first, lambda: first.leader is not None)
            await until(second, lambda: second.leader is not None)
            follower, leader = (first, second) if second.leads else (second, first)
            async with another_client(zookeeper) as other:
                (last,) = sorted(other.get_children(f"/{path}"))[1:]
                other.delete(f"/{path}/{last}")
                deleted = int(last.removeprefix("json.info_"))
                async with asyncio.timeout(WAIT_SECONDS):
                    while [*other.get_children(f"/{path}")] == [f"json.info_{deleted - 1:010}"]:
                        await asyncio.sleep(0.02)
                assert f"json.info_{deleted + 1:010}" in other.get_children(f"/{path}")
            assert leader.leads
            assert not follower.leads

    asyncio.run(scenario())


def test_a_candidate_with_other_credentials_gives_up(zookeeper: ZooKeeper, path: str) -> None:
    async def scenario() -> None:
        async with candidate(zookeeper.url(path, "mesos:secret"), "a") as election:
            await until(election, lambda: election.leads)
            other = Election(parse_zookeeper(zookeeper.url(path, "mesos:wrong")), master("b"), TIMEOUT)
            with pytest.raises(PermissionError, match=path):
                await asyncio.wait_for(other.run(), WAIT_SECONDS)

    asyncio.run(scenario())


def test_without_zookeeper_nobody_leads_when_the_session_may_have_ended(zookeeper: ZooKeeper, path: str) -> None:
    async def scenario() -> None:
        async with candidate(zookeeper.url(path), "a") as election:
            await until(election, lambda: election.leads)
            assert election.valid
            zookeeper.pause()
            try:
                await until(election, lambda: not election.leads)
                assert not election.valid
                assert election.leader is None
            finally:
                zookeeper.resume()

    asyncio.run(scenario())


class AgentWithNothing:
    """What an agent's connection works for."""

    def registration(self) -> internal.Register:
        return internal.Register(AgentInfo(hostname="localhost", id=AGENT_ID), "1.11.0")

    def registered(self, agent_id: AgentID, master: MasterInfo) -> None: ...

    def disconnected(self) -> None: ...

    def from_master(self, message: internal.ToAgent) -> None: ...


def leading(master: FakeMaster) -> bytes:
    host, _, port = master.address.partition(":")
    return encode(MasterInfo(id=port, ip=0, port=int(port), address=Address(ip=host, port=int(port))))


def test_an_agent_whose_session_ends(zookeeper: ZooKeeper, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays with a master that leads on, and finds one that has begun to lead meanwhile."""
    sessions: list[Session] = []

    class Remembered(Session):
        def start(self) -> None:
            sessions.append(self)
            super().start()

    monkeypatch.setattr(detection, "Session", Remembered)

    def end(client_id: tuple[int, bytes]) -> None:
        thief = KazooClient(zookeeper.server, timeout=TIMEOUT, client_id=client_id)
        thief.start()
        thief.stop()
        thief.close()

    async def end_session() -> None:
        (session,) = sessions
        before = session.id
        await asyncio.to_thread(end, session._client.client_id)
        async with asyncio.timeout(WAIT_SECONDS):
            while not session.connected or session.id == before:
                await asyncio.sleep(0.02)

    async def scenario(one: FakeMaster, two: FakeMaster) -> None:
        link = MasterLink(zookeeper.url(path), 0.01, AgentWithNothing(), LoopClock(), TIMEOUT)
        connection = asyncio.create_task(link.run())
        try:
            async with another_client(zookeeper) as other:
                node = f"/{path}/json.info_"
                first = other.create(node, leading(one), sequence=True, makepath=True)
                await asyncio.to_thread(one.registrations.get, timeout=WAIT_SECONDS)
                await end_session()
                link.send(internal.Pong())
                await asyncio.to_thread(one.wait_for, internal.Pong, WAIT_SECONDS)
                assert one.registrations.empty()

                other.create(node, leading(two), sequence=True)
                await asyncio.gather(end_session(), asyncio.to_thread(other.delete, first))
                await asyncio.to_thread(two.registrations.get, timeout=WAIT_SECONDS)
        finally:
            connection.cancel()
            await asyncio.wait([connection])

    with FakeMaster() as one, FakeMaster() as two:
        asyncio.run(scenario(one, two))


def test_an_address_is_a_master_for_good() -> None:
    async def scenario() -> None:
        async with detected("localhost:5052") as leader:
            found = await leader()
            assert found is not None
            assert (endpoint(found), found.hostname, found.pid) == (
                "127.0.0.1:5052",
                "localhost",
                "master@127.0.0.1:5052",
            )
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(leader(), 0.05)

    asyncio.run(scenario())
