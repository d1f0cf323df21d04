"""The ensemble itself: ZooKeeper runs on every host with the role, and takes part in the quorum.

`ready` and `member` ask the server's `srvr`: it names a mode only while the server takes part.
"""

from __future__ import annotations

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Resource, Service
from mesosctl.templates.filters import sh

TITLE = "ZooKeeper service"

READY_TIMEOUT = 120
"""Seconds until a restarted member takes part again, with room for a slow machine and a large snapshot."""


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    if not host.has(Role.ZOOKEEPER):
        return []
    ask = srvr(cluster)
    return [
        Service(
            name="zookeeper",
            manager=facts.init,
            ready=f"{ask} | grep -q '^Mode: '",
            ready_timeout=READY_TIMEOUT,
            member=f"{ask} | sed -n 's/^Mode: //p'",
        )
    ]


def srvr(cluster: Cluster) -> str:
    """A sh command that prints the answer of the host's own server to `srvr`."""
    address = cluster.zookeeper.settings.get("clientPortAddress", "127.0.0.1")
    connect = f"exec 3<>/dev/tcp/{address}/{cluster.zookeeper.client_port} && printf srvr >&3 && cat <&3"
    return f"timeout 5 bash -c {sh(connect)} 2>/dev/null"
