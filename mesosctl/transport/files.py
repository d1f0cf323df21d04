"""The controller's files that nobody else may read: written whole or not at all, by one process at a time."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mesosctl.errors import MesosctlError
from mesosctl.inventory.state import ClusterState


@contextmanager
def state_folder(state: ClusterState) -> Iterator[None]:
    """The cluster's state folder, made if there is none, and held against other writers.

    MesosctlError for what cannot be read or written there.
    """
    try:
        state.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(state.folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
    except OSError as error:
        raise MesosctlError(
            f"cannot be used: {error.strerror}",
            where=error.filename or str(state.folder),
            fix="mesosctl keeps keys and known hosts of the cluster there; make it writable for you",
        ) from None


def write_private(path: Path, text: str) -> None:
    """Put `text` in a file (0600), replacing what it held, by rename. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
