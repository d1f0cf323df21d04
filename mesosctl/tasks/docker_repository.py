"""The guide's chapter "Add docker.repo for yum": Docker's own packages, for apt and for dnf or yum, on agents.

The guide's yum.dockerproject.org was shut down in 2020; download.docker.com replaced it. The signing key is fetched
by the host, with apt's own downloader and so through apt's own proxy. Formats: sources.list(5), dnf.conf(5).
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Command, File, Packages, Resource, Restored
from mesosctl.tasks import no_proxy
from mesosctl.tasks.proxy_url import environment
from mesosctl.templates import render
from mesosctl.templates.filters import sh

TITLE = "Docker repository"

SOURCES = "/etc/apt/sources.list.d/docker.list"
KEY = "/etc/apt/keyrings/docker.asc"
REPO = "/etc/yum.repos.d/docker-ce.repo"


class AptSource(NamedTuple):
    key: str
    address: str
    codename: str
    channel: str


class YumRepository(NamedTuple):
    address: str
    channel: str
    gpg_key: str
    direct: bool
    """It is reached without the proxy of dnf.conf."""


def source(cluster: Cluster, facts: Facts) -> str:
    """`os`, `docker` or `none`: where the engine comes from on this host."""
    if cluster.docker.source != "auto":
        return cluster.docker.source
    return "docker" if facts.family == "redhat" else "os"


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    wanted = host.has(Role.AGENT) and source(cluster, facts) == "docker"
    if facts.package_manager == "apt":
        return _apt(cluster, facts) if wanted else [Restored(path=SOURCES, notify=("apt-lists",))]
    if facts.package_manager in ("dnf", "yum"):
        return [_yum(cluster, facts)] if wanted else [Restored(path=REPO)]
    return []


def _apt(cluster: Cluster, facts: Facts) -> list[Resource]:
    distribution = "ubuntu" if facts.os_id == "ubuntu" else "debian"
    address = f"{cluster.docker.repository.rstrip('/')}/linux/{distribution}"
    key = cluster.docker.gpg_key or f"{address}/gpg"
    variables = " ".join(f"{name}={sh(value)}" for name, value in environment(cluster))
    content = render(SOURCES[1:], AptSource(KEY, address, facts.os_codename, cluster.docker.channel))
    return [
        Packages(names=("ca-certificates",), manager="apt", proxy=environment(cluster)),
        Command(
            name="signing key of Docker's repository",
            check=f"[ -s {KEY} ]",
            apply=f"umask 022 && mkdir -p /etc/apt/keyrings && "
            f"{variables} /usr/lib/apt/apt-helper download-file {sh(key)} {KEY}.new && mv {KEY}.new {KEY}",
            revert=f"rm -f {KEY}",
        ),
        File(path=SOURCES, content=content, notify=("apt-lists",)),
    ]


def _yum(cluster: Cluster, facts: Facts) -> File:
    """Docker's repository is divided by major releases. The own `$releasever` of a host that is held to a minor release
    (`subscription-manager release --set`, /etc/dnf/vars) or of a RHEL 7 (`7Server`) leads nowhere there."""
    repository = cluster.docker.repository.rstrip("/")
    distribution = facts.os_id if facts.os_id in ("fedora", "rhel") else "centos"
    address = f"{repository}/linux/{distribution}"
    key = cluster.docker.gpg_key or f"{address}/gpg"
    release = facts.os_version.partition(".")[0]
    values = YumRepository(
        f"{address}/{release}/$basearch/{cluster.docker.channel}", cluster.docker.channel, key, _direct(cluster)
    )
    return File(path=REPO, content=render(REPO[1:], values))


def _direct(cluster: Cluster) -> bool:
    """dnf and yum know no exceptions from the proxy of their own settings, so that a repository has to say so."""
    proxy = cluster.proxy
    if not (proxy.https or proxy.http) or not proxy.tools.packages:
        return False
    return no_proxy.covers(cluster, urlsplit(cluster.docker.repository).hostname or "")
