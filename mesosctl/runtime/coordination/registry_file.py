"""The registry of a master alone: a file of changes, in the order they were made, synced to disk before they count.

Each line is a checksum and a JSON object of base64 values by key, null for a removal. What a crash left of an
unfinished line at the end is cut off: nobody was told of it. A file that holds much more than what is left of it is
written anew beside itself and renamed.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import zlib
from pathlib import Path
from typing import BinaryIO

import msgspec

from mesosctl.runtime.coordination.registry import Changes, update
from mesosctl.runtime.files import sync_folder

log = logging.getLogger(__name__)

NAME = "registry"
COMPACT_ABOVE_BYTES = 1 << 20

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, bytes | None]).decode


class FileStorage:
    def __init__(self, work_dir: str) -> None:
        self._path = Path(work_dir, NAME)
        self._file: BinaryIO | None = None
        self._lock: BinaryIO | None = None
        self._values: dict[str, bytes] = {}
        self._compact_above = COMPACT_ABOVE_BYTES

    async def take_over(self) -> dict[str, bytes]:
        """Raises OSError: the file cannot be read, is damaged, or another master uses it."""
        return await asyncio.to_thread(self._open)

    async def apply(self, changes: Changes) -> None:
        await asyncio.to_thread(self._append, changes)

    async def close(self) -> None:
        for file in (self._file, self._lock):
            if file:
                file.close()

    def _open(self) -> dict[str, bytes]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self._path.with_suffix(".lock").open("wb")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"Another program keeps its registry in {self._path}") from None
        whole = self._read()
        self._file = self._path.open("ab")
        if self._file.tell() > whole:
            log.warning("Cutting off %d bytes of an unfinished change in %s", self._file.tell() - whole, self._path)
            self._file.truncate(whole)
        self._sync(self._file)
        sync_folder(self._path.parent)
        return dict(self._values)

    def _read(self) -> int:
        """Take all whole lines in; gives the length of the file up to their end."""
        content = self._path.read_bytes() if self._path.exists() else b""
        length = 0
        while (end := content.find(b"\n", length)) >= 0:
            changes = _parse(content[length:end])
            if changes is None:
                if content.find(b"\n", end + 1) >= 0:
                    raise OSError(f"The registry {self._path} is damaged at byte {length}")
                break
            update(self._values, changes)
            length = end + 1
        return length

    def _append(self, changes: Changes) -> None:
        assert self._file is not None  # taken over
        update(self._values, changes)
        self._file.write(_line(changes))
        self._sync(self._file)
        if self._file.tell() > self._compact_above:
            self._compact()
            self._compact_above = COMPACT_ABOVE_BYTES + 2 * self._file.tell()

    def _compact(self) -> None:
        assert self._file is not None
        beside = self._path.with_suffix(".new")
        new = beside.open("wb")
        for key, value in self._values.items():
            new.write(_line({key: value}))
        self._sync(new)
        beside.rename(self._path)
        sync_folder(self._path.parent)
        self._file.close()
        self._file = new

    def _sync(self, file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())


def _line(changes: Changes) -> bytes:
    body = _encode(changes)
    return b"%08x %b\n" % (zlib.crc32(body), body)


def _parse(line: bytes) -> Changes | None:
    """None where the line is not whole."""
    checksum, _, body = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        return None
    return _decode(body)
