"""Detection and election on a real ZooKeeper."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import pytest
from kazoo.client import KazooClient

from mesosctl.runtime.coordination.detection import detect, endpoint
from mesosctl.runtime.protocol.basics import Address
from mesosctl.runtime.protocol.cluster import MasterInfo
from mesosctl.runtime.protocol.codec import encode
from tests.integration.zookeeper import ZooKeeper

WAIT_SECONDS = 30.0
TIMEOUT = 2.0
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
