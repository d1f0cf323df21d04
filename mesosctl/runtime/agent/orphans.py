"""Containers that an agent before this one left running: found by what their processes say of themselves.

A process belongs to the sandbox that MESOS_DIRECTORY of its environment names. An executor that the nursery forked has
the nursery's environment in /proc (see proc(5)): it belongs to the sandbox that it works in.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from mesosctl.runtime.agent.checkpoint import Forked
from mesosctl.runtime.agent.nursery import MODULE
from mesosctl.runtime.agent.recovery import Found
from mesosctl.runtime.executor.processes import Process, processes, start_time

log = logging.getLogger(__name__)

_VARIABLE = b"MESOS_DIRECTORY="


def find_pids(found: Found) -> None:
    """Fill in the processes that were started and whose ids were not written down any more."""
    runs = [run for framework in found.frameworks for run in framework.runs if not run.completed and not run.forked]
    if not runs or found.rebooted:
        return
    leaders = {directory: process.pid for process, directory in _sandboxed() if process.pid == process.session}
    for run in runs:
        if pid := leaders.get(run.run.directory):
            run.forked = Forked(pid, start_time(pid))


def kill_orphans(work_dir: str, adopted: Iterable[str]) -> None:
    """Kill the processes of all sandboxes of this work directory but the adopted ones."""
    prefix = f"{Path(work_dir, 'slaves')}/"
    kept = set(adopted)
    for process, directory in _sandboxed():
        if directory.startswith(prefix) and directory not in kept and not process.is_zombie:
            log.warning("Killing process %d, left over in %s", process.pid, directory)
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


def _sandboxed() -> Iterator[tuple[Process, str]]:
    for process in processes():
        with suppress(OSError):
            if directory := _directory(process.pid):
                yield process, directory


def _directory(pid: int) -> str | None:
    folder = Path("/proc", str(pid))
    for variable in folder.joinpath("environ").read_bytes().split(b"\0"):
        if variable.startswith(_VARIABLE):
            return os.fsdecode(variable.removeprefix(_VARIABLE))
    if MODULE.encode() in folder.joinpath("cmdline").read_bytes().split(b"\0"):
        return str(folder.joinpath("cwd").readlink())
    return None
