"""Unpacks archives into a directory that nothing in them can leave.

What an archive is, its name says, as in Apache Mesos: tar (plain or packed with gzip, bzip2, xz), zip, gz.
"""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from mesosctl.runtime.fetcher.download import FetchError

_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


def is_archive(name: str) -> bool:
    return name.endswith((*_TAR, ".zip", ".gz"))


def extract(archive: str, name: str, directory: str) -> None:
    """Unpack a file; `name` is what it was called. Raises FetchError for a broken archive and one that would leave."""
    try:
        if name.endswith(_TAR):
            _extract_tar(archive, directory)
        elif name.endswith(".zip"):
            _extract_zip(archive, directory)
        else:
            with gzip.open(archive) as packed, open(os.path.join(directory, name.removesuffix(".gz")), "wb") as file:
                shutil.copyfileobj(packed, file)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise FetchError(f"Failed to extract '{name}': {error}") from None


def _extract_tar(archive: str, directory: str) -> None:
    with tarfile.open(archive) as tar:
        trusted = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
        for member in _safe_members(tar, directory):
            tar.extract(member, directory, **trusted)  # type: ignore[arg-type]


def _safe_members(tar: tarfile.TarFile, directory: str) -> Iterator[tarfile.TarInfo]:
    """One after the other: each is looked at when all before it are there, with the links among them."""
    for member in tar:
        _check(member.name, member.name, directory)
        if member.issym():
            _check(member.name, os.path.join(os.path.dirname(member.name), member.linkname), directory)
        elif member.islnk():
            _check(member.name, member.linkname, directory)
        elif not (member.isfile() or member.isdir()):
            raise FetchError(f"'{member.name}' in the archive is no file, directory or link")
        member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
        member.mode &= 0o777
        yield member


def _check(name: str, path: str, directory: str) -> None:
    """Raises FetchError where a path leads out of the directory, by itself or over links that are there."""
    root = os.path.realpath(directory)
    place = os.path.realpath(os.path.join(root, path))
    if os.path.isabs(path) or (place != root and not place.startswith(f"{root}{os.sep}")):
        raise FetchError(f"'{name}' in the archive leads out of the sandbox")


def _extract_zip(archive: str, directory: str) -> None:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            _check(member.filename, member.filename, directory)
            mode = member.external_attr >> 16
            if stat.S_ISLNK(mode):
                target = packed.read(member).decode()
                _check(member.filename, os.path.join(os.path.dirname(member.filename), target), directory)
                os.symlink(target, os.path.join(directory, member.filename))
                continue
            path = packed.extract(member, directory)
            if mode & 0o777:
                os.chmod(path, mode & 0o777)
