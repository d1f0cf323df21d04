"""Terminals of containers that ask for one (`tty_info`), and that of a command's task, which its executor holds."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import termios
from contextlib import suppress

from mesosctl.runtime.executor.user import identity
from mesosctl.runtime.protocol.containers import TTYInfo

_CHUNK_BYTES = 64 * 1024
_OUTPUT = 1


def open_terminal(tty: TTYInfo, user: str | None) -> tuple[int, int]:
    """A terminal of the user's, of the size that the message asks for: our end and that of the processes.

    Raises OSError and LookupError.
    """
    owner = identity(user).get("user")
    ours, theirs = pty.openpty()
    set_size(ours, tty)
    if owner is not None:
        os.fchown(theirs, owner, -1)
    return ours, theirs


def set_size(descriptor: int, tty: TTYInfo) -> None:
    """Give a terminal the size that the message asks for, if it does. Raises OSError."""
    if tty.window_size:
        size = struct.pack("HHHH", tty.window_size.rows, tty.window_size.columns, 0, 0)
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, size)


def in_session(executable: str, arguments: list[str]) -> tuple[str, list[str]]:
    """The command that runs another in a session of its own, with its standard input as controlling terminal."""
    return "setsid", ["setsid", "--ctty", executable, *arguments[1:]]


class Terminal:
    """Passes on what is written to it to the executor's own output, the sandbox's `stdout`. Nobody writes to it."""

    def __init__(self, tty: TTYInfo, user: str | None) -> None:
        """Raises OSError and LookupError."""
        self._ours, self.end = open_terminal(tty, user)
        """`end` is what the task gets; closed by `started`."""
        os.set_blocking(self._ours, False)

    def started(self) -> None:
        os.close(self.end)
        asyncio.get_running_loop().add_reader(self._ours, self._pass_on)

    def close(self) -> None:
        """Nothing that could write to it runs any more: pass on the rest."""
        while self._pass_on():
            pass
        asyncio.get_running_loop().remove_reader(self._ours)
        os.close(self._ours)

    def _pass_on(self) -> bool:
        """Whether there was something."""
        try:
            data = os.read(self._ours, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:  # nobody has its other end any more
            asyncio.get_running_loop().remove_reader(self._ours)
            return False
        with suppress(OSError):  # a full disk must not stop the task
            while data:
                data = data[os.write(_OUTPUT, data) :]
        return True
