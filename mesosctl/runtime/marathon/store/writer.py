"""What was decided is written in order, all that waits together; whoever waits is called when it is safe."""

from __future__ import annotations

import asyncio
import logging
import tarfile
import zlib
from collections.abc import Callable, Sequence

import msgspec

from mesosctl.runtime.coordination.registry import Storage
from mesosctl.runtime.marathon.core.outside import Change
from mesosctl.runtime.marathon.store import records
from mesosctl.runtime.marathon.store.archive import Archive, Values
from mesosctl.runtime.marathon.store.backup import read_backup, write_backup

log = logging.getLogger(__name__)


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
        values = await self._storage.take_over()
        handover = values.pop(records.HANDOVER, None)
        self.archive = Archive(values, self._max_versions)
        if handover is not None:
            await self._take_over(records.read(handover, records.Handover), values)

    def hand_over(self, backup: str | None, restore: str | None) -> None:
        """Let the next leader first write all that is stored to the one file, then replace it by the other one's."""
        self.write({records.HANDOVER: records.write(records.Handover(backup, restore))}, lambda: None)

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

    async def _take_over(self, handover: records.Handover, values: dict[str, bytes]) -> None:
        """Where a file cannot be written or read, everything stays as it is."""
        changes: Values = {records.HANDOVER: None}
        try:
            if handover.backup is not None:
                await asyncio.to_thread(write_backup, handover.backup, values)
                log.info("All that is stored is also in %s", handover.backup)
            if handover.restore is not None:
                restored = await asyncio.to_thread(read_backup, handover.restore)
                self.archive = Archive(restored, self._max_versions)
                changes |= {**dict.fromkeys(values.keys() - restored.keys()), **restored}
                log.info("All that is stored is what was in %s", handover.restore)
        except (OSError, tarfile.TarError, zlib.error, msgspec.MsgspecError) as error:
            log.error("Cannot do what the last leader was asked for: %s", error)
        await self._storage.apply(changes)

    async def close(self) -> None:
        await self._storage.close()


def _order(entry: tuple[str, bytes | None]) -> tuple[bool, bool]:
    """Definitions before what refers to them, removals last: a storage may write a large change in parts."""
    key, value = entry
    return value is None, "@" not in key
