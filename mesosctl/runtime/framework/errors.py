"""What ends a client of the scheduler API."""

from __future__ import annotations


class FrameworkError(Exception):
    """Trying again is of no use."""


class AbortedError(FrameworkError):
    """The master sent an ERROR event: the framework was removed, another scheduler took over, its info is invalid."""


class RefusedError(FrameworkError):
    """The master refuses a call: it is malformed, or not allowed. `status` is that of HTTP, `text` the body."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text
        super().__init__(f"{status}: {text}")
