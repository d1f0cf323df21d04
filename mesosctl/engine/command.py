"""One command on one host, and what is its own of all that the host prints.

The command runs as root in a sh that reads it from standard input, so that no process list shows it. Its own input is
empty. What it prints lies between two lines with a nonce; what a login shell prints before counts for nothing, and
without the second line the answer was cut off.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from mesosctl.engine.causes import lost
from mesosctl.transport import Connection

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int
    """Its exit status."""
    newline: bool
    """Its output ended with one, or was empty."""
    errors: str
    """The last 4 KiB of standard error, where that was kept apart."""


def run_command(
    connection: Connection, host: str, command: str, on_line: Callable[[str], None], *, joined: bool, timeout: float
) -> Ended:
    """Run a command, a text for sh; `on_line` gets each line of its output as it arrives.

    `joined`: both outputs are one, so that their order is kept. Raises TransportError, also for an answer that was
    cut off, and after `timeout` seconds.
    """
    nonce = secrets.token_hex(8)
    output = _Output(nonce, on_line)
    completed = connection.run(_program(command, nonce, joined=joined), output.line, timeout=timeout)
    if output.status is None:
        raise lost(host)
    return Ended(output.status, output.empty, completed.errors)


def _program(command: str, nonce: str, *, joined: bool) -> str:
    return (
        f"PATH={PATH}\nexport PATH\ncd\nmain() {{\nprintf '%s\\n' '{nonce} begin'\n"
        f"(eval {shlex.quote(command)}){' 2>&1' if joined else ''}\n"
        f"printf '\\n%s %s\\n' '{nonce} end' $?\n}}\nmain </dev/null\n"
    )


class _Output:
    """Cuts the output of a command out of what the host prints."""

    def __init__(self, nonce: str, on_line: Callable[[str], None]) -> None:
        self._begin, self._end = f"{nonce} begin", f"{nonce} end "
        self._on_line = on_line
        self._begun = False
        self.empty = False
        """The last line was empty. One that is still kept at the end is of the program's own making: it ends the
        command's last line."""
        self.status: int | None = None

    def line(self, line: str) -> None:
        """Takes one line that the host printed."""
        if not self._begun or self.status is not None:
            self._begun = self._begun or line == self._begin
        elif line.startswith(self._end):
            self.status = int(line.removeprefix(self._end))
        else:
            if self.empty:
                self._on_line("")
            self.empty = not line
            if line:
                self._on_line(line)
