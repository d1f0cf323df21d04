"""The guide's chapter "SSH", and the names by which hosts know each other."""

from __future__ import annotations

import shlex

import pytest
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


@promise(Role.AGENT, when=lambda cluster: bool(cluster.keys.node_public))
def test_agents_hold_no_private_key(host: Host, node: Node, cluster: Cluster) -> None:
    """The agent, which runs anybody's programs, has no key to the other hosts"""
    if node.has(Role.MASTER):
        pytest.skip("the host is a master, too")
    found = host.run(
        "for key in ~root/.ssh/*; do grep -q 'PRIVATE KEY' \"$key\" 2>/dev/null || continue; "
        "ssh-keygen -y -P '' -f \"$key\" </dev/null; done"
    )
    held = {key_of(line) for line in found.stdout.splitlines()}
    assert key_of(cluster.keys.node_public) not in held, "root has the nodes' private key"


@promise()
def test_open_files_of_a_login(host: Host, cluster: Cluster) -> None:
    """Who logs in may open the declared number of files"""
    lines = host.check_output("cat /etc/security/limits.conf /etc/security/limits.d/*.conf 2>/dev/null || true")
    wanted = {(who, kind, "nofile"): str(cluster.limits.nofile) for who in ("*", "root") for kind in ("soft", "hard")}
    # The last line for somebody counts: limits.conf(5).
    found = {tuple(words[:3]): words[3] for line in lines.splitlines() if len(words := line.split()) == 4}
    wrong = [f"{' '.join(what)} {found.get(what, 'is not set')}" for what in wanted if found.get(what) != wanted[what]]
    assert not wrong, ", ".join(wrong)


@promise(when=lambda cluster: cluster.hosts_file)
def test_names(host: Host, cluster: Cluster) -> None:
    """Every host of the cluster is known by its name"""
    for node in cluster.hosts:
        found = set(host.run("getent ahosts %s | cut -d' ' -f1", node.name).stdout.split())
        assert node.address in found, f"{node.name} is {' '.join(sorted(found)) or 'unknown'}, not {node.address}"
