"""The nodes' names: a block of /etc/hosts with every host of the cluster, so that the cluster needs no name server.

The line that Debian gives a host's own name (127.0.1.1) stays: ZooKeeper and Mesos are configured with addresses.
Format: hosts(5).
"""

from __future__ import annotations

from typing import NamedTuple

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host
from mesosctl.resources.types import Block, Resource
from mesosctl.tasks.common import is_address
from mesosctl.templates import render

TITLE = "Hosts file"


class Hosts(NamedTuple):
    entries: tuple[tuple[str, str], ...]
    """Address and name."""


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    entries = tuple(
        (node.address, node.name) for node in cluster.hosts if is_address(node.address) and not is_address(node.name)
    )
    content = render("etc/hosts", Hosts(entries)) if cluster.hosts_file and entries else ""
    return [Block(path="/etc/hosts", name="hosts", content=content)]
