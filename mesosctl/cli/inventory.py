"""`mesosctl init`, `validate` and `schema`: writing, checking and describing an inventory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mesosctl.cli.common import inventory_option, output_option
from mesosctl.errors import ExitCode

if TYPE_CHECKING:
    from mesosctl.inventory.load import Loaded


@click.command(short_help="Write a commented inventory for the hosts given.")
@click.argument("hosts", metavar="HOST...", nargs=-1, required=True)
@click.option("--name", default="mesos", show_default=True, help="Name of the cluster.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="inventory.yaml",
    show_default=True,
    help="Where to write it; - is standard output.",
)
def init(hosts: tuple[str, ...], name: str, output: str) -> None:
    """Write a commented inventory for the hosts given.

    A HOST is [NAME=][USER@]ADDRESS[:PORT], for instance node1=admin@192.0.2.11. From three hosts on the first three
    run ZooKeeper, a Mesos master and Marathon, the others are agents. An existing file is never overwritten.
    """
    from mesosctl.inventory.initial import initial, targets, write_new

    text = initial(name, targets(hosts))
    if output == "-":
        click.echo(text, nl=False)
        return
    write_new(Path(output), text)
    click.echo(f"{output} written; next: mesosctl validate {output}")


@click.command(short_help="Check an inventory and report every problem at once.")
@click.option("--no-secrets", is_flag=True, help="Accept secrets whose variable or file is not there.")
@output_option
@inventory_option
def validate(inventory: Path, no_secrets: bool, output: str) -> int:
    """Check an inventory and report every problem at once.

    Ends with 0 where there are no errors (warnings may be), with 3 where there are.
    """
    from mesosctl.inventory.load import read

    loaded = read(inventory, require_secrets=not no_secrets)
    if output == "json":
        _print_json(inventory, loaded)
    else:
        for problem in loaded.problems:
            click.echo(str(problem), err=True)
        click.echo(_summary(inventory, loaded), err=bool(loaded.errors))
    return ExitCode.INVALID_INVENTORY if loaded.errors else ExitCode.OK


@click.command(short_help="Print the JSON Schema of the inventory, for editors.")
def schema() -> None:
    """Print the JSON Schema of the inventory, for editors.

    Editors with the YAML language server find it through a first line such as
    `# yaml-language-server: $schema=mesosctl.schema.json`.
    """
    import json

    from mesosctl.inventory.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


def _summary(inventory: Path, loaded: Loaded) -> str:
    counts = ", ".join(
        f"{len(found)} {word}{'' if len(found) == 1 else 's'}"
        for found, word in ((loaded.errors, "error"), (loaded.warnings, "warning"))
        if found
    )
    if loaded.cluster is None:
        return f"{inventory}: {counts}"
    hosts = len(loaded.cluster.hosts)
    valid = f"{inventory}: valid, cluster {loaded.cluster.name} with {hosts} host{'' if hosts == 1 else 's'}"
    return f"{valid}; {counts}" if counts else valid


def _print_json(inventory: Path, loaded: Loaded) -> None:
    import json

    cluster = loaded.cluster
    result = {
        "inventory": str(inventory),
        "valid": not loaded.errors,
        "cluster": cluster.name if cluster else None,
        "hosts": [host.name for host in cluster.hosts] if cluster else [],
        "problems": [problem.as_dict() for problem in loaded.problems],
    }
    click.echo(json.dumps(result, indent=2))
