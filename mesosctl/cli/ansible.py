"""`mesosctl inventory`: an inventory for Ansible, as an inventory script prints it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mesosctl.cli.common import inventory_option
from mesosctl.errors import UsageError


@click.command(short_help="Print the inventory for Ansible.")
@inventory_option
@click.option("--ansible", is_flag=True, help="In the form that Ansible reads from a script.")
@click.option("--list", "_list", is_flag=True, expose_value=False, help="All hosts; what Ansible asks a script for.")
@click.option("--host", "name", metavar="NAME", help="The variables of one host, likewise.")
def inventory(inventory: Path, ansible: bool, name: str | None) -> None:
    """Print the inventory for Ansible.

    Groups are the roles, hosts have the connection settings of the inventory, and its host keys are the only ones
    that count. Passwords are not shown: Ansible looks up the same references itself. `roles/hosts` calls this, so
    that `ansible-playbook -i roles/hosts` works with MESOSCTL_INVENTORY or ./inventory.yaml.
    """
    from mesosctl.ansible.inventory import KNOWN_HOSTS, document, known_hosts_lines, variables
    from mesosctl.inventory.load import load_inventory
    from mesosctl.inventory.state import ClusterState
    from mesosctl.transport.files import state_folder, write_private

    if not ansible:
        raise UsageError("for which program?", fix="say --ansible")
    cluster = load_inventory(inventory, require_secrets=False)
    known_hosts = cluster.state_dir / KNOWN_HOSTS
    if name is not None:
        try:
            host = cluster.host(name)
        except KeyError:
            raise UsageError(f"the inventory has no host {name}") from None
        click.echo(json.dumps(variables(cluster, host, known_hosts), indent=2))
        return
    with state_folder(ClusterState(cluster.state_dir)):
        write_private(known_hosts, known_hosts_lines(cluster))
    click.echo(json.dumps(document(cluster, known_hosts), indent=2))
