"""What was decided is written in order, all that waits together; whoever waits is called when it is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from mesosctl.runtime.coordination.registry import Storage
from mesosctl.runtime.marathon.core.outside import Change
from mesosctl.runtime.marathon.store.archive import Archive, Values


class Writer:
    """`archive` is there after `open`."""

    def __init__(self, storage: Storage, max_versions: int) -> None:
        self._storage = storage
        self._max_versions = max_versions
        self.archive: Archive
        self._values: Values = {}
        self._waiting: list[Callable[[], None]] = []
        self._due = asyncio.Event()

    async def open(self) -> None:
        """Raises what the storage raises, and msgspec.MsgspecError where it is damaged."""
        self.archive = Archive(await self._storage.take_over(), self._max_versions)

    def persist(self, changes: Sequence[Change], then: Callable[[], None]) -> None:
        self.write(self.archive.record(changes), then)

    def write(self, values: Values, then: Callable[[], None]) -> None:
        self._values |= values
        self._waiting.append(then)
        self._due.set()

    async def flush(self) -> None:
        """Until all that was given so far is safe."""
        done = asyncio.get_running_loop().create_future()
        self.write({}, lambda: None if done.done() else done.set_result(None))
        await done

    async def run(self) -> None:
        """Never returns. Raises what the storage raises: then nothing of what waits has happened."""
        while True:
            await self._due.wait()
            self._due.clear()
            values, self._values = self._values, {}
            waiting, self._waiting = self._waiting, []
            if values:
                await self._storage.apply(dict(sorted(values.items(), key=_order)))
            for then in waiting:
                then()

    async def close(self) -> None:
        await self._storage.close()


def _order(entry: tuple[str, bytes | None]) -> tuple[bool, bool]:
    """Definitions before what refers to them, removals last: a storage may write a large change in parts."""
    key, value = entry
    return value is None, "@" not in key
