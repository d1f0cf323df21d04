"""Keeps stdout and stderr of containers from growing without bound, where `--container_logger` asks for it.

The logger is called as Apache Mesos' module is, `org_apache_mesos_LogrotateContainerLogger`, and reads its parameters
from `--modules`: `max_stdout_size`, `max_stderr_size` (10MB each) and `logrotate_stdout_options`,
`logrotate_stderr_options`, of which `rotate N` counts: how many older files `stdout.1` … `stdout.N` are kept. A file
that has reached its size is copied and cut to nothing: what is written between the two is lost.
"""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mesosctl.runtime.flags.kinds import parse_size

log = logging.getLogger(__name__)

LOGGER = "org_apache_mesos_LogrotateContainerLogger"
_DEFAULT_SIZE = "10MB"
_INTERVAL_SECONDS = 1.0
_ROTATE = re.compile(r"^\s*rotate\s+(\d+)\s*$", re.MULTILINE)


class _Parameter(msgspec.Struct):
    key: str
    value: str


class _Module(msgspec.Struct):
    name: str
    parameters: list[_Parameter] = []


class _Library(msgspec.Struct):
    modules: list[_Module] = []


class _Modules(msgspec.Struct):
    libraries: list[_Library] = []


@dataclass(frozen=True)
class Limit:
    """The size in bytes from which a file is rotated, and how many older ones are kept."""

    size: int
    kept: int


def limits(container_logger: str | None, modules: str | None) -> dict[str, Limit]:
    """The limit of each file, by its name, as the two flags say; nothing where there is none. Raises ValueError."""
    if container_logger is None:
        return {}
    if container_logger != LOGGER:
        raise ValueError(f"Unknown container logger '{container_logger}': there is '{LOGGER}'")
    try:
        found = msgspec.json.decode(modules or "{}", type=_Modules)
    except msgspec.MsgspecError as error:
        raise ValueError(f"Flag 'modules' cannot be read: {error}") from None
    parameters = {
        parameter.key: parameter.value
        for library in found.libraries
        for module in library.modules
        if module.name == LOGGER
        for parameter in module.parameters
    }
    return {name: _limit(name, parameters) for name in ("stdout", "stderr")}


def _limit(name: str, parameters: dict[str, str]) -> Limit:
    rotate = _ROTATE.search(parameters.get(f"logrotate_{name}_options", ""))
    return Limit(parse_size(parameters.get(f"max_{name}_size", _DEFAULT_SIZE)), int(rotate[1]) if rotate else 0)


async def keep_bounded(limits: dict[str, Limit], directories: Callable[[], Iterable[str]]) -> None:
    """Look at the files in the directories every second, for ever."""
    while limits:
        await asyncio.sleep(_INTERVAL_SECONDS)
        await asyncio.to_thread(_rotate_all, limits, list(directories()))


def _rotate_all(limits: dict[str, Limit], directories: list[str]) -> None:
    for directory in directories:
        for name, limit in limits.items():
            try:
                rotate(Path(directory, name), limit)
            except FileNotFoundError:
                continue
            except OSError as error:
                log.warning("Cannot rotate %s in %s: %s", name, directory, error)


def rotate(path: Path, limit: Limit) -> None:
    """Rotate a file if it has reached its size. Raises OSError."""
    if path.is_symlink() or path.stat().st_size < limit.size:
        return
    for number in range(limit.kept, 1, -1):
        with suppress(FileNotFoundError):
            path.with_name(f"{path.name}.{number - 1}").rename(path.with_name(f"{path.name}.{number}"))
    if limit.kept:
        older = path.with_name(f"{path.name}.1")
        older.unlink(missing_ok=True)
        shutil.copy2(path, older)
        with suppress(PermissionError):
            shutil.chown(older, path.stat().st_uid, path.stat().st_gid)
    with path.open("r+b") as file:
        file.truncate(0)
