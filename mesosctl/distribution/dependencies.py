"""The packages that the runtime needs from PyPI, as files for the Python of a host.

Where this controller's own Python is like the host's, the files are those installed here. Otherwise pip fetches the
same versions for the host's Python, with the proxy of the controller's environment; hosts fetch nothing. Metadata:
"Recording installed projects" and "Platform compatibility tags" of packaging.python.org.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath

from mesosctl.errors import MesosctlError
from mesosctl.inventory.distribution import Platform

DIRECT = ("aiohttp", "cryptography", "kazoo", "msgspec", "protobuf")
"""What the runtime imports."""

_NOT_NEEDED = {".c", ".cpp", ".h", ".pxd", ".pxi", ".pyc", ".pyi", ".pyx"}
_OF_THE_INSTALLATION = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"}
"""Files of `.dist-info` that tell of this machine; its licences and metadata are kept."""
_OLDER_NAMES = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_TIMEOUT = 600
"""Seconds for pip."""


def installed_fits(wanted: Platform) -> bool:
    """Whether what is installed on this controller runs on such a host."""
    if sys.version_info[:2] != wanted.python or platform.machine() != wanted.architecture:
        return False
    return all(_fits(distribution, wanted) for distribution in needed().values())


def needed() -> dict[str, metadata.Distribution]:
    """What the runtime needs of what is installed here, direct and indirect, by name. Raises MesosctlError."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [(name, True) for name in DIRECT]
    while waiting:
        name, certain = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if certain:
                raise MesosctlError(
                    f"the Python package {name} is not installed here", fix="install mesosctl again, with pip"
                ) from None
            continue
        waiting += _requirements(found[name])
    return dict(sorted(found.items()))


def _requirements(distribution: metadata.Distribution) -> Iterator[tuple[str, bool]]:
    """Names of what a distribution requires, and whether it does so whatever the environment."""
    for requirement in distribution.requires or ():
        text, _, marker = requirement.partition(";")
        match = re.match(r"[A-Za-z0-9._-]+", text)
        if match and "extra" not in marker:
            yield match[0].lower().replace("_", "-"), not marker


def _fits(distribution: metadata.Distribution, wanted: Platform) -> bool:
    """Whether the files of a distribution run with the C library of the host. They are of the right Python already."""
    if distribution.files is None:
        return False
    tags = re.findall(r"^Tag: \S+?-\S+?-(\S+)$", distribution.read_text("WHEEL") or "", re.MULTILINE)
    names = [name for tag in tags for name in tag.split(".")]
    return "any" in names or any(_runs(name, wanted) for name in names)


def _runs(name: str, wanted: Platform) -> bool:
    """Whether a platform tag, e.g. manylinux_2_17_x86_64, is one of the host."""
    kind = name.removesuffix(f"_{wanted.architecture}")
    if kind == name or not wanted.libc.startswith("glibc "):
        return kind != name and wanted.libc == "musl" and kind.startswith("musllinux_1_")
    version = _version(wanted.libc)
    if kind == "linux":  # built on this machine
        return _version(" ".join(platform.libc_ver())) <= version
    match = re.fullmatch(r"manylinux_(\d+)_(\d+)", kind)
    least = (int(match[1]), int(match[2])) if match else _OLDER_NAMES.get(kind)
    return least is not None and least <= version


def _version(libc: str) -> tuple[int, int]:
    match = re.search(r"(\d+)\.(\d+)$", libc)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def fetch(wanted: Platform, folder: Path) -> None:
    """Install the same versions for another Python into a folder. Raises MesosctlError."""
    pins = {name: distribution.version for name, distribution in needed().items()}
    constraints = folder.with_name(f"{folder.name}.constraints")
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--only-binary=:all:", "--implementation=cp", f"--python-version={wanted.python[0]}.{wanted.python[1]}"]
    command += [f"--platform={tag}" for tag in _tags(wanted)]
    command += [f"--target={folder}", f"--constraint={constraints}", *DIRECT]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, stdin=subprocess.DEVNULL)
        said = done.stderr.strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        said = str(error)
    finally:
        constraints.unlink()
    if said:
        raise MesosctlError(
            f"the runtime's packages for Python {wanted.python[0]}.{wanted.python[1]} on {wanted.architecture} "
            f"({wanted.libc}) cannot be fetched:\n{said}",
            fix="let pip reach a package index from here (PIP_INDEX_URL, https_proxy), or steer from a machine whose "
            f"Python is {wanted.python[0]}.{wanted.python[1]} too",
        )


def _tags(wanted: Platform) -> list[str]:
    if wanted.libc == "musl":
        return [f"musllinux_1_{minor}_{wanted.architecture}" for minor in (2, 1)]
    newest = _version(wanted.libc)[1]
    names = [*(f"manylinux_2_{minor}" for minor in range(newest, 4, -1)), *_OLDER_NAMES]
    return [f"{name}_{wanted.architecture}" for name in names]


def files(distributions: Iterable[metadata.Distribution]) -> Mapping[PurePosixPath, Path]:
    """What of some distributions is imported, and their licences: path below site-packages, and the file here."""
    found: dict[PurePosixPath, Path] = {}
    for distribution in distributions:
        for file in distribution.files or ():
            path = PurePosixPath(*file.parts)
            information = path.parts[0].endswith(".dist-info")
            if ".." in path.parts or path.suffix in _NOT_NEEDED or "tests" in path.parts:
                continue
            if information and path.name in _OF_THE_INSTALLATION:
                continue
            source = Path(str(distribution.locate_file(file)))
            if source.is_file():
                found[path] = source
    return found
