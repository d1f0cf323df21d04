"""The guide's chapter "SSH", and the names by which hosts know each other."""

from __future__ import annotations

import shlex

from testinfra.host import Host

from mesosctl.inventory.model import Cluster, Role
from mesosctl.inventory.model import Host as Node
from mesosctl.verify.promises import promise

TITLE = "SSH"


def key_of(line: str) -> str:
    """The key in a line of a public key file, without its comment."""
    return " ".join(line.split()[:2])


def authorized(host: Host, user: str) -> tuple[str, str]:
    """The user's authorized keys and who may read or write them and their folder: "700 600"."""
    home = host.check_output("getent passwd %s | cut -d: -f6", user)
    keys = host.check_output("cat %s", f"{home}/.ssh/authorized_keys")
    modes = host.check_output("stat -c %%a %s %s", f"{home}/.ssh", f"{home}/.ssh/authorized_keys")
    return keys, modes.replace("\n", " ")


@promise(when=lambda cluster: bool(cluster.keys.operator_public))
def test_operator_key(host: Host, node: Node, cluster: Cluster) -> None:
    """The operator's key is accepted, and nobody else may change which are"""
    keys, modes = authorized(host, node.ssh.user)
    assert key_of(cluster.keys.operator_public) in keys, f"the operator's key is not among {node.ssh.user}'s"
    assert modes == "700 600", f"~/.ssh and authorized_keys have the modes {modes}"


@promise(when=lambda cluster: bool(cluster.keys.node_public))
def test_nodes_key(host: Host, cluster: Cluster) -> None:
    """The nodes' key is accepted for root"""
    keys, modes = authorized(host, "root")
    assert key_of(cluster.keys.node_public) in keys, "the nodes' key is not among root's"
    assert modes == "700 600", f"~/.ssh and authorized_keys have the modes {modes}"


@promise(Role.MASTER, when=lambda cluster: bool(cluster.keys.node_public))
def test_masters_reach_all(host: Host, cluster: Cluster) -> None:
    """The master reaches every node over SSH without a question, host keys verified"""
    names = " ".join(shlex.quote(node.name) for node in cluster.hosts)
    refused = host.run(
        f"for name in {names}; do (ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=30 $name true"
        " >/dev/null 2>&1 || echo $name) & done; wait"
    )
    assert refused.stdout == "", f"not reached: {' '.join(sorted(refused.stdout.split()))}"


@promise(when=lambda cluster: cluster.hosts_file)
def test_names(host: Host, cluster: Cluster) -> None:
    """Every host of the cluster is known by its name"""
    for node in cluster.hosts:
        found = set(host.run("getent ahosts %s | cut -d' ' -f1", node.name).stdout.split())
        assert node.address in found, f"{node.name} is {' '.join(sorted(found)) or 'unknown'}, not {node.address}"
