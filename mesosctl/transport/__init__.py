"""SSH and nothing else: connections, host keys, jump hosts, sudo, one program in, one stream of lines out.

The engine sees only the two protocols below; `mesosctl.transport.ssh` implements them with Fabric on Paramiko. This
module imports neither, so that commands that need no connection start quickly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from mesosctl.inventory.model import Host


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended."""

    exit_status: int
    errors: str
    """The last 4 KiB of its standard error."""


class Connection(Protocol):
    """An open connection to one host; used by one thread at a time."""

    def run(self, program: str, on_line: Callable[[str], None], *, timeout: float) -> Completed:
        """Run a sh program as root (through sudo where the host asks for it).

        The program text goes to `sh -s` on standard input, whole; `on_line` gets each line of its standard output,
        without the newline, as it arrives. Raises TransportError (timeout after `timeout` seconds, connection-lost,
        sudo-password, sudo-refused, interrupted …).
        """

    def put(self, source: BinaryIO, path: str, *, timeout: float) -> None:
        """Write a stream to a file on the host as root, mode 0600, by way of a temporary name in the same folder."""

    def close(self) -> None: ...


class Transport(Protocol):
    """Opens connections; shared by all threads of a run."""

    def connect(self, host: Host) -> Connection:
        """Connect and authenticate, host key verified. Raises TransportError."""

    def interrupt(self) -> None:
        """Make every blocked `connect`, `run` and `put` raise TransportError with the cause `interrupted`."""

    def close(self) -> None:
        """Close what is still open."""
