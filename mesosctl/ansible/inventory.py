"""An inventory of mesosctl in the form in which Ansible reads the output of an inventory script.

Groups are the roles. Hosts have Ansible's connection variables: user, port, key, bastions, sudo, and the host keys of
the inventory as the only ones that count. Secrets stay references: Ansible looks them up when it needs them. Format:
"Developing dynamic inventory" in Ansible's documentation.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from mesosctl.errors import MesosctlError
from mesosctl.inventory.known_hosts import known_name
from mesosctl.inventory.model import Cluster, Host, Role, Secret
from mesosctl.inventory.secrets import resolve
from mesosctl.inventory.state import ClusterState

KNOWN_HOSTS = "ansible_known_hosts"
"""In the cluster's state folder."""
GROUPS = {
    Role.ZOOKEEPER: "zookeeper",
    Role.MASTER: "mesos_master",
    Role.AGENT: "mesos_agent",
    Role.MARATHON: "marathon",
}
"""Named as the Ansible roles are."""


def document(cluster: Cluster, known_hosts: Path) -> dict[str, Any]:
    """What `--list` prints. `known_hosts`: the file that has `known_hosts_lines`."""
    groups: dict[str, Any] = {
        name: {"hosts": [host.name for host in cluster.with_role(role)]} for role, name in GROUPS.items()
    }
    return {
        "all": {
            "children": [*GROUPS.values(), "ungrouped"],
            "vars": {"mesosctl_inventory": str(cluster.path.absolute())},
        },
        "ungrouped": {"hosts": [host.name for host in cluster.hosts if not host.roles]},
        **groups,
        "_meta": {"hostvars": {host.name: variables(cluster, host, known_hosts) for host in cluster.hosts}},
    }


def variables(cluster: Cluster, host: Host, known_hosts: Path) -> dict[str, Any]:
    """A host's connection variables."""
    ssh = host.ssh
    found: dict[str, Any] = {
        "ansible_host": host.address,
        "ansible_port": ssh.port,
        "ansible_user": ssh.user,
        "ansible_ssh_common_args": shlex.join(_options(host, known_hosts)),
    }
    own_key = ClusterState(cluster.state_dir).operator_key
    if key := ssh.key or (own_key if own_key.exists() else None):
        found["ansible_ssh_private_key_file"] = str(key)
    if ssh.password:
        found["ansible_password"] = _lookup(cluster, ssh.password)
    if ssh.sudo or ssh.user != "root":
        found["ansible_become"] = True
    if ssh.sudo_password:
        found["ansible_become_password"] = _lookup(cluster, ssh.sudo_password)
    return found


def known_hosts_lines(cluster: Cluster) -> str:
    """The host keys of the inventory and of `hosts trust`, in OpenSSH's format."""
    return "".join(
        f"{known_name(host.address, host.ssh.port)} {key}\n" for host in cluster.hosts for key in host.host_keys
    )


def _options(host: Host, known_hosts: Path) -> list[str]:
    options = [f"UserKnownHostsFile={known_hosts}", "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes"]
    if host.ssh.jump:
        options.append(f"ProxyJump={host.ssh.jump}")
    found = [word for option in options for word in ("-o", option)]
    return [*found, *(["-F", str(host.ssh.config)] if host.ssh.config else [])]


def _lookup(cluster: Cluster, secret: Secret) -> str:
    """How Ansible finds a secret itself. Raises MesosctlError for one that stands in the inventory."""
    scheme, _, rest = secret.reference.partition(":")
    if scheme == "env":
        return f"{{{{ lookup('ansible.builtin.env', {rest!r}) }}}}"
    if scheme == "file":
        path = resolve(rest, cluster.path.absolute().parent)
        return f"{{{{ lookup('ansible.builtin.file', {str(path)!r}) }}}}"
    raise MesosctlError(
        "a password stands in the inventory itself, and would be shown to everybody who lists Ansible's inventory",
        fix="make it a reference: env:NAME or file:PATH",
    )
