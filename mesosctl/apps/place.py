"""Where a cluster's Marathon is, from its inventory."""

from __future__ import annotations

from mesosctl.errors import UsageError
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.transport.http import Login

HTTPS_PORT = "8443"
"""Marathon's own default."""


def urls(cluster: Cluster) -> list[str]:
    """Addresses of all Marathons of the cluster, in the inventory's order. Raises UsageError where there is none."""
    hosts = cluster.with_role(Role.MARATHON)
    if not hosts:
        raise UsageError(
            "no host has the role marathon", where=str(cluster.path), fix="give one that role, or say --marathon URL"
        )
    return [_url(cluster, host) for host in hosts]


def masters(cluster: Cluster) -> list[str]:
    """Addresses of all masters."""
    return [f"http://{_bracketed(host)}:{cluster.mesos.master.port}" for host in cluster.with_role(Role.MASTER)]


def login(cluster: Cluster) -> Login | None:
    """What the inventory's own flags ask of everybody."""
    user, colon, password = cluster.marathon.flags.get("http_credentials", "").partition(":")
    return Login(user, password) if colon else None


def _url(cluster: Cluster, host: Host) -> str:
    flags = cluster.marathon.flags
    address = _bracketed(host)
    if "disable_http" in flags:
        return f"https://{address}:{flags.get('https_port', HTTPS_PORT)}"
    return f"http://{address}:{flags.get('http_port', cluster.marathon.port)}"


def _bracketed(host: Host) -> str:
    return f"[{host.address}]" if ":" in host.address else host.address
