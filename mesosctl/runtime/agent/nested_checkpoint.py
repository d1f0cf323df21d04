"""What an agent writes down of nested containers, so that its successor finds their processes again.

One file for each in `work_dir/meta/nested`, which only root can read: a sandbox belongs to its task. It need not
survive a crash of the host, as the processes do not either.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from mesosctl.runtime.protocol.basics import ContainerID


class Kept(msgspec.Struct, frozen=True):
    id: ContainerID
    directory: str
    user: str | None
    environment: dict[str, str]
    pid: int
    started: int | None
    """See `start_time`."""
    is_attachable: bool
    """Its input and output are in the hands of the agent that started it."""
    is_forking: bool


class NestedCheckpoint:
    def __init__(self, work_dir: str) -> None:
        self._folder = Path(work_dir, "meta", "nested")

    def keep(self, name: str, kept: Kept) -> None:
        """Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(name)
        new = path.with_suffix(".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(kept))
        os.replace(new, path)

    def forget(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def all(self) -> Iterator[Kept]:
        """What was kept and can be read."""
        for path in self._folder.glob("*.json"):
            with suppress(OSError, msgspec.MsgspecError):
                yield msgspec.json.decode(path.read_bytes(), type=Kept)

    def _path(self, name: str) -> Path:
        # Names grow with the depth, beyond what a file may be called.
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()}.json"
