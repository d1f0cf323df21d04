"""Files of a master or an agent as operators see them: virtual paths over attached ones, which they cannot leave.

A request's path is looked up by its longest attached beginning. What follows must, with all symbolic links resolved,
still be below the attached directory. Behaviour and texts are Apache Mesos' (src/files/files.cpp).
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import NamedTuple

from mesosctl.runtime.authorization import ANYTHING, Permit
from mesosctl.runtime.protocol.basics import FileInfo, TimeInfo
from mesosctl.runtime.protocol.errors import Refusal

MAX_READ_BYTES = 16 * os.sysconf("SC_PAGE_SIZE")
"""One answer holds no more of a file."""


Needed = tuple[str, str | None]


class Found(NamedTuple):
    path: str
    """As the host has it."""
    root: str
    """The attached path that it may not leave."""


class Files:
    def __init__(self, attached: Callable[[], Mapping[str, str]], needed: Callable[[str], Needed]) -> None:
        """`attached` gives the paths of the host by the paths that operators use for them; `needed` what it takes to
        see one of these: an action of access control lists, and what it is about.
        """
        self._attached = attached
        self._needed = needed

    def attached(self) -> dict[str, str]:
        return dict(sorted(self._attached().items()))

    def browse(self, path: str, permit: Permit = ANYTHING) -> list[FileInfo]:
        """What is in a directory, by name; nothing for a file. Raises Refusal (400, 403, 404)."""
        found = self._resolve(path, permit)
        if not os.path.isdir(found.path):
            return []
        infos = []
        for name in sorted(os.listdir(found.path)):
            with suppress(OSError):
                infos.append(_info(f"{path.rstrip('/')}/{name}", os.stat(os.path.join(found.path, name))))
        return infos

    def read(self, path: str, offset: int, length: int | None, permit: Permit = ANYTHING) -> tuple[int, bytes]:
        """The size of a file and its bytes from `offset`: all, or `length`, at most MAX_READ_BYTES.

        Raises Refusal (400, 403, 404).
        """
        with self.open(path, "read", permit) as file:
            size = os.fstat(file).st_size
            wanted = MAX_READ_BYTES if length is None else min(length, MAX_READ_BYTES)
            return size, os.pread(file, wanted, offset) if offset < size else b""

    @contextmanager
    def open(self, path: str, purpose: str, permit: Permit = ANYTHING) -> Iterator[int]:
        """The descriptor of a regular file, for the length of a block. Raises Refusal (400, 403, 404)."""
        found = self._resolve(path, permit)
        try:
            file = os.open(found.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise Refusal(400, f"Failed to open file at '{path}': {error.strerror}.\n") from None
        try:
            mode = os.fstat(file).st_mode
            if stat.S_ISDIR(mode):
                raise Refusal(400, f"Cannot {purpose} a directory.\n")
            # The path may have become a link meanwhile: what counts is what was opened.
            if not stat.S_ISREG(mode) or not _is_below(os.readlink(f"/proc/self/fd/{file}"), found.root):
                raise _inaccessible(path)
            yield file
        finally:
            os.close(file)

    def _resolve(self, path: str, permit: Permit) -> Found:
        attached = self._attached()
        wanted = PurePosixPath(path)
        for virtual in (wanted, *wanted.parents):
            root = attached.get(str(virtual))
            if root is None:
                continue
            action, value = self._needed(str(virtual))
            permit.require(action, [value])
            suffix = wanted.relative_to(virtual)
            if suffix.parts and not os.path.isdir(root):
                break
            root = os.path.realpath(root)
            real = os.path.realpath(os.path.join(root, suffix))
            if not _is_below(real, root):
                raise _inaccessible(path)
            if not os.path.lexists(real):
                break
            return Found(real, root)
        raise Refusal(404, "")


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root.rstrip('/')}/")


def _inaccessible(path: str) -> Refusal:
    return Refusal(400, f"'{path}' is inaccessible.\n")


def _info(path: str, status: os.stat_result) -> FileInfo:
    return FileInfo(
        path=path,
        nlink=status.st_nlink,
        size=status.st_size,
        mtime=TimeInfo(nanoseconds=int(status.st_mtime) * 10**9),
        mode=status.st_mode,
        uid=_name_of_user(status.st_uid),
        gid=_name_of_group(status.st_gid),
    )


def _name_of_user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _name_of_group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
