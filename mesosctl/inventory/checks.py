"""Checks that look at the whole cluster."""

from __future__ import annotations

from mesosctl.inventory.model import Cluster
from mesosctl.inventory.reader import Reader


def check(cluster: Cluster, reader: Reader) -> None:
    """Tell the reader of everything that does not fit together."""
    if not cluster.hosts:
        reader.complain(("hosts",), "the cluster has no hosts")
