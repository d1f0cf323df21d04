"""`mesosctl lab`: throw-away hosts on this machine, to try mesosctl on."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from mesosctl import lab as labs
from mesosctl.cli.common import output_option
from mesosctl.errors import MesosctlError, UsageError
from mesosctl.lab.state import Progress

name_option = click.option("--name", default="lab", show_default=True, metavar="X", help="Name of the lab.")


@click.group()
def lab() -> None:
    """Make and remove throw-away hosts on this machine.

    Each host has systemd, sshd, an address and a name of its own. They need root and a Docker engine here; where none
    runs, one is started and stopped with the last lab. The key of a lab opens its hosts for root, for ops (sudo without
    password, its password is ops-lab) and for opw (sudo with password, which is opw-lab).
    """


@lab.command()
@click.option("--hosts", default=5, show_default=True, metavar="N", help="How many hosts.")
@name_option
@click.option(
    "--inventory",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the inventory here instead of printing it.",
)
@click.option(
    "--baked/--plain",
    default=True,
    show_default=True,
    help="Hosts with Docker, Java and ZooKeeper's packages already installed, or bare ones.",
)
@output_option
def up(hosts: int, name: str, inventory: Path | None, baked: bool, output: str) -> None:
    """Make a lab and print its inventory.

    The first use builds the image of the hosts, which takes a few minutes.
    """
    kind = labs.ImageKind.BAKED if baked else labs.ImageKind.PLAIN
    with _progress() as tell:
        made = labs.up(name, hosts, kind, tell)
    text = made.inventory_text()
    if inventory:
        try:
            temporary = inventory.with_name(f".{inventory.name}.new")
            temporary.write_text(text)
            temporary.replace(inventory)
        except OSError as error:
            raise MesosctlError(
                f"the lab is up, but its inventory cannot be written: {error.strerror}",
                where=str(inventory),
                fix=f"the same is in {made.state.inventory}",
            ) from error
    if output == "json":
        click.echo(json.dumps({**_described(made), "inventory": text}, indent=2))
    elif inventory:
        names = ", ".join(host.name for host in made.hosts)
        click.echo(f"up: {names}; the inventory is {inventory}")
    else:
        click.echo(text, nl=False)


@lab.command("list")
@output_option
def list_(output: str) -> None:
    """List the labs and their hosts."""
    found = labs.labs()
    if output == "json":
        click.echo(json.dumps([_described(one) for one in found], indent=2))
        return
    rows = [(one.name, host.name, host.address, one.image, _state(one, host)) for one in found for host in one.hosts]
    rows += [(one.name, "-", "-", "-", "left over: mesosctl lab down") for one in found if not one.hosts]
    if not rows:
        click.echo("no labs", err=True)
        return
    for row in [("LAB", "HOST", "ADDRESS", "IMAGE", "STATE"), *rows]:
        click.echo("{:<12} {:<5} {:<15} {:<6} {}".format(*row))


@lab.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@name_option
@click.argument("host", metavar="[USER@]HOST")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def ssh(name: str, host: str, command: tuple[str, ...]) -> None:
    """Log in on a host, or run a command there.

    Ends with the exit status of ssh, which is that of the command.
    """
    if not shutil.which("ssh"):
        raise UsageError("there is no ssh on this machine", fix="apt-get install openssh-client")
    user, _, machine = host.rpartition("@")
    line = labs.find(name).ssh_command(machine, *command, user=user or "root")
    sys.stdout.flush()
    os.execvp(line[0], line)


@lab.command()
@name_option
@click.argument("hosts", nargs=-1, required=True, metavar="HOST...")
def stop(name: str, hosts: tuple[str, ...]) -> None:
    """Cut the power of hosts."""
    labs.find(name).stop(*hosts)
    click.echo(f"off: {', '.join(hosts)}")


@lab.command()
@name_option
@click.argument("hosts", nargs=-1, required=True, metavar="HOST...")
def start(name: str, hosts: tuple[str, ...]) -> None:
    """Switch hosts on again and wait for their sshd."""
    labs.find(name).start(*hosts)
    click.echo(f"on: {', '.join(hosts)}")


@lab.command()
@name_option
@click.argument("a")
@click.argument("b")
def partition(name: str, a: str, b: str) -> None:
    """Cut the network between hosts A and hosts B.

    Both are names, or lists of names with commas. The cut survives a reboot; `mesosctl lab heal` ends it.
    """
    labs.find(name).partition(a.split(","), b.split(","))
    click.echo(f"cut: {a} from {b}")


@lab.command()
@name_option
def heal(name: str) -> None:
    """End all cuts of the network."""
    labs.find(name).heal()
    click.echo("healed")


@lab.command()
@name_option
@click.argument("image")
@click.argument("hosts", nargs=-1, metavar="[HOST...]")
def load(name: str, image: str, hosts: tuple[str, ...]) -> None:
    """Load a Docker image into the engines of hosts.

    IMAGE is one of this machine's engine, so that hosts need no registry. Without HOSTs, all hosts get it whose engine
    runs. The image nginx is made of Debian's package where this machine has none of that name.
    """
    with _progress() as tell:
        loaded = labs.load(labs.find(name), image, hosts, tell)
    click.echo(f"loaded: {image} on {', '.join(host.name for host in loaded)}")


@lab.command()
@name_option
def down(name: str) -> None:
    """Remove a lab.

    Everything that was made for it goes, also after a crash half-way, and nothing else.
    """
    click.echo(f"removed the lab {name}" if labs.down(name) else f"there is no lab {name}")


@contextmanager
def _progress() -> Iterator[Progress]:
    """Progress on standard error: one line that changes on a terminal, else a line for each step."""
    if not sys.stderr.isatty():
        yield lambda text: click.echo(f"lab: {text}", err=True)
        return
    width = shutil.get_terminal_size().columns - 1
    try:
        yield lambda text: click.echo(f"\r\033[Klab: {text} …"[: width + 4], err=True, nl=False)
    finally:
        click.echo("\r\033[K", err=True, nl=False)


def _described(one: labs.Lab) -> dict[str, Any]:
    return {
        "name": one.name,
        "image": one.image,
        "key": str(one.key),
        "hosts": [
            {
                "name": host.name,
                "address": host.address,
                "running": host.running,
                "cut_from": one.cuts().get(host.name, []),
            }
            for host in one.hosts
        ],
    }


def _state(one: labs.Lab, host: labs.LabHost) -> str:
    cut = one.cuts().get(host.name)
    return ("on" if host.running else "off") + (f", cut from {', '.join(cut)}" if cut else "")
