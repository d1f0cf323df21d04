"""What an identifier that a framework chooses may be: it becomes the name of a directory on agents."""

from __future__ import annotations

import re

_INVALID = re.compile(r"[/\\\x00-\x1f\x7f]")
_LONGEST = 255  # bytes, of a file's name


def problem_of_id(text: str) -> str | None:
    """What is wrong with an id of a task, executor or framework, or None."""
    if not text:
        return "ID must not be empty"
    if len(text.encode()) > _LONGEST:
        return f"ID must not be greater than {_LONGEST} characters"
    if text in (".", ".."):
        return f"'{text}' is disallowed"
    if _INVALID.search(text):
        return f"'{text}' contains invalid characters"
    return None
