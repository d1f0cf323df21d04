"""A ZooKeeper session for asyncio: kazoo's threads report to the event loop.

kazoo connects, pings and reconnects by itself, with a new session after one has expired. What waits for an answer
when the connection breaks fails with `ConnectionLoss`: whether it was carried out is then not known.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (
    AuthFailedError,
    ConnectionLoss,
    KazooException,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    SessionExpiredError,
)
from kazoo.protocol.states import ZnodeStat
from kazoo.retry import KazooRetry
from kazoo.security import ACL, CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE

from mesosctl.runtime.coordination.address import ZooKeeperUrl

__all__ = [
    "AuthFailedError",
    "ConnectionLoss",
    "KazooException",
    "NoAuthError",
    "NoNodeError",
    "NodeExistsError",
    "Session",
    "SessionExpiredError",
    "ZnodeStat",
]

_RETRY_DELAYS = {"max_tries": -1, "delay": 0.1, "backoff": 2, "max_delay": 1.0}
"""How kazoo connects again, in seconds."""


REPEAT_SECONDS = 60.0


class Seldom(logging.Filter):
    """Lets the same words through once a minute: kazoo tells of every attempt to connect, several a second."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        self._told = {text: at for text, at in self._told.items() if record.created - at < REPEAT_SECONDS}
        is_new = record.getMessage() not in self._told
        self._told.setdefault(record.getMessage(), record.created)
        return is_new


log = logging.getLogger(__name__)
log.addFilter(Seldom())


class Session:
    """Use it inside the running event loop it is made in. `changed` is called, with no arguments, whenever the
    connection or the session comes or goes, and when a watch fires.
    """

    def __init__(self, url: ZooKeeperUrl, timeout: float, changed: Callable[[], None]) -> None:
        """`timeout` of the session in seconds."""
        self.url = url
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self.acl = _acl(url)
        self._client = KazooClient(
            hosts=url.servers,
            timeout=timeout,
            default_acl=self.acl,
            auth_data=None if url.credentials is None else [("digest", url.credentials)],
            connection_retry=KazooRetry(**_RETRY_DELAYS),
            logger=log,
        )
        self._client.add_listener(self._listen)

    def start(self) -> None:
        """Begin to connect."""
        self._client.start_async()

    async def close(self) -> None:
        """End the session: its ephemeral nodes go away."""

        def stop() -> None:
            self._client.stop()
            self._client.close()

        await asyncio.to_thread(stop)

    @property
    def connected(self) -> bool:
        return bool(self._client.state == KazooState.CONNECTED)

    @property
    def id(self) -> int | None:
        """Of the session, as ephemeral nodes name it as their owner; None without one."""
        return self._client.client_id[0] if self._client.client_id else None

    async def children(self, path: str, *, watch: bool = False) -> list[str]:
        """Names of the children. Raises NoNodeError."""
        names: list[str] = await self._wait(self._client.get_children_async(path, watch=self._watcher(watch)))
        return names

    async def get(self, path: str) -> tuple[bytes, ZnodeStat]:
        """Content and state of a node. Raises NoNodeError."""
        found: tuple[bytes, ZnodeStat] = await self._wait(self._client.get_async(path))
        return found

    async def set(self, path: str, value: bytes) -> None:
        """Write a node that there is: done when a majority of the servers have it. Raises NoNodeError."""
        await self._wait(self._client.set_async(path, value))

    async def exists(self, path: str, *, watch: bool = False) -> ZnodeStat | None:
        return await self._wait(self._client.exists_async(path, watch=self._watcher(watch)))

    async def create(self, path: str, value: bytes = b"", *, ephemeral: bool = False, sequence: bool = False) -> str:
        """The path that was made. Raises NodeExistsError, NoNodeError."""
        made: str = await self._wait(
            self._client.create_async(path, value, acl=self.acl, ephemeral=ephemeral, sequence=sequence)
        )
        return made

    async def delete(self, path: str) -> None:
        """Raises NoNodeError."""
        await self._wait(self._client.delete_async(path))

    async def ensure(self, path: str) -> None:
        """Make a path with all that is missing of it. What others own above it stays theirs."""
        made = ""
        for part in path.strip("/").split("/"):
            made += f"/{part}"
            try:
                if await self.exists(made) is None:
                    await self.create(made)
            except NodeExistsError:
                pass

    async def transaction(self, operations: Sequence[Callable[[Any], None]]) -> list[Any]:
        """Do all of them or none: each is called with kazoo's transaction. The results, of which one is an exception
        where none was done.
        """
        transaction = self._client.transaction()
        for operation in operations:
            operation(transaction)
        results: list[Any] = await self._wait(transaction.commit_async())
        return results

    def _watcher(self, wanted: bool) -> Callable[[object], None] | None:
        return (lambda event: self._report()) if wanted else None

    def _listen(self, state: str) -> None:
        self._report()

    def _report(self) -> None:
        """Called by kazoo's threads."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed)

    async def _wait(self, result: Any) -> Any:
        """The result of one of kazoo's asynchronous calls. Raises what it raised."""
        future: asyncio.Future[Any] = self._loop.create_future()

        def settle() -> None:
            if future.done():
                return
            if result.exception is not None:
                future.set_exception(result.exception)
            else:
                future.set_result(result.value)

        def hand_over(_: object) -> None:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(settle)

        result.rawlink(hand_over)
        return await future


def _acl(url: ZooKeeperUrl) -> list[ACL]:
    """As Mesos sets it: everyone may read what a user with credentials made, and change it where there are none."""
    return OPEN_ACL_UNSAFE if url.credentials is None else [*CREATOR_ALL_ACL, *READ_ACL_UNSAFE]
