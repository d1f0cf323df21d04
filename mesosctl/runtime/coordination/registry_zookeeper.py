"""The registry in ZooKeeper: a node for each value, below `<path>/registry`, so that what is written grows with what
changed and no node with the cluster.

`registry` itself holds the number of the master that took over last. Every change is a transaction that checks the
version of that node: a master that was deposed, however late it wakes up, changes nothing. The values are spread over
64 nodes, since ZooKeeper lists the children of a node in one message of at most 1 MB.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator
from operator import methodcaller
from typing import Any
from urllib.parse import quote, unquote

from kazoo.exceptions import BadVersionError, KazooException, NoNodeError

from mesosctl.runtime.coordination.registry import Changes, DeposedError
from mesosctl.runtime.coordination.session import ConnectionLoss, Session

log = logging.getLogger(__name__)

SHARDS = 64
MAX_TRANSACTION_BYTES = 512 * 1024
READS_AT_ONCE = 256
RETRY_SECONDS = 0.1

Operation = Callable[[Any], None]


class ZooKeeperStorage:
    def __init__(self, session: Session, path: str) -> None:
        """`path` is the masters' own; the session stays the caller's."""
        self._session = session
        self._root = f"{path}/registry"
        self._version = -1
        self._present: set[str] = set()
        """The nodes there are."""

    async def take_over(self) -> dict[str, bytes]:
        await self._session.ensure(self._root)
        content, state = await self._session.get(self._root)
        number = int(content or b"0") + 1
        self._version = state.version + 1
        await self._commit([methodcaller("set_data", self._root, b"%d" % number, version=state.version)])
        await self._make_shards()
        paths = [path for shard in range(SHARDS) for path in await self._nodes(shard)]
        self._present = set(paths)
        values: dict[str, bytes] = {}
        for start in range(0, len(paths), READS_AT_ONCE):
            part = paths[start : start + READS_AT_ONCE]
            for path, (value, _) in zip(part, await asyncio.gather(*map(self._session.get, part)), strict=True):
                values[unquote(path.rpartition("/")[2])] = value
        return values

    async def apply(self, changes: Changes) -> None:
        for part in _parts(changes):
            is_sure = True
            while True:
                if not is_sure:
                    await self._look_again(part)
                try:
                    await self._commit([self._guard, *self._operations(part)])
                    break
                except ConnectionLoss:
                    is_sure = False
                    await asyncio.sleep(RETRY_SECONDS)
            for key, value in part.items():
                (self._present.discard if value is None else self._present.add)(self._node(key))

    async def close(self) -> None:
        pass

    def _guard(self, transaction: Any) -> None:
        transaction.check(self._root, self._version)

    def _operations(self, changes: Changes) -> Iterator[Operation]:
        for key, value in changes.items():
            path = self._node(key)
            if value is None:
                if path in self._present:
                    yield methodcaller("delete", path)
            elif path in self._present:
                yield methodcaller("set_data", path, value)
            else:
                yield methodcaller("create", path, value, acl=self._session.acl)

    async def _look_again(self, changes: Changes) -> None:
        """Which nodes there are is not known after a transaction without an answer."""
        for path in map(self._node, changes):
            while True:
                try:
                    found = await self._session.exists(path)
                    break
                except ConnectionLoss:
                    await asyncio.sleep(RETRY_SECONDS)
            (self._present.discard if found is None else self._present.add)(path)

    async def _commit(self, operations: Iterable[Operation]) -> None:
        """Raises DeposedError where the first operation, which checks a version, finds another."""
        results = await self._session.transaction([*operations])
        if isinstance(results[0], BadVersionError | NoNodeError):
            raise DeposedError("Another master has taken the registry over")
        for result in results:
            if isinstance(result, KazooException):
                raise OSError(f"ZooKeeper refuses a change of the registry: {result!r}")

    async def _make_shards(self) -> None:
        present = set(await self._session.children(self._root))
        missing = [f"{self._root}/{_shard_name(each)}" for each in range(SHARDS) if _shard_name(each) not in present]
        if missing:
            make = [methodcaller("create", path, b"", acl=self._session.acl) for path in missing]
            await self._commit([self._guard, *make])

    async def _nodes(self, shard: int) -> list[str]:
        parent = f"{self._root}/{_shard_name(shard)}"
        return [f"{parent}/{name}" for name in await self._session.children(parent)]

    def _node(self, key: str) -> str:
        name = quote(key, safe="")
        return f"{self._root}/{_shard_name(zlib.crc32(key.encode()) % SHARDS)}/{name}"


def _shard_name(shard: int) -> str:
    return f"{shard:02x}"


def _parts(changes: Changes) -> Iterator[Changes]:
    """The changes in parts that fit one transaction each."""
    part: dict[str, bytes | None] = {}
    size = 0
    for key, value in changes.items():
        added = 2 * len(key) + len(value or b"") + 200
        if part and size + added > MAX_TRANSACTION_BYTES:
            yield part
            part, size = {}, 0
        part[key] = value
        size += added
    if part:
        yield part
