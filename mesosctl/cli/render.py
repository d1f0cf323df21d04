"""`mesosctl render`: all files of all hosts, without contacting one."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mesosctl.cli.common import inventory_option, output_option
from mesosctl.engine.facts import assumed
from mesosctl.errors import RefusedError, UsageError
from mesosctl.inventory.load import load_inventory
from mesosctl.tasks import proxy, rendered


@click.command(short_help="Write all files of all hosts into a folder, without contacting a host.")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@inventory_option
@click.option(
    "--family", type=click.Choice(["debian", "redhat"]), default="debian", show_default=True, help="Hosts' OS."
)
@click.option("--force", is_flag=True, help="Write into a folder that is not empty.")
@output_option
def render(directory: Path, inventory: Path, family: str, force: bool, output: str) -> None:
    """Write all files of all hosts into a folder, without contacting a host.

    DIR/HOST holds the files laid out as on that host. A block that is added to a shared file is written beside it as
    FILE.block-NAME, a single line as FILE.setting-KEY. The files hold the secrets of the inventory: only you can enter
    DIR.
    """
    cluster = load_inventory(inventory)
    facts = assumed(family)
    trees = {host.name: rendered.files(cluster, host, facts) for host in cluster.hosts}
    _prepare(directory, force)
    for host, files in trees.items():
        for file in files:
            _write(directory / host / file.path.lstrip("/"), file)
    for warning in proxy.warnings(cluster):
        click.echo(f"warning: {warning}", err=True)
    if output == "json":
        import json

        paths = {host: [file.path for file in files] for host, files in trees.items()}
        click.echo(json.dumps({"directory": str(directory), "family": family, "files": paths}, indent=2))
    else:
        count = sum(len(files) for files in trees.values())
        click.echo(f"{count} files of {len(trees)} hosts are below {directory}")


def _prepare(directory: Path, force: bool) -> None:
    """Make the folder. Raises RefusedError where it holds something, UsageError where it cannot be made."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        occupied = any(directory.iterdir())
    except OSError as error:
        raise UsageError(f"cannot use {directory}: {error.strerror}", fix="name another folder") from error
    if occupied and not force:
        raise RefusedError(f"{directory} is not empty", fix="name another folder, or add --force")


def _write(path: Path, file: rendered.Rendered) -> None:
    """Write a file whole, with its final mode from the beginning."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="") as stream:
            os.fchmod(descriptor, int(file.mode, 8))
            stream.write(file.content)
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", fix="make room, or name another folder") from error
