"""What is wrong with a request, in the words that Mesos answers with."""

from __future__ import annotations


class DecodeError(ValueError):
    """Bytes that are not the message they should be. The text is the body of Mesos' 400 answer."""


class RecordError(ValueError):
    """A stream that is not RecordIO. Nothing more can be read from it."""


class Refusal(Exception):
    """A request that the headers alone disqualify: the status and the text (plain) of the answer."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text
        super().__init__(f"{status}: {text}")
