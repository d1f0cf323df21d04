"""Backups of the store: a tar file with a member for each value, named by its key."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote


def write_backup(path: str, values: Mapping[str, bytes]) -> None:
    """The file is there as a whole or not at all; only its owner may read it. Raises OSError."""
    unfinished = Path(f"{path}.{os.getpid()}")
    try:
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                for key, value in sorted(values.items()):
                    member = tarfile.TarInfo(quote(key, safe=""))
                    member.size = len(value)
                    tar.addfile(member, io.BytesIO(value))
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_backup(path: str) -> dict[str, bytes]:
    """Raises OSError, and tarfile.TarError where it is none."""
    values = {}
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is not None:
                values[unquote(member.name)] = file.read()
    return values
