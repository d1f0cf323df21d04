"""How testinfra reaches a host: by the connection that every other command of mesosctl uses."""

from __future__ import annotations

import secrets
from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from mesosctl.engine.remote import PATH
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
        """Raises TransportError where the host is lost."""
        text = self.quote(command, *args)
        nonce = secrets.token_hex(8)
        lines: list[str] = []
        # What a login shell prints before the first mark is not the command's; an added newline ends its last line.
        program = (
            f"export PATH={PATH} LC_ALL=C\necho {nonce}\n(\n{text}\n) </dev/null\n"
            f"status=$?\nprintf '\\n%s\\n' {nonce}\nexit $status\n"
        )
        completed = self._connection.run(program, lines.append, timeout=COMMAND_SECONDS)
        begin = lines.index(nonce) + 1 if nonce in lines else len(lines)
        end = lines.index(nonce, begin) if nonce in lines[begin:] else len(lines)
        return self.result(completed.exit_status, text.encode(), "\n".join(lines[begin:end]), completed.errors)
