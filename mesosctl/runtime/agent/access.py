"""Lets several users work in one directory, by POSIX access control lists (acl(5)).

Linux keeps them as extended attributes: a version, then entries of a tag, permissions and an id, sorted
(linux/posix_acl_xattr.h).
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path

_ACCESS, _DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
_VERSION = struct.pack("<I", 2)
_ENTRY = struct.Struct("<HHI")
_OWNER, _USER, _GROUP, _MASK, _OTHERS = 0x01, 0x02, 0x04, 0x10, 0x20
_NOBODY = 2**32 - 1
_ALL = 7

Entries = dict[tuple[int, int], int]
"""Permissions by tag and id."""


def admit(directory: Path, uid: int) -> None:
    """Let a user read and change a directory and all that is made in it from now on, and its owner too.

    Raises OSError, where the file system has no such lists for one.
    """
    found = directory.stat()
    mode = found.st_mode
    plain = {
        (_OWNER, _NOBODY): mode >> 6 & _ALL,
        (_GROUP, _NOBODY): mode >> 3 & _ALL,
        (_OTHERS, _NOBODY): mode & _ALL,
    }
    for name in (_ACCESS, _DEFAULT):
        entries = _read(directory, name) or dict(plain)
        entries |= {(_USER, found.st_uid): _ALL, (_USER, uid): _ALL, (_MASK, _NOBODY): _ALL}
        content = b"".join(_ENTRY.pack(tag, entries[tag, who], who) for tag, who in sorted(entries))
        os.setxattr(directory, name, _VERSION + content)


def _read(directory: Path, name: str) -> Entries:
    with suppress(OSError):  # there is none
        content = os.getxattr(directory, name)[len(_VERSION) :]
        return {(tag, who): permissions for tag, permissions, who in _ENTRY.iter_unpack(content)}
    return {}
