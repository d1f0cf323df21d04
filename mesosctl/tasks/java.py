"""A Java runtime for ZooKeeper (8 or later for 3.6 to 3.9) and Apache's Marathon."""

from __future__ import annotations

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Packages, Resource
from mesosctl.tasks.proxy_url import environment

TITLE = "Java"


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    package = cluster.java.package if cluster.java.package != "auto" else default_package(facts)
    if not is_needed(cluster, host) or package == "none" or not facts.package_manager:
        return []
    return [Packages(names=(package,), manager=facts.package_manager, proxy=environment(cluster))]


def is_needed(cluster: Cluster, host: Host) -> bool:
    """Whether a host runs anything in Java: the Marathon of the bundled runtime is none."""
    return host.has(Role.ZOOKEEPER) or (host.has(Role.MARATHON) and cluster.distribution != "bundled")


def default_package(facts: Facts) -> str:
    """The headless runtime of the host's release."""
    if facts.family != "redhat":
        return "default-jre-headless"
    release = int(facts.os_version.partition(".")[0] or 0)
    version = {7: "1.8.0"}.get(release, "17" if facts.os_id != "fedora" and release < 10 else "21")
    return f"java-{version}-openjdk-headless"
