"""The Docker engine on agents, from the distribution or from Docker's own repository."""

from __future__ import annotations

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Packages, Resource, Service
from mesosctl.tasks.docker_repository import source
from mesosctl.tasks.proxy_url import environment

TITLE = "Docker engine"

PACKAGES = {"os": ("docker.io",), "docker": ("docker-ce", "docker-ce-cli", "containerd.io")}


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    if not host.has(Role.AGENT):
        return []
    origin = source(cluster, facts)
    if origin == "none":
        return []
    found: list[Resource] = []
    if facts.package_manager:
        found.append(Packages(names=PACKAGES[origin], manager=facts.package_manager, proxy=environment(cluster)))
    # Restarts for a new proxy are the proxy chapter's.
    service = Service(name="docker", manager=facts.init, ready="docker version >/dev/null", restart=False)
    return [*found, service]
