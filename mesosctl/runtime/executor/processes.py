"""Which processes belong to a container: the session of its first process, and what descends from it."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

_PR_SET_CHILD_SUBREAPER = 36
_PASSES = 20
"""A process may fork while its like are being killed."""


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    session: int
    is_zombie: bool


def processes() -> Iterator[Process]:
    """All processes of the host, from /proc (see proc(5))."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
                yield Process(int(name), int(fields[1]), int(fields[3]), fields[0] in (b"Z", b"X"))


def members(leader: int) -> set[int]:
    """The living processes of the session of `leader`, with their descendants in other sessions."""
    known = list(processes())
    found = {process.pid for process in known if process.session == leader or process.pid == leader}
    grown = True
    while grown:
        more = {process.pid for process in known if process.parent in found} - found
        found |= more
        grown = bool(more)
    return found - {process.pid for process in known if process.is_zombie}


def adopt_orphans() -> None:
    """Become the parent of processes whose parents below this one have ended (PR_SET_CHILD_SUBREAPER of prctl(2)).

    Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def children_of_self() -> set[int]:
    """The children of this process, zombies included. It must have one thread only."""
    with open("/proc/thread-self/children", "rb") as file:
        return {int(pid) for pid in file.read().split()}


def kill_all(leader: int) -> None:
    """Kill (SIGKILL) all members of the session of `leader`, and what they start meanwhile."""
    for _ in range(_PASSES):
        alive = members(leader)
        if not alive:
            return
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@dataclass(frozen=True)
class Usage:
    user_seconds: float
    system_seconds: float
    resident_bytes: int


def usage(leader: int) -> Usage:
    """What the members of the session of `leader`, and their children that have ended, use. Raises OSError."""
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    user = system = resident = 0
    for pid in members(leader):
        with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
            user += int(fields[11]) + int(fields[13])
            system += int(fields[12]) + int(fields[14])
            resident += int(fields[21])
    return Usage(user / ticks, system / ticks, resident * page)


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since the boot: with its pid, its identity. None where there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None
