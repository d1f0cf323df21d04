"""Removes sandboxes of containers that ended long ago, and what was written down of them.

When a container ends, its sandbox is touched; nothing else is remembered. A sandbox is kept for `gc_delay`, and shorter
the fuller the disk is: `gc_delay * (1 - gc_disk_headroom - used)`, as in Apache Mesos (src/slave/slave.cpp).
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mesosctl.runtime.agent.checkpoint import LATEST, META, Store, executor_folder, framework_folder, run_folder
from mesosctl.runtime.agent.ledger import Ledger
from mesosctl.runtime.agent.sandbox import LATEST as LATEST_RUN
from mesosctl.runtime.clock import Clock

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sandbox:
    """`work_dir/slaves/AGENT/frameworks/FRAMEWORK/executors/EXECUTOR/runs/CONTAINER`."""

    path: Path

    @property
    def container_id(self) -> str:
        return self.path.name

    @property
    def executor_id(self) -> str:
        return self.path.parts[-3]

    @property
    def framework_id(self) -> str:
        return self.path.parts[-5]

    @property
    def agent_id(self) -> str:
        return self.path.parts[-7]


def mark_ended(directory: str) -> None:
    """The container of a sandbox has ended now."""
    with suppress(FileNotFoundError):
        os.utime(directory)


def allowed_age(delay: float, headroom: float, used: float) -> float:
    """How long sandboxes are kept, in seconds, on a disk of which the part `used` (0 to 1) is taken."""
    return delay * max(0.0, 1.0 - headroom - used)


class Collector:
    def __init__(
        self,
        work_dir: str,
        delay: float,
        headroom: float,
        clock: Clock,
        ledger: Ledger,
        store: Store,
    ) -> None:
        """What the ledger holds stays. `delay` is in seconds."""
        self._work_dir = Path(work_dir)
        self._delay = delay
        self._headroom = headroom
        self._clock = clock
        self._ledger = ledger
        self._store = store
        self._removed = self._failed = self._pending = 0
        self._allowed_age = 0.0

    def metrics(self) -> dict[str, float]:
        """By Mesos' names."""
        return {
            "gc/path_removals_succeeded": float(self._removed),
            "gc/path_removals_failed": float(self._failed),
            "gc/path_removals_pending": float(self._pending),
            "slave/executor_directory_max_allowed_age_secs": self._allowed_age,
        }

    async def run(self, interval: float) -> None:
        """Collect, every `interval` seconds, for ever."""
        while True:
            await asyncio.sleep(interval)
            try:
                await self.collect()
            except OSError as error:
                log.warning("Cannot collect garbage: %s", error)

    async def collect(self) -> None:
        """Remove what is older than the disk allows. Raises OSError."""
        usage = shutil.disk_usage(self._work_dir)
        self._allowed_age = allowed_age(self._delay, self._headroom, usage.used / usage.total)
        sandboxes = await asyncio.to_thread(self._changed)
        ended = {each: at for each, at in sandboxes.items() if not self._ledger.find_container(each.container_id)}
        self._pending = len(ended)
        for sandbox in (each for each, at in ended.items() if at <= self._clock.now() - self._allowed_age):
            if _holds_mount(sandbox.path):
                log.warning("Keeping %s: something is mounted in it", sandbox.path)
                self._failed += 1
                continue
            log.info("Removing the sandbox %s", sandbox.path)
            await asyncio.to_thread(shutil.rmtree, sandbox.path, ignore_errors=True)
            self._removed += 1
            self._pending -= 1
            self._clear(sandbox)

    def _changed(self) -> dict[Sandbox, float]:
        """All sandboxes, and when they were touched last."""
        return {Sandbox(path): path.stat().st_mtime for path in self._sandboxes()}

    def _sandboxes(self) -> Iterator[Path]:
        for path in self._work_dir.glob("slaves/*/frameworks/*/executors/*/runs/*"):
            if path.is_dir() and not path.is_symlink():
                yield path

    def _clear(self, sandbox: Sandbox) -> None:
        """Remove the folders that are empty now, and the checkpoints of what is gone."""
        latest = sandbox.path.parent / LATEST_RUN
        if latest.is_symlink() and not latest.exists():
            latest.unlink()
        gone = {sandbox.path}
        for folder in list(sandbox.path.parents)[:6]:
            try:
                folder.rmdir()
            except OSError:
                break
            gone.add(folder)
        meta = self._work_dir / META
        if sandbox.agent_id != os.path.basename(os.path.realpath(meta / LATEST)):
            if sandbox.path.parents[5] in gone:
                shutil.rmtree(meta / "slaves" / sandbox.agent_id, ignore_errors=True)
            return
        framework = self._ledger.frameworks.get(sandbox.framework_id)
        checkpoints = run_folder(sandbox.framework_id, sandbox.executor_id, sandbox.container_id)
        if framework is None and sandbox.path.parents[3] in gone:
            checkpoints = framework_folder(sandbox.framework_id)
        elif sandbox.path.parents[1] in gone and (framework is None or sandbox.executor_id not in framework.executors):
            checkpoints = executor_folder(sandbox.framework_id, sandbox.executor_id)
        self._store.remove(checkpoints)


def _holds_mount(path: Path) -> bool:
    """Whether a file system is mounted below a path (see proc(5), mountinfo)."""
    prefix = f"{path.resolve()}/".encode().replace(b" ", b"\\040")
    with open("/proc/self/mountinfo", "rb") as file:
        return any(line.split(b" ")[4].startswith(prefix) for line in file)
