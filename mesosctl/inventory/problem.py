"""What is wrong with an inventory: problems with their place, and the error that carries all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mesosctl.errors import InventoryError

WIDTH = 160
"""Characters of a source line that are shown; longer lines are cut around the caret."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, or that deserves a second look, at one place of a file."""

    severity: Severity
    file: Path
    line: int
    """1-based; 0 where the file as a whole is meant (it cannot be read)."""
    column: int
    """1-based, in characters; 0 where the file as a whole is meant."""
    message: str
    expected: str = ""
    suggestion: str = ""
    """The nearest valid name or value."""
    source: str = ""
    """The line of the file, with what looks like a secret masked."""
    caret: int = 0
    """Index into `source` of the character that the column means."""

    def __str__(self) -> str:
        """Several lines: place and message, the source line, a caret below it, what was expected, a suggestion."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else str(self.file)
        lines = [f"{place}: {self.severity}: {printable(self.message)}"]
        if self.source.strip():
            lines += ["  " + line for line in _pointed(self.source, self.caret)]
        if self.expected:
            lines.append(f"  expected: {printable(self.expected)}")
        if self.suggestion:
            lines.append(f"  did you mean {printable(self.suggestion)}?")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, object]:
        """The fields for machine-readable output."""
        return {
            "severity": str(self.severity),
            "file": str(self.file),
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "expected": self.expected,
            "suggestion": self.suggestion,
            "source": self.source,
        }


class InvalidInventory(InventoryError):
    """An inventory with at least one error. `problems` holds all errors and warnings in the file's order."""

    def __init__(self, file: Path, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = sum(problem.severity is Severity.ERROR for problem in self.problems)
        details = "\n".join(str(p) for p in self.problems if p.severity is Severity.ERROR)
        super().__init__(f"{count} error{'s' if count != 1 else ''}\n{details}", where=str(file))


def printable(text: str) -> str:
    """A text that cannot play tricks on a terminal: one line, without control characters other than tabs."""
    return "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def nearest(word: str, choices: Iterable[str]) -> str:
    """The choice that was most likely meant, or ""."""
    import difflib

    def plain(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.lower())

    by_plain = {plain(choice): choice for choice in choices}
    found = difflib.get_close_matches(plain(word), by_plain, n=1, cutoff=0.7)
    return by_plain[found[0]] if found else ""


def _pointed(source: str, caret: int) -> tuple[str, str]:
    """The source line fit for a terminal, and the line with the caret below its character."""
    if len(source) > WIDTH:
        start = max(0, min(caret - WIDTH // 2, len(source) - WIDTH))
        source, caret = source[start : start + WIDTH], caret - start
    shown = printable(source)
    return shown, "".join(_blank(c) for c in shown[:caret]) + "^"


def _blank(character: str) -> str:
    """White space as wide as a character on a terminal."""
    if character == "\t" or character.isascii():
        return "\t" if character == "\t" else " "
    import unicodedata

    if unicodedata.combining(character):
        return ""
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "
