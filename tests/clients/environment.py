"""Virtual environments with pymesos, and with the client marathon, as PyPI has them, kept in the user's cache.

The C parser of HTTP that pymesos needs (http-parser 0.9.0) was translated by a Cython that knew no Python 3.11: it is
translated again. To make an environment takes about 15 s and the network; a compiler and Python's headers come with the
system packages.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

TOOLS = ("cython==0.29.37", "setuptools==75.8.0", "wheel==0.45.1")
PARSER = "http-parser==0.9.0"
PACKAGES = ("pymesos==0.3.15", "six==1.17.0", "addict==2.4.0", "kazoo==2.11.0")
MARATHON_PACKAGES = ("marathon==0.13.0", "requests==2.34.2", "requests-toolbelt==1.0.0")


class NoClientError(Exception):
    """The environment cannot be made; the text says what failed."""


@cache
def interpreter() -> Path:
    """The Python that has pymesos. Raises NoClientError."""
    return _environment("pymesos", (*TOOLS, PARSER, *PACKAGES), _make)


@cache
def marathon_interpreter() -> Path:
    """The Python that has the client marathon. Raises NoClientError."""
    return _environment("marathon", MARATHON_PACKAGES, _make_marathon)


def _environment(name: str, packages: tuple[str, ...], make: Callable[[Path], None]) -> Path:
    pins = "\n".join((sys.version, *packages))
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache_home / "mesosctl-tests" / f"{name}-{hashlib.sha256(pins.encode()).hexdigest()[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second test run waits here
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            (folder / "ready").touch()
    return folder / "bin" / "python"


def _make(folder: Path) -> None:
    _run([sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    _run([*pip, "install", *TOOLS])
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        _run([*pip, "download", "--no-deps", "--no-build-isolation", "--no-binary=:all:", f"--dest={scratch}", PARSER])
        (archive,) = scratch.glob("http*.tar.gz")
        shutil.unpack_archive(archive, scratch)
        (source,) = scratch.glob("http*/")
        parser = source / "http_parser" / "parser.pyx"
        _run([str(folder / "bin" / "cython"), "-3", str(parser), "-o", str(parser.with_suffix(".c"))])
        _run([*pip, "install", "--no-deps", "--no-build-isolation", str(source)])
    _run([*pip, "install", "--no-deps", "--no-build-isolation", *PACKAGES])
    _run([str(folder / "bin" / "python"), "-c", "import pymesos, http_parser.parser"])


def _make_marathon(folder: Path) -> None:
    _run([sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    _run([*pip, "install", *MARATHON_PACKAGES])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-15:]
        raise NoClientError(
            f"A client cannot be installed: `{' '.join(command)}` failed. Is PyPI reachable (or a mirror, in pip.conf),"
            " are gcc and Python's headers installed?\n" + "\n".join(said)
        )
