"""The ports of the cluster: which a host's roles need, which program listens there, and which roles connect to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mesosctl.inventory.model import Cluster, Host, Role


@dataclass(frozen=True, slots=True)
class Port:
    """A port that a host needs."""

    number: int
    what: str
    """As the user is told: `ZooKeeper's clients`."""
    program: str
    """What listens there, as in `Facts.programs`, or the name of the process."""
    callers: frozenset[Role] = frozenset()
    """Roles whose hosts connect to it."""


def needed(cluster: Cluster, host: Host) -> Iterator[Port]:
    """The ports on which a host will listen, sshd's included: the guide's start scripts use ssh among the nodes."""
    yield Port(host.ssh.port, "sshd", "sshd", frozenset({Role.MASTER}))
    zookeeper, mesos = cluster.zookeeper, cluster.mesos
    if host.has(Role.ZOOKEEPER):
        clients = frozenset({Role.MASTER, Role.AGENT, Role.MARATHON})
        members = frozenset({Role.ZOOKEEPER})
        yield Port(zookeeper.client_port, "ZooKeeper's clients", "zookeeper", clients)
        yield Port(zookeeper.peer_port, "ZooKeeper's peers", "zookeeper", members)
        yield Port(zookeeper.election_port, "ZooKeeper's election", "zookeeper", members)
        if zookeeper.admin_port is not None:
            yield Port(zookeeper.admin_port, "ZooKeeper's admin server", "zookeeper")
    if host.has(Role.MASTER):
        callers = frozenset({Role.MASTER, Role.AGENT, Role.MARATHON})
        yield Port(mesos.master.port, "the master", "mesos-master", callers)
    if host.has(Role.AGENT):
        yield Port(mesos.agent.port, "the agent", "mesos-agent", frozenset({Role.MASTER}))
    if host.has(Role.MARATHON):
        yield Port(cluster.marathon.port, "Marathon", "marathon")


def calls(cluster: Cluster, host: Host) -> Iterator[tuple[Host, Port]]:
    """The ports of other hosts that this host connects to."""
    for other in cluster.hosts:
        if other is not host:
            yield from ((other, port) for port in needed(cluster, other) if port.callers & host.roles)
