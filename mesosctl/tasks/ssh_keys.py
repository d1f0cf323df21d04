"""The guide's chapter "SSH": the controller reaches every node, and the masters reach every node without a question.

Only the masters hold the private half of the nodes' key, because the start scripts run there. Host keys come from the
inventory into the system's known hosts, so that nothing has to be trusted on first use. Formats: sshd(8)
"AUTHORIZED_KEYS FILE FORMAT" and "SSH_KNOWN_HOSTS FILE FORMAT", ssh_config(5).
"""

from __future__ import annotations

from typing import NamedTuple

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Block, Directory, File, Resource, Restored
from mesosctl.tasks.common import User, root, user_of
from mesosctl.templates import render

TITLE = "SSH"

KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts"
SSH_PORT = 22


class KnownHost(NamedTuple):
    """The names of a host, separated by commas, and one of its keys."""

    names: str
    key: str


class KnownHosts(NamedTuple):
    entries: tuple[KnownHost, ...]


class Node(NamedTuple):
    name: str
    address: str
    port: int


class ClientConfig(NamedTuple):
    key: str
    nodes: tuple[Node, ...]


def node_key_path(facts: Facts) -> str:
    """Where a master keeps the private half of the nodes' key."""
    return f"{root(facts).home}/.ssh/id_ed25519_mesosctl"


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    keys, superuser = cluster.keys, root(facts)
    login = user_of(facts, host.ssh.user)
    found: list[Resource] = [_folder(superuser)]
    if login.name != superuser.name:
        found.append(_folder(login))
    return [
        *found,
        _authorized(login, "operator", keys.operator_public),
        _authorized(superuser, "nodes", keys.node_public),
        Block(path=KNOWN_HOSTS, name="nodes", content=_known_hosts(cluster)),
        *_private_half(cluster, host, facts),
    ]


def _folder(user: User) -> Directory:
    return Directory(path=f"{user.home}/.ssh", mode="0700", owner=user.name, group=user.group)


def _authorized(user: User, name: str, key: str) -> Block:
    return Block(
        path=f"{user.home}/.ssh/authorized_keys",
        name=name,
        content=f"{key.strip()}\n" if key.strip() else "",
        mode="0600",
        owner=user.name,
        group=user.group,
    )


def _private_half(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    path, secret = node_key_path(facts), cluster.keys.node_private
    config = f"{root(facts).home}/.ssh/config"
    if not secret or not host.has(Role.MASTER):
        return [Restored(path=path), Block(path=config, name="nodes", content="")]
    nodes = tuple(Node(node.name, node.address, node.ssh.port) for node in cluster.hosts)
    content = render("root/dot-ssh/config", ClientConfig(path, nodes))
    return [
        File(path=path, content=f"{secret.reveal().strip()}\n", mode="0600"),
        Block(path=config, name="nodes", content=content, mode="0600"),
    ]


def _known_hosts(cluster: Cluster) -> str:
    entries = tuple(KnownHost(_names(host), key) for host in cluster.hosts for key in host.host_keys)
    return render("etc/ssh/ssh_known_hosts", KnownHosts(entries)) if entries else ""


def _names(host: Host) -> str:
    names = dict.fromkeys([host.name, host.address])
    if host.ssh.port == SSH_PORT:
        return ",".join(names)
    return ",".join(f"[{name}]:{host.ssh.port}" for name in names)
