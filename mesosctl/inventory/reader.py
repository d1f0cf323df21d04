"""What reading an inventory collects: problems, and the place of every key that was read.

Checks look at the finished `Cluster` and name what they complain of by its path, e.g. `("zookeeper",
"client_port")`; the reader knows where that is written. A complaint that involves a value which was wrong in itself
is dropped: one mistake gives one problem.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mesosctl.inventory.nodes import Mark, Scalar
from mesosctl.inventory.problem import Severity

KeyPath = tuple[str, ...]
ANY = "*"
"""In the place of a name: some name of a free mapping."""


class Invalid:
    """The type of `INVALID`, which stands for a value that was wrong and has been complained of."""


INVALID: Final = Invalid()


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem before it is given the text of its line."""

    severity: Severity
    mark: Mark
    message: str
    expected: str = ""
    suggestion: str = ""


class Reader:
    """Collects the findings of one inventory. `folder` is where relative paths of the inventory start."""

    def __init__(
        self, folder: Path, *, require_secrets: bool = True, elsewhere: Callable[[str], str] = lambda _: ""
    ) -> None:
        self.folder = folder
        self.elsewhere = elsewhere
        """Where in an inventory a key of that name belongs, e.g. `mesos.quorum`, or ""."""
        self.require_secrets = require_secrets
        self.findings: dict[Finding, None] = {}
        self.hidden: dict[int, int] = {}
        """Lines of the text with the column from which on they are not to be shown."""
        self._places: dict[KeyPath, Mark] = {(): Mark(1, 1)}
        self._broken: set[KeyPath] = set()
        self._malformed: set[Mark] = set()

    def place(self, path: KeyPath, mark: Mark) -> None:
        """Remember where the value of a key is written."""
        self._places[path] = mark

    def given(self, path: KeyPath) -> bool:
        """Whether the inventory says something at this path, rightly or wrongly."""
        return path in self._places

    def broken(self, path: KeyPath) -> bool:
        return path in self._broken

    def error(self, at: Mark | Scalar, message: str, *, expected: str = "", suggestion: str = "") -> Invalid:
        """Complain of a place in the text."""
        mark = at.mark if isinstance(at, Scalar) else at
        if mark not in self._malformed:
            self.findings[Finding(Severity.ERROR, mark, message, expected, suggestion)] = None
        return INVALID

    def malformed(self, mark: Mark, message: str) -> None:
        """Complain of the YAML at a place; nothing else is complained of there."""
        self.error(mark, message)
        self._malformed.add(mark)

    def warning(self, at: Mark | Scalar, message: str, *, expected: str = "", suggestion: str = "") -> None:
        mark = at.mark if isinstance(at, Scalar) else at
        self.findings[Finding(Severity.WARNING, mark, message, expected, suggestion)] = None

    def hide(self, mark: Mark) -> None:
        """Never show the line of the text from this place on: a secret stands there."""
        self.hidden[mark.line] = min(mark.column, self.hidden.get(mark.line, mark.column))

    def invalidate(self, path: KeyPath) -> None:
        """Remember that the value at a path is unusable."""
        self._broken.add(path)

    def where(self, path: KeyPath) -> Mark:
        """Where a path is written, or the nearest section around it."""
        while path not in self._places:
            path = path[:-1]
        return self._places[path]

    def complain(
        self,
        path: KeyPath,
        message: str,
        *,
        involved: tuple[KeyPath, ...] = (),
        severity: Severity = Severity.ERROR,
        expected: str = "",
        suggestion: str = "",
    ) -> None:
        """Complain of the value at a path, unless it, or another that is involved, was wrong in itself."""
        if any(other[:length] in self._broken for other in (path, *involved) for length in range(len(other) + 1)):
            return
        self.findings[Finding(severity, self.where(path), message, expected, suggestion)] = None
