"""The guide's chapter "Zookeeper", first half: the software, from the OS package or from a release tarball.

Debian's `libzookeeper-java` is the server without the scripts, users and alternatives of the package `zookeeper`,
which would bring a desktop Java. The RHEL family has no package: a tarball is required there (see guards).
"""

from __future__ import annotations

from pathlib import Path

from mesosctl.engine.facts import Facts
from mesosctl.inventory.distribution import Tarball
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Archive, Packages, Resource
from mesosctl.tasks.proxy_url import environment

TITLE = "ZooKeeper software"

HOME = "/opt/zookeeper"
PACKAGE = "libzookeeper-java"


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    if not host.has(Role.ZOOKEEPER):
        return []
    tarball = cluster.zookeeper.tarball
    if tarball:
        source = archive_file(cluster, tarball)
        return [Archive(source=source, sha256=tarball.sha256, path=HOME, notify=("zookeeper",))]
    if facts.package_manager == "apt":
        return [Packages(names=(PACKAGE,), manager="apt", proxy=environment(cluster), notify=("zookeeper",))]
    return []


def archive_file(cluster: Cluster, tarball: Tarball) -> Path:
    """Where the tarball is on the controller. One with an http(s) address belongs into the cluster's downloads, under
    its checksum, before a run begins."""
    if tarball.location.startswith(("http://", "https://")):
        return cluster.state_dir / "downloads" / tarball.sha256
    return Path(tarball.location)


def class_path(cluster: Cluster) -> str:
    """Java's class path: the configuration (for the logging), then the server.

    Debian's jar names what it needs itself, but no logging back end: 12 has log4j's, later releases logback's.
    """
    if cluster.zookeeper.tarball:
        return f"/etc/zookeeper/conf:{HOME}/lib/*:{HOME}/*"
    jars = ("zookeeper", "slf4j-log4j12", "log4j-1.2", "logback-classic", "logback-core")
    return ":".join(["/etc/zookeeper/conf", *(f"/usr/share/java/{jar}.jar" for jar in jars)])
