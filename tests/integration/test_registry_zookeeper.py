"""The registry in a real ZooKeeper: what a deposed master, a broken connection and many agents do to it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mesosctl.runtime.coordination.address import parse_zookeeper
from mesosctl.runtime.coordination.registry import DeposedError
from mesosctl.runtime.coordination.registry_zookeeper import ZooKeeperStorage
from mesosctl.runtime.coordination.session import NoAuthError, Session
from tests.integration.zookeeper import ZooKeeper

WAIT_SECONDS = 30.0
_paths = itertools.count()


@pytest.fixture
def path() -> str:
    return f"registry-{next(_paths)}"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Session]:
    changed = asyncio.Event()
    session = Session(parse_zookeeper(url), 5.0, changed.set)
    session.start()
    async with asyncio.timeout(WAIT_SECONDS):
        while not session.connected:
            await changed.wait()
            changed.clear()
    try:
        yield session
    finally:
        await session.close()


def test_a_successor_finds_what_was_written_and_shuts_the_old_one_out(zookeeper: ZooKeeper, path: str) -> None:
    async def scenario() -> None:
        async with connected(zookeeper.url(path)) as session, connected(zookeeper.url(path)) as other:
            old = ZooKeeperStorage(session, f"/{path}")
            assert await old.take_over() == {}
            await old.apply({"agents/1": b"a", "weights/eng/dev": b"b", "agents/2": b"c"})
            await old.apply({"agents/1": b"d", "agents/2": None, "agents/3": None})
            new = ZooKeeperStorage(other, f"/{path}")
            expected = {"agents/1": b"d", "weights/eng/dev": b"b"}
            assert await new.take_over() == expected
            with pytest.raises(DeposedError):
                await old.apply({"agents/1": b"wrong", "agents/4": b"wrong"})
            await new.apply({"agents/5": b"e"})
            assert await ZooKeeperStorage(session, f"/{path}").take_over() == expected | {"agents/5": b"e"}

    asyncio.run(scenario())


def test_a_large_registry_is_written_in_parts(zookeeper: ZooKeeper, path: str) -> None:
    async def scenario() -> None:
        async with connected(zookeeper.url(path)) as session:
            storage = ZooKeeperStorage(session, f"/{path}")
            await storage.take_over()
            changes = {f"agents/6404909b-6247-4b89-9aff-d7f5151416b6-S{number}": b"x" * 1500 for number in range(1000)}
            await storage.apply(changes)
            assert await ZooKeeperStorage(session, f"/{path}").take_over() == changes

    asyncio.run(scenario())


def test_a_write_outlasts_a_restart_of_zookeeper(zookeeper: ZooKeeper, path: str) -> None:
    async def scenario() -> None:
        async with connected(zookeeper.url(path)) as session:
            storage = ZooKeeperStorage(session, f"/{path}")
            await storage.take_over()
            zookeeper.pause()
            write = asyncio.create_task(storage.apply({"agents/1": b"a"}))
            await asyncio.sleep(0.1)
            zookeeper.kill()
            try:
                await asyncio.sleep(0.1)
            finally:
                zookeeper.start()
            async with asyncio.timeout(WAIT_SECONDS):
                await write
            await storage.apply({"agents/1": b"b"})
            assert await ZooKeeperStorage(session, f"/{path}").take_over() == {"agents/1": b"b"}

    asyncio.run(scenario())


def test_only_who_has_the_credentials_may_write(zookeeper: ZooKeeper, path: str) -> None:
    async def scenario() -> None:
        async with (
            connected(zookeeper.url(path, "mesos:secret")) as session,
            connected(zookeeper.url(path)) as stranger,
        ):
            await ZooKeeperStorage(session, f"/{path}").take_over()
            assert await stranger.get(f"/{path}/registry")
            with pytest.raises(NoAuthError):
                await stranger.create(f"/{path}/registry/x")
            with pytest.raises((NoAuthError, OSError)):
                await ZooKeeperStorage(stranger, f"/{path}").take_over()

    asyncio.run(scenario())
