"""The isolator disk/du: how much disk each sandbox uses, counted file by file from time to time."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass

from mesosctl.runtime.agent.containerizer.base import MB, Holding, used_of
from mesosctl.runtime.agent.containerizer.isolator import Isolator, Json
from mesosctl.runtime.agent.records import Ending, ExecutorRecord
from mesosctl.runtime.protocol.tasks import TaskStatus

_BLOCK = 512


def used_bytes(directory: str) -> int:
    """What all files below a directory take of the disk, each counted once; mounted file systems are left out."""
    total = 0
    seen: set[int] = set()
    device = os.lstat(directory).st_dev
    for folder, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if _device(os.path.join(folder, name)) == device]
        for name in names:
            with suppress(FileNotFoundError):
                found = os.lstat(os.path.join(folder, name))
                if found.st_ino not in seen:
                    seen.add(found.st_ino)
                    total += found.st_blocks * _BLOCK
    return total


def _device(path: str) -> int | None:
    try:
        return os.lstat(path).st_dev
    except FileNotFoundError:
        return None


@dataclass
class _Sandbox:
    directory: str
    limit: int
    used: int = 0


class DiskIsolator(Isolator):
    def __init__(self, interval: float, *, enforce: bool) -> None:
        """`interval`: seconds between two looks."""
        self._interval = interval
        self._enforce = enforce
        self._sandboxes: dict[str, _Sandbox] = {}
        self._look: asyncio.Task[None] | None = None

    def prepare(self, executor: ExecutorRecord, held: Holding) -> Json:
        self.adopt(executor, held)
        return {}

    def adopt(self, executor: ExecutorRecord, held: Holding) -> None:
        self._sandboxes[executor.container_id] = _Sandbox(executor.directory, held.disk)
        if self._look is None:
            self._look = asyncio.get_running_loop().create_task(self._measure())

    def update(self, container_id: str, held: Holding) -> None:
        if sandbox := self._sandboxes.get(container_id):
            sandbox.limit = held.disk

    def clean_up(self, container_id: str) -> bool:
        self._sandboxes.pop(container_id, None)
        return True

    def limitation(self, container_id: str) -> Ending | None:
        sandbox = self._sandboxes.get(container_id)
        if sandbox is None or not self._enforce or not sandbox.limit or sandbox.used <= sandbox.limit:
            return None
        text = f"Disk usage ({sandbox.used // MB}MB) exceeds quota ({sandbox.limit // MB}MB)"
        return Ending(TaskStatus.Reason.REASON_CONTAINER_LIMITATION_DISK, text, used_of("disk", sandbox.used))

    def usage(self, container_id: str) -> Json:
        sandbox = self._sandboxes.get(container_id)
        return {"disk_used_bytes": sandbox.used, "disk_limit_bytes": sandbox.limit} if sandbox else {}

    async def _measure(self) -> None:
        """As long as there are containers."""
        while self._sandboxes:
            await asyncio.sleep(self._interval)
            for sandbox in list(self._sandboxes.values()):
                with suppress(OSError):
                    sandbox.used = await asyncio.to_thread(used_bytes, sandbox.directory)
        self._look = None
