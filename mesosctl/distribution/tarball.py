"""Release tarballs on the controller, ready to be sent to the hosts.

One with an http(s) address is fetched into the cluster's state folder under its checksum; the controller's own proxy
variables count. Nothing is used whose SHA-256 is not the one of the inventory.
"""

from __future__ import annotations

import hashlib
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from mesosctl.errors import MesosctlError
from mesosctl.inventory.distribution import MesosTarball, Tarball
from mesosctl.inventory.model import Cluster
from mesosctl.tasks.zookeeper_package import archive_file

TIMEOUT = 60
"""Seconds without an answer of the server."""


def ensure(cluster: Cluster) -> None:
    """Have the tarballs of the inventory on the controller, verified. Raises MesosctlError."""
    if cluster.zookeeper.tarball:
        _ensure(cluster, cluster.zookeeper.tarball, "zookeeper.tarball.location", "zookeeper.tarball.sha256")
    if isinstance(cluster.distribution, MesosTarball):
        _ensure(cluster, cluster.distribution.file, "distribution.tarball", "distribution.sha256")


def _ensure(cluster: Cluster, tarball: Tarball, location: str, checksum: str) -> None:
    """`location` and `checksum` are the keys of the inventory."""
    path = archive_file(cluster, tarball)
    if not path.exists() and tarball.location.startswith(("http://", "https://")):
        _fetch(tarball, path, location)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MesosctlError(f"cannot be read: {error.strerror}", where=str(path), fix=f"correct {location}") from None
    if digest != tarball.sha256:
        raise MesosctlError(
            f"its SHA-256 is {digest}, the inventory says {tarball.sha256}",
            where=str(path),
            fix=f"get the right file, or correct {checksum} after comparing it with the publisher's",
        )


def _fetch(tarball: Tarball, path: Path, key: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_suffix(".partial")
    try:
        with urllib.request.urlopen(tarball.location, timeout=TIMEOUT) as answer, partial.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise MesosctlError(
            f"cannot be fetched: {reason}",
            where=tarball.location,
            fix=f"fetch it by hand and name the file in {key}",
        ) from None
    partial.replace(path)
