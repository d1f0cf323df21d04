"""Where programs come from that are no package of the host's own repositories; a part of the cluster's model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tarball:
    """A file to install from. `location` is a path on the controller or an http(s) address it can fetch."""

    location: str
    sha256: str


@dataclass(frozen=True, slots=True)
class MesosTarball:
    """A build of Apache Mesos, packed as `make install` lays it out below the prefix (sbin, bin, lib, libexec…)."""

    tarball: str
    """A path on the controller or an http(s) address it can fetch."""
    sha256: str

    @property
    def file(self) -> Tarball:
        return Tarball(self.tarball, self.sha256)


@dataclass(frozen=True, slots=True)
class MesosPackages:
    """OS packages of Apache Mesos."""

    packages: tuple[str, ...]
    """Names, with a version where one is wanted: `mesos=1.11.0-2` for apt, `mesos-1.11.0-2.el9` for dnf and yum."""
    repository: str | None = None
    """Where they are: an address for dnf and yum, an address with suite and components for apt; None: in the
    repositories that the hosts have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What the bundled runtime is put together for."""

    interpreter: str
    """The real path of the host's Python, e.g. /usr/bin/python3.11."""
    python: tuple[int, int]
    """Its version, e.g. (3, 11)."""
    architecture: str
    """As `uname -m` says it."""
    libc: str
    """`glibc 2.36`, or `musl`."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The runtime for one platform, as a tarball on the controller."""

    path: Path
    sha256: str
