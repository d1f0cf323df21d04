"""Resources carried out on one host: the program made, run there, and read to its end.

How a program gets to the host is the caller's: by a connection of a run, or by Ansible's.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from mesosctl.engine.causes import lost, why_failed, why_not_locked
from mesosctl.resources.program import Lock, Mode, compile_program
from mesosctl.resources.reader import Finished, Reader, Started, unheard
from mesosctl.resources.types import Resource

Execute = Callable[[str, Callable[[str], None]], None]
"""Runs a sh program on the host as root, and passes on each line that it prints. Raises MesosctlError."""


class HostProgram:
    """What takes a host through resources. For the options see `compile_program` and `Reader`."""

    def __init__(
        self,
        host: str,
        resources: Sequence[Resource],
        mode: Mode,
        *,
        mask: Callable[[str], str],
        step_timeout: int,
        lock: Lock | None = None,
        unlock: bool = False,
        dirty: frozenset[str] = frozenset(),
        started: Started = unheard,
        finished: Finished = unheard,
    ) -> None:
        nonce = secrets.token_hex(8)
        self._host = host
        self._program = compile_program(
            resources, mode, nonce=nonce, step_timeout=step_timeout, lock=lock, unlock=unlock, dirty=dirty
        )
        self.reader = Reader(
            resources, nonce, unset=mode.unset, diff=mode.diff, mask=mask, started=started, finished=finished
        )

    def run(self, execute: Execute) -> Reader:
        """What the host said. Raises TransportError where it is locked, a resource failed, or the end is missing."""
        reader = self.reader
        execute(self._program, reader.line)
        if reader.locked:
            raise why_not_locked(self._host, reader.locked)
        if reader.failed:
            raise why_failed(self._host, reader.failed)
        if not reader.complete:
            raise lost(self._host)
        return reader
