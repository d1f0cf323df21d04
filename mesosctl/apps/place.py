"""Where a cluster's programs answer, and what they want to be shown, from its inventory."""

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
    return [url(cluster, host, Role.MARATHON) for host in hosts]


def masters(cluster: Cluster) -> list[str]:
    """Addresses of all masters."""
    return [url(cluster, host, Role.MASTER) for host in cluster.with_role(Role.MASTER)]


def url(cluster: Cluster, host: Host, role: Role) -> str:
    """The address of the program that a host runs in a role: master, agent or Marathon."""
    address = f"[{host.address}]" if ":" in host.address else host.address
    scheme, flags = "http", cluster.marathon.flags
    if role is Role.MARATHON:
        port = flags.get("http_port", str(cluster.marathon.port))
        if "disable_http" in flags:
            scheme, port = "https", flags.get("https_port", HTTPS_PORT)
    else:
        port = str(cluster.mesos.master.port if role is Role.MASTER else cluster.mesos.agent.port)
        scheme = "https" if cluster.mesos.tls else "http"
    return f"{scheme}://{address}:{port}"


def login(cluster: Cluster, role: Role = Role.MARATHON) -> Login | None:
    """What the program of a role asks of everybody; of Mesos' credentials the first."""
    if role is Role.MARATHON:
        user, colon, password = cluster.marathon.flags.get("http_credentials", "").partition(":")
        return Login(user, password) if colon else None
    authentication = cluster.mesos.authentication
    if not authentication or not authentication.credentials:
        return None
    principal, secret = next(iter(authentication.credentials.items()))
    return Login(principal, secret.reveal())
