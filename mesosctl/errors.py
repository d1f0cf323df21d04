"""The family of errors that mesosctl raises and the exit codes that its commands end with.

Every error says what happened, where, and what to do about it. Only `mesosctl.cli` prints them.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended. The README lists these; a test holds the two together."""

    OK = 0
    FAILED = 1
    """At least one host failed, or a check found a problem."""
    CHANGES_PENDING = 2
    """`plan` (or another dry run) found changes that are not applied yet."""
    INVALID_INVENTORY = 3
    REFUSED = 4
    """Refused before a host was touched: data would be lost, the cluster is locked, or the answer was no."""
    USAGE = 64
    """The command line is wrong (EX_USAGE of sysexits.h)."""
    INTERNAL = 70
    """A defect of mesosctl (EX_SOFTWARE of sysexits.h)."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C (128 + SIGINT)."""


class MesosctlError(Exception):
    """Something that a user can understand and act on.

    `what` happened in one sentence, `where` (a host, a file with line and column, a command), and `fix`:
    what to do about it.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  {self.fix}" if self.fix else text


class InventoryError(MesosctlError):
    """The inventory cannot become a cluster. Carries every problem that was found, not the first."""

    exit_code = ExitCode.INVALID_INVENTORY


class RefusedError(MesosctlError):
    """An action that would lose data or trample on another run; no host was touched."""

    exit_code = ExitCode.REFUSED


class UsageError(MesosctlError):
    """Arguments that make no sense together."""

    exit_code = ExitCode.USAGE
