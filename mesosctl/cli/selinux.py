"""`mesosctl selinux show` and `set`.

JSON documents: show {"cluster": name, "declared": mode, "hosts": {NAME: {"now": mode, "after_reboot": mode}},
"failures": {NAME: …}}; set prints a run's.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import click

from mesosctl.cli.carry_out import carry_out_and_finish, change_options
from mesosctl.cli.common import RunOptions, inventory_only_option, inventory_option, run_options
from mesosctl.cli.session import Session, exit_code
from mesosctl.engine import chapters
from mesosctl.errors import ExitCode
from mesosctl.inventory.model import SelinuxMode

MODES = [mode.value for mode in SelinuxMode if mode is not SelinuxMode.UNMANAGED]


@click.group()
def selinux() -> None:
    """Show or set the SELinux mode."""


@selinux.command()
@inventory_option
@run_options
def show(inventory: Path, options: RunOptions) -> ExitCode:
    """Show each host's mode, now and after a reboot."""
    session = Session(inventory, options)
    with session.run("selinux show") as run:
        run.gather()
    declared = session.cluster.selinux.value
    modes = {name: (facts.selinux, facts.selinux_config or facts.selinux) for name, facts in run.facts.items()}
    failures = {name: host.failure for name, host in run.report.hosts.items() if host.failure}
    if options.json:
        document = {"cluster": session.cluster.name, "declared": declared}
        hosts = {name: {"now": now, "after_reboot": later} for name, (now, later) in modes.items()}
        failed = {name: asdict(failure) for name, failure in failures.items()}
        click.echo(json.dumps({**document, "hosts": hosts, "failures": failed}))
        return exit_code(run.report)
    width = max(4, *(len(host.name) for host in session.limit.hosts)) + 2
    click.echo(f"{'HOST':<{width}}{'NOW':<12}AFTER A REBOOT")
    for name in (host.name for host in session.limit.hosts):
        now, later = modes.get(name, ("", ""))
        failure = failures.get(name)
        click.echo(f"{name:<{width}}" + (f"{failure.cause}: {failure.message}" if failure else f"{now:<12}{later}"))
    click.echo(f"\nThe inventory asks for: {declared}")
    return exit_code(run.report)


@selinux.command("set")
@click.argument("mode", type=click.Choice(MODES), required=False)
@inventory_only_option
@change_options
@run_options
def set_(mode: str | None, inventory: Path, dry_run: bool, diff: bool, yes: bool, options: RunOptions) -> ExitCode:
    """Set the mode, MODE or the one that the inventory asks for.

    Shows first what would change, and asks. Never reboots: where only a reboot helps it says so. From disabled to
    enforcing it goes by way of permissive, where files get the labels that they lack. A host without SELinux stays
    as it is.
    """
    session = Session(inventory, options)
    wanted = SelinuxMode(mode) if mode else session.cluster.selinux
    if wanted is not session.cluster.selinux:
        click.echo(
            f"the inventory asks for {session.cluster.selinux}: the next bootstrap will set that again", err=True
        )
        session.cluster = replace(session.cluster, selinux=wanted)
    return carry_out_and_finish(
        session,
        [chapters.selinux()],
        action="selinux set",
        question=f"Set SELinux to {wanted}?",
        yes=yes,
        dry_run=dry_run,
        diff=diff,
    )
