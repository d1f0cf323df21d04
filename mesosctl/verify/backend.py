"""How testinfra reaches a host: by the connection that every other command of mesosctl uses."""

from __future__ import annotations

from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from mesosctl.engine.command import run_command
from mesosctl.transport import Connection

COMMAND_SECONDS = 60.0
"""A promise is looked up, not waited for."""


class Server(Host):  # type: ignore[misc]
    """testinfra's host, with failures in the words of the command that failed."""

    def check_output(self, command: str, *args: str, **_: Any) -> str:
        """What a command printed, without the newline at its end. Raises AssertionError where it failed."""
        out = self.run(command, *args)
        if out.rc != 0:
            said = out.stderr.strip().splitlines()
            raise AssertionError(said[-1] if said else f"`{self.backend.quote(command, *args)}` ended with {out.rc}")
        return str(out.stdout.rstrip("\n"))


class Backend(BaseBackend):  # type: ignore[misc]
    """Runs testinfra's commands as root, with the host's usual PATH and nothing to read."""

    NAME = "mesosctl"

    def __init__(self, name: str, connection: Connection) -> None:
        super().__init__(name)
        self._connection = connection
        self._encoding = "utf-8"

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        """Raises TransportError where the host is lost, or its answer is cut off."""
        text = self.quote(command, *args)
        lines: list[str] = []
        ended = run_command(
            self._connection,
            self.hostname,
            f"export LC_ALL=C\n{text}",
            lines.append,
            joined=False,
            timeout=COMMAND_SECONDS,
        )
        output = "\n".join(lines) + ("\n" if lines and ended.newline else "")
        return self.result(ended.status, text.encode(), output, ended.errors)
