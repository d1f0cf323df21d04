"""Reads the lines that a program of `mesosctl.resources.program` prints, and makes results of them."""

from __future__ import annotations

import base64
import difflib
from collections.abc import Callable, Sequence

from mesosctl.engine.report import Result, Status
from mesosctl.resources.program import block_text
from mesosctl.resources.types import Block, File, Resource

Started = Callable[[int], None]
Finished = Callable[[int, Result], None]


def unheard(*_: object) -> None:
    """For those who only want what there is at the end."""


class Reader:
    """Takes what a program prints, line by line, and keeps the results.

    `diff`: the program sends old content (`Mode.diff`), so that diffs can be made. `started` is called with the index
    of a step that begins and may take long, `finished` with index and result. `mask` hides secrets in whatever text
    comes from the host.
    """

    def __init__(
        self,
        resources: Sequence[Resource],
        nonce: str,
        *,
        mask: Callable[[str], str],
        unset: bool = False,
        diff: bool = True,
        started: Started = unheard,
        finished: Finished = unheard,
    ) -> None:
        self.resources = resources
        self._prefix = f"{nonce} "
        self._unset = unset
        self._diffs = diff
        self._mask = mask
        self._started = started
        self._finished = finished
        self._old: dict[int, str] = {}
        self._out: dict[str, list[str]] = {}
        self.results: dict[int, Result] = {}
        """By index."""
        self.complete = False
        """The program ran to its end."""
        self.locked = ""
        """Why the host's lock could not be had, "" when it could."""
        self.failed: Result | None = None
        self.notes: list[str] = []
        self.members: dict[int, str] = {}
        """What the services that vote said of themselves, by index."""

    def line(self, line: str) -> None:
        """Takes one line of the program's output; lines without the nonce are noise of the login."""
        if not line.startswith(self._prefix):
            return
        index, _, rest = line[len(self._prefix) :].partition(" ")
        kind, _, text = rest.partition(" ")
        if index == "end":
            self.complete = True
        elif kind == "out":
            self._out.setdefault(index, []).append(text)
        elif index == "lock":
            self.locked = self._mask(text)
        elif kind == "begin":
            self._started(int(index))
        elif kind == "old":
            self._old[int(index)] = base64.b64decode(text).decode(errors="replace")
        elif kind == "note":
            self.notes.append(self._mask(text))
        elif kind == "member":
            self.members[int(index)] = text.strip()
        else:
            self._result(int(index), Status(kind), text.strip())

    def skipped(self) -> list[Result]:
        """Results for what was not tried."""
        return [
            Result(resource=resource.id, status=Status.SKIPPED)
            for index, resource in enumerate(self.resources)
            if index not in self.results
        ]

    def _result(self, index: int, status: Status, message: str) -> None:
        output = "\n".join(self._out.pop(str(index), []))
        if output:
            message = f"{message}: {output}" if "\n" not in output else f"{message}:\n{output}"
        resource = self.resources[index]
        changing = status in (Status.PENDING, Status.CHANGED)
        diff = self._mask(self._diff(index, resource, message)) if changing and self._diffs else ""
        result = Result(resource=resource.id, status=status, message=self._mask(message), diff=diff)
        self.results[index] = result
        if status is Status.FAILED:
            self.failed = result
        self._finished(index, result)

    def _diff(self, index: int, resource: Resource, message: str) -> str:
        if isinstance(resource, File):
            path, new = resource.path, resource.content
        elif isinstance(resource, Block):
            path, new = resource.path, block_text(resource)
        else:
            return ""
        if self._unset and (index not in self._old or message != "remove"):
            return ""  # the original that comes back is known to the host only
        before = self._old.get(index, "")
        if isinstance(resource, Block):
            before = before.strip("\n")
        after = "" if self._unset else new
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm="")
        return "\n".join(lines)
