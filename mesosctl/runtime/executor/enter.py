"""What the first process of a container does to itself before it becomes the executor: joins cgroups, sets resource
limits, and moves into namespaces of its own.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress

import msgspec

_CLONE_NEWNS = 0x00020000
_CLONE_NEWPID = 0x20000000
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_REC = 1, 32, 4096, 16384
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_MS_SLAVE = 1 << 19
_PR_SET_PDEATHSIG = 1


class Mount(msgspec.Struct, frozen=True):
    """A bind mount. Both paths exist, and both are of the same kind."""

    source: str
    target: str
    read_only: bool = False


class Preparation(msgspec.Struct, frozen=True):
    cgroups: tuple[str, ...] = ()
    """Directories of the groups to join."""
    rlimits: tuple[tuple[int, int, int], ...] = ()
    """As setrlimit(2) takes them: which, soft, hard; -1 is no limit."""
    mounts: tuple[Mount, ...] = ()
    """A mount namespace is made for them."""
    pid_namespace: bool = False
    """Have process ids of one's own, and a /proc that shows them."""


def enter(preparation: Preparation) -> None:
    """Do all that, in this process. With a pid namespace only a grandchild returns: this process lives on and ends as
    that one does. Raises OSError and ValueError.
    """
    for group in preparation.cgroups:
        with open(os.path.join(group, "cgroup.procs"), "wb", buffering=0) as file:
            file.write(b"0")
    if preparation.mounts or preparation.pid_namespace:
        _unshare(_CLONE_NEWNS | (_CLONE_NEWPID if preparation.pid_namespace else 0))
        _mount(None, "/", _MS_REC | _MS_SLAVE)  # what is mounted on the host later is seen, not the other way round
        for mount in preparation.mounts:
            _bind(mount)
    if preparation.pid_namespace:
        _become_second()
    for which, soft, hard in preparation.rlimits:
        resource.setrlimit(which, (soft, hard))


def may_unshare() -> bool:
    """Whether this process may make namespaces. Tried in a child."""
    pid = os.fork()
    if pid == 0:
        try:
            _unshare(_CLONE_NEWNS | _CLONE_NEWPID)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def _bind(mount: Mount) -> None:
    _mount(mount.source, mount.target, _MS_BIND | _MS_REC)
    if mount.read_only:
        _mount(None, mount.target, _MS_BIND | _MS_REMOUNT | _MS_RDONLY)


def _become_second() -> None:
    """Fork into the new namespace: its first process only reaps orphans, its second one goes on."""
    first = os.fork()
    if first:
        _end_as(os.waitpid(first, 0)[1])
    _die_with_parent()
    _mount("proc", "/proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, kind="proc")
    second = os.fork()
    if second == 0:
        return
    while True:
        with suppress(InterruptedError):
            pid, status = os.wait()
            if pid == second:
                # The first process cannot end itself by a signal: it passes its number on as a shell does.
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)


def _end_as(status: int) -> None:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _die_with_parent() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _unshare(flags: int) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def _mount(source: str | None, target: str, flags: int, kind: str | None = None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    encoded = [
        text.encode(sys.getfilesystemencoding()) if text is not None else None for text in (source, target, kind)
    ]
    if libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), None) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"mount: {os.strerror(error)}", target)
