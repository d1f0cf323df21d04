"""What an agent writes down of nested containers, so that its successor finds their processes again.

One file for each in `work_dir/meta/nested`, which only root can read: a sandbox belongs to its task. It need not
survive a crash of the host, as the processes do not either.

A process whose parent is gone has nobody who learns its status. So a shell stays in front of a command that may outlive
the agent, and writes the status down: into its standard input, which is that file. It cannot tell a command that was
ended by a signal from one that exited with 128 and its number, and both count as the former.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from mesosctl.runtime.protocol.basics import ContainerID

_KEEP_STATUS = """\
trap : HUP INT QUIT TERM USR1 USR2 ALRM
exec 3>&2 2>/dev/null
"$@" </dev/null 2>&3 3>&-
status=$?
echo $status >&0
exit $status"""
KEEP_STATUS = ("/bin/sh", "-c", _KEEP_STATUS, "sh")
"""What goes before a command whose status is to be written to its standard input."""
_SIGNALLED = 128


class Kept(msgspec.Struct, frozen=True):
    id: ContainerID
    directory: str
    user: str | None
    environment: dict[str, str]
    pid: int
    started: int | None
    """See `start_time`."""
    is_attachable: bool
    """Its input and output are in the hands of the agent that started it."""
    is_forking: bool


class NestedCheckpoint:
    def __init__(self, work_dir: str) -> None:
        self._folder = Path(work_dir, "meta", "nested")

    def keep(self, name: str, kept: Kept) -> None:
        """Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(name)
        new = path.with_suffix(".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(kept))
        os.replace(new, path)

    def forget(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)
        self._status_path(name).unlink(missing_ok=True)

    def open_status(self, name: str) -> BinaryIO:
        """Open the file for the status of a container. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return open(os.open(self._status_path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")

    def status(self, name: str) -> int | None:
        """The status that was written down of a container, as of waitpid(2)."""
        try:
            return wait_status(int(self._status_path(name).read_text()) << 8)
        except (OSError, ValueError):
            return None

    def all(self) -> Iterator[Kept]:
        """What was kept and can be read."""
        for path in self._folder.glob("*.json"):
            with suppress(OSError, msgspec.MsgspecError):
                yield msgspec.json.decode(path.read_bytes(), type=Kept)

    def _path(self, name: str) -> Path:
        # Names grow with the depth, beyond what a file may be called.
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()}.json"

    def _status_path(self, name: str) -> Path:
        return self._path(name).with_suffix(".status")


def wait_status(status: int) -> int:
    """What waitpid(2) would have told of the command, from the status of the shell in front of it."""
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
    return code - _SIGNALLED if _SIGNALLED < code < _SIGNALLED + signal.NSIG else status
