"""The text of an inventory file: decoding, and the lines that problems point into, with secrets masked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mesosctl.inventory.nodes import Mark
from mesosctl.inventory.problem import Problem
from mesosctl.inventory.reader import Finding, Reader

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What ends a line in YAML 1.1."""
_ILLEGAL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML 1.1 does not allow in a file."""
_KEY = r"""(?:pas|pwd|secret|token)\w*["']?\s*:\s+(?!["']?(?:env|file):)"""
_IN_BLOCK = re.compile(_KEY + r"(?P<secret>[^\s#{\[&*].*)", re.I)
_IN_FLOW = re.compile(_KEY + r"""(?P<secret>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s,}][^,}]*)""", re.I)
_CREDENTIALS = re.compile(r"(?:[^\s@:/]|//):(?!//)(?P<secret>\S+)@")
"""What may be a secret, in a text that may be too broken to know."""
_MASK = "***"


class Source:
    """The decoded text (None where it is not text) and its lines."""

    def __init__(self, path: Path, data: bytes, reader: Reader) -> None:
        self.path = path
        self._hidden = reader.hidden
        self.text: str | None = None
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = data[: error.start].decode("utf-8-sig", errors="replace")
            self.lines = _BREAK.split(data.decode("utf-8-sig", errors="replace"))
            reader.error(_mark(before), "this is not text in UTF-8")
            return
        self.lines = _BREAK.split(text)
        illegal = [match.start() for match in _ILLEGAL.finditer(text)]
        for start in illegal[:10]:
            reader.error(_mark(text[:start]), f"the character U+{ord(text[start]):04X} is not allowed in YAML")
        if not illegal:
            self.text = text

    def problems(self, findings: Iterable[Finding]) -> tuple[Problem, ...]:
        """The findings with file, place and line, in the order of the file."""
        return tuple(sorted((self._problem(f) for f in findings), key=lambda p: (p.line, p.column, p.message)))

    def _problem(self, finding: Finding) -> Problem:
        line = min(max(finding.mark.line, 1), len(self.lines))
        text = self.lines[line - 1]
        column = min(max(finding.mark.column, 1), len(text) + 1)
        if finding.mark.line > len(self.lines):
            column = len(text) + 1
        shown = self._hidden.get(line, len(text) + 1) - 1
        source, caret = _masked(text[:shown] + (_MASK if shown < len(text) else ""), column - 1)
        return Problem(
            severity=finding.severity,
            file=self.path,
            line=line,
            column=column,
            message=finding.message,
            expected=finding.expected,
            suggestion=finding.suggestion,
            source=source,
            caret=caret,
        )


def _mark(before: str) -> Mark:
    """The place right after a text."""
    lines = _BREAK.split(before)
    return Mark(len(lines), len(lines[-1]) + 1)


def _masked(line: str, caret: int) -> tuple[str, int]:
    """A line without the secrets that stand in it, and where in it the caret is now."""
    for pattern in (_IN_FLOW if "{" in line else _IN_BLOCK, _CREDENTIALS):
        position = 0
        while match := pattern.search(line, position):
            start, end = match.span("secret")
            line = line[:start] + _MASK + line[end:]
            if caret >= end:
                caret += len(_MASK) - (end - start)
            elif caret > start:
                caret = start
            position = start + len(_MASK)
    return line, min(caret, len(line))
