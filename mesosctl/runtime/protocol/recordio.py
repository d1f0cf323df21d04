"""RecordIO, the framing of Mesos' streams: the length of a record in decimal, a newline, the record.

Incremental and without I/O: bytes go in as they come, whole records come out.
"""

from __future__ import annotations

from mesosctl.runtime.protocol.errors import RecordError

_LENGTH_DIGITS = 20  # those of 2^64 - 1


def frame(record: bytes) -> bytes:
    """One record, framed."""
    return b"%d\n%b" % (len(record), record)


class RecordDecoder:
    """Takes chunks of a stream and gives its records. `max_record_bytes` bounds what one record may hold."""

    def __init__(self, max_record_bytes: int = 2**31) -> None:
        self._max_record_bytes = max_record_bytes
        self._buffer = bytearray()
        self._length: int | None = None
        self._failed: RecordError | None = None

    def feed(self, chunk: bytes) -> list[bytes]:
        """The records that `chunk` completes. Raises RecordError, then and on every later call."""
        if self._failed:
            raise self._failed
        self._buffer += chunk
        records = []
        start = 0
        try:
            while True:
                if self._length is None:
                    start, self._length = self._read_length(start)
                if self._length is None or len(self._buffer) - start < self._length:
                    break
                end = start + self._length
                records.append(bytes(self._buffer[start:end]))
                start, self._length = end, None
        except RecordError as error:
            self._failed = error
            raise
        del self._buffer[:start]
        return records

    def close(self) -> None:
        """Say that the stream has ended. Raises RecordError if it did so within a record."""
        if self._failed:
            raise self._failed
        if self._buffer or self._length is not None:
            raise RecordError("The stream ended within a record")

    def _read_length(self, start: int) -> tuple[int, int | None]:
        """Where the record after `start` begins and its length; None where the length is not there yet."""
        newline = self._buffer.find(b"\n", start, start + _LENGTH_DIGITS + 1)
        digits = bytes(self._buffer[start : newline if newline >= 0 else start + _LENGTH_DIGITS + 1])
        if (digits and not digits.isdigit()) or (newline == start) or len(digits) > _LENGTH_DIGITS:
            raise RecordError(f"Failed to decode length '{digits.decode('ascii', 'replace')}'")
        if newline < 0:
            return start, None
        length = int(digits)
        if length > self._max_record_bytes:
            raise RecordError(f"A record of {length} bytes is more than the {self._max_record_bytes} allowed")
        return newline + 1, length
