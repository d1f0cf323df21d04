"""Which ports the services of a host listen on, and whether two of them want the same one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.inventory.problem import Severity
from mesosctl.inventory.reader import KeyPath, Reader

_SETTINGS = {"secureClientPort": "ZooKeeper's TLS clients", "metricsProvider.httpPort": "ZooKeeper's metrics"}


class Port(NamedTuple):
    """A port of a host, what listens there, and the key that says so."""

    number: int
    what: str
    path: KeyPath


def check(cluster: Cluster, reader: Reader) -> None:
    """Complain of ports that two services of one host would share, once for each pair of keys."""
    for name in _SETTINGS:
        value = cluster.zookeeper.settings.get(name)
        if value is not None and not _is_port(value):
            path = ("zookeeper", "settings", name)
            reader.complain(path, f"`{name}` is not a port", expected="a whole number from 1 to 65535")
    clashes: dict[tuple[Port, Port], list[str]] = {}
    for host in cluster.hosts:
        seen: dict[int, Port] = {}
        for port in listening(cluster, host, reader):
            first = seen.setdefault(port.number, port)
            if first is not port:
                clashes.setdefault((first, port), []).append(host.name)
        _offered(cluster, host, seen, reader)
    for (first, second), names in clashes.items():
        culprit = second if reader.given(second.path) or not reader.given(first.path) else first
        on = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        reader.complain(
            culprit.path,
            f"{first.what} and {second.what} both want port {first.number} on {on}",
            involved=(first.path, second.path, *(("hosts", name, "roles") for name in names)),
            expected=f"different ports in {'.'.join(first.path)} and {'.'.join(second.path)}",
        )


def listening(cluster: Cluster, host: Host, reader: Reader) -> Iterator[Port]:
    """The ports on which a host will listen, sshd's included."""
    yield Port(host.ssh.port, "sshd", ssh_path(host, "port", reader))
    zookeeper = cluster.zookeeper
    if host.has(Role.ZOOKEEPER):
        yield Port(zookeeper.client_port, "ZooKeeper's clients", ("zookeeper", "client_port"))
        yield Port(zookeeper.peer_port, "ZooKeeper's peers", ("zookeeper", "peer_port"))
        yield Port(zookeeper.election_port, "ZooKeeper's election", ("zookeeper", "election_port"))
        if zookeeper.admin_port is not None:
            yield Port(zookeeper.admin_port, "ZooKeeper's admin server", ("zookeeper", "admin_port"))
        for name, what in _SETTINGS.items():
            value = zookeeper.settings.get(name, "")
            if _is_port(value):
                yield Port(int(value), what, ("zookeeper", "settings", name))
    if host.has(Role.MASTER):
        yield Port(cluster.mesos.master.port, "mesos-master", ("mesos", "master", "port"))
    if host.has(Role.AGENT):
        yield Port(cluster.mesos.agent.port, "mesos-agent", ("mesos", "agent", "port"))
    if host.has(Role.MARATHON):
        yield Port(cluster.marathon.port, "Marathon", ("marathon", "port"))


def ssh_path(host: Host, key: str, reader: Reader) -> KeyPath:
    """Where a host's SSH setting is written: at the host, or in the defaults."""
    own = ("hosts", host.name, "ssh", key)
    return own if reader.given(own) else ("ssh", key)


def _offered(cluster: Cluster, host: Host, taken: dict[int, Port], reader: Reader) -> None:
    """An agent must not offer to its tasks a port on which a service of the host listens."""
    if not host.has(Role.AGENT):
        return
    own: KeyPath = ("hosts", host.name, "resources", "ports")
    general: KeyPath = ("mesos", "agent", "resources", "ports")
    path = own if "ports" in host.resources else general
    text = {**cluster.mesos.agent.resources, **host.resources}.get("ports", "")
    ranges = [(int(low), int(high)) for low, high in re.findall(r"(\d+)-(\d+)", text)]
    for number, port in sorted(taken.items()):
        if any(low <= number <= high for low, high in ranges):
            message = f"the ports offered to tasks include {number}, on which {port.what} listens"
            reader.complain(path, message, involved=(port.path,), severity=Severity.WARNING)


def _is_port(text: str) -> bool:
    return bool(re.fullmatch(r"[1-9][0-9]{0,4}", text)) and int(text) <= 65535
