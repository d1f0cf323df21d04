"""The runtime that mesosctl ships, packed as a prefix like that of Apache Mesos, for the Python of a host.

    sbin/         mesos-master, mesos-agent and the guide's start scripts
    libexec/      mesos-executor
    marathon/     bin/start, and the guide's app as an example
    etc/mesos/    the templates of the guide's files
    lib/mesosctl/ a virtual environment around the host's Python with the runtime and what it needs

Nothing in it is of the host but its Python, and nothing depends on where it is unpacked. The same content makes the
same bytes, so that a digest tells a version. Archives are kept in the cluster's state folder.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from mesosctl.distribution import dependencies
from mesosctl.engine.facts import Facts
from mesosctl.errors import MesosctlError
from mesosctl.inventory.distribution import Bundle, Platform
from mesosctl.inventory.model import Cluster
from mesosctl.tasks.mesos_python import platform_of

FORMAT = "2"
"""Of the archive; a change makes the archives that are kept void."""
KEPT = 4
"""Archives that the state folder keeps."""
MTIME = 315532800
"""1980-01-01, of every file."""

LAUNCHERS = {
    "sbin/mesos-master": "mesosctl.runtime.master",
    "sbin/mesos-agent": "mesosctl.runtime.agent",
    "libexec/mesos/mesos-executor": "mesosctl.runtime.executor",
    "marathon/bin/start": "mesosctl.runtime.marathon",
}
LINKS = {
    "sbin/mesos-slave": "mesos-agent",
    "sbin/mesos-start-slaves.sh": "mesos-start-agents.sh",
    "sbin/mesos-stop-slaves.sh": "mesos-stop-agents.sh",
}
LAUNCHER = """\
#!/bin/sh
# Runs {module} with the Python packages beside it, wherever this prefix is.
self=$(readlink -f "$0")
exec "${{self%{path}}}lib/mesosctl/bin/python3" -I -m {module} "$@"
"""
_ROOT = "mesos"
"""The first folder level, which is dropped when the archive is unpacked."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive: its content, or where a symbolic link leads to."""

    content: bytes = b""
    executable: bool = False
    link: str = ""


def ensure(cluster: Cluster, facts: Mapping[str, Facts]) -> Cluster:
    """The cluster with the bundles for its hosts (`facts` by host name), packed first where that is needed.

    Raises MesosctlError.
    """
    if cluster.distribution != "bundled":
        return cluster
    found: dict[Platform, Bundle] = {}
    for host in cluster.hosts:
        if host.name in facts and (platform := platform_of(host, facts[host.name])) and platform not in found:
            found[platform] = bundle(platform, cluster.state_dir / "bundles")
    return replace(cluster, bundles=found)


def bundle(platform: Platform, folder: Path) -> Bundle:
    """The bundle for a platform: kept in a folder, or packed into it. Raises MesosctlError."""
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            mark = folder / f"{_fingerprint(platform)}.sha256"
            if mark.exists() and (path := folder / f"{mark.read_text()}.tar.gz").exists():
                os.utime(mark)
                return Bundle(path, path.name.removesuffix(".tar.gz"))
            packages = dependencies.needed().values()
            if not dependencies.installed_fits(platform):
                target = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder))) / "packages"
                dependencies.fetch(platform, target)
                packages = {each.name: each for each in metadata.distributions(path=[str(target)])}.values()
            data = pack(entries(platform, dependencies.files(packages)))
            digest = hashlib.sha256(data).hexdigest()
            path = folder / f"{digest}.tar.gz"
            _write(path, data)
            _write(mark, digest.encode())
            _forget_old(folder)
        except OSError as error:
            raise MesosctlError(f"the runtime cannot be packed: {error}", where=str(folder)) from None
    return Bundle(path, digest)


def entries(platform: Platform, packages: Mapping[PurePosixPath, Path]) -> dict[str, Entry]:
    """Everything in the prefix, by path; `packages` are the files of site-packages."""
    environment = "lib/mesosctl"
    site = f"{environment}/lib/python{platform.python[0]}.{platform.python[1]}/site-packages"
    home = platform.interpreter.rpartition("/")[0]
    found = {
        f"{environment}/pyvenv.cfg": Entry(f"home = {home}\ninclude-system-site-packages = false\n".encode()),
        f"{environment}/bin/python3": Entry(link=platform.interpreter),
        **{path: Entry(link=target) for path, target in LINKS.items()},
        **{f"{site}/{path}": Entry(source.read_bytes(), ".so" in source.suffixes) for path, source in packages.items()},
    }
    for path, file in _own_files():
        found[f"{site}/{path}"] = Entry(file.read_bytes())
    for path, file in _tree(importlib.resources.files(__package__).joinpath("prefix"), ""):
        found[path] = Entry(file.read_bytes(), path.startswith("sbin/"))
    for path, module in LAUNCHERS.items():
        found[path] = Entry(LAUNCHER.format(module=module, path=path).encode(), executable=True)
    return found


def pack(content: Mapping[str, Entry]) -> bytes:
    """A gzipped tarball: the same content makes the same bytes, whoever packs it and when."""
    data = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=data, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for path, entry in sorted(content.items()):
            info = tarfile.TarInfo(f"{_ROOT}/{path}")
            info.mtime = MTIME
            info.mode = 0o755 if entry.executable or entry.link else 0o644
            if entry.link:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
            info.size = len(entry.content)
            archive.addfile(info, io.BytesIO(entry.content))
    return data.getvalue()


def _own_files() -> Iterator[tuple[str, Traversable]]:
    """The runtime, and the package that it is in."""
    root = importlib.resources.files("mesosctl")
    yield "mesosctl/__init__.py", root.joinpath("__init__.py")
    yield from _tree(root.joinpath("runtime"), "mesosctl/runtime/")


def _tree(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_file() and not item.name.endswith(".pyc"):
            yield prefix + item.name, item
        elif item.is_dir() and item.name != "__pycache__":
            yield from _tree(item, f"{prefix}{item.name}/")


def _fingerprint(platform: Platform) -> str:
    """Tells whether anything that goes into a bundle has changed, without reading it."""
    parts = [FORMAT, repr(platform), repr(dependencies.DIRECT), repr(LAUNCHERS), repr(LINKS), LAUNCHER]
    parts += [f"{name} {distribution.version}" for name, distribution in dependencies.needed().items()]
    own = [*_own_files(), *_tree(importlib.resources.files(__package__).joinpath("prefix"), "")]
    for path, file in own:
        about = os.stat(str(file))
        parts.append(f"{path} {about.st_size} {about.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _forget_old(folder: Path) -> None:
    """Remove the archives that were not used for the longest time."""
    marks = sorted(folder.glob("*.sha256"), key=lambda path: path.stat().st_mtime, reverse=True)
    kept = {f"{mark.read_text()}.tar.gz" for mark in marks[:KEPT]}
    for mark in marks[KEPT:]:
        mark.unlink()
    for path in folder.glob("*.tar.gz"):
        if path.name not in kept:
            path.unlink()
