"""What the preflight check asks beyond a host's own files: the head of probes.sh, made from the cluster."""

from __future__ import annotations

from mesosctl.engine import ports
from mesosctl.engine.answer import script
from mesosctl.engine.facts import assumed
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import File
from mesosctl.tasks import proxy, proxy_url
from mesosctl.tasks.common import is_address
from mesosctl.templates.filters import sh


def program(cluster: Cluster, host: Host) -> str:
    """The text that follows facts.sh in a preflight check of a host.

    Package sources are tried with the settings that bootstrap will write, not with those that the host has now.
    """
    exports = [f"export {name}={sh(value)}" for name, value in proxy_url.environment(cluster)]
    return script(
        "probes.sh",
        {
            "names": " ".join(other.name for other in cluster.hosts if not is_address(other.name)),
            "knocks": "\n".join(f"{other.address} {port.number}" for other, port in ports.calls(cluster, host)),
            "manager_proxy": "; ".join(exports) or ":",
            "apt_conf": _apt_conf(cluster, host),
            "repositories": _docker_repository(cluster, host, "docker"),
            "without_apt": _docker_repository(cluster, host, "auto"),
        },
    )


def _apt_conf(cluster: Cluster, host: Host) -> str:
    files = [item for item in proxy.resources(cluster, host, assumed("debian")) if isinstance(item, File)]
    return next((file.content for file in files if file.path == proxy.APT_CONF), "")


def _docker_repository(cluster: Cluster, host: Host, source: str) -> str:
    return f"{cluster.docker.repository}/" if host.has(Role.AGENT) and cluster.docker.source == source else ""
