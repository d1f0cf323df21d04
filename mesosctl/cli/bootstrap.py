"""`mesosctl plan`, `bootstrap` and `reset`: the stages of the guide looked at, carried out, and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from mesosctl.cli.carry_out import confirm, need_terminal, show_changes
from mesosctl.cli.common import RunOptions, diff_option, inventory_option, run_options, yes_option
from mesosctl.cli.keys import locked_out, make_keys
from mesosctl.cli.session import STAGE_NAMES, Session
from mesosctl.engine import reset as taking_back
from mesosctl.engine import workflow
from mesosctl.engine.report import Report, Status
from mesosctl.errors import ExitCode, RefusedError
from mesosctl.inventory.model import Keys, Secret
from mesosctl.resources.program import Mode
from mesosctl.tasks import proxy

TO_BE_MADE = Keys(
    operator_public="(the public half of the operator's key, which bootstrap makes)",
    node_public="(the public half of the nodes' key, which bootstrap makes)",
    node_private=Secret("to be made", "(the private half of the nodes' key, which bootstrap makes)"),
)
"""Stands in a plan for keys that there are not yet."""


accept_option = click.option(
    "--accept",
    "accepted",
    metavar="REFUSAL",
    multiple=True,
    help="Do what is refused because it loses data; the refusal says how it is called.",
)


@click.command(short_help="Show what bootstrap would change, as diffs; changes nothing.")
@inventory_option
@accept_option
@run_options
def plan(inventory: Path, accepted: tuple[str, ...], options: RunOptions) -> ExitCode:
    """Show what bootstrap would change, as diffs; changes nothing.

    Ends with 0 where everything is as declared, with 2 where changes are pending, with 1 where a host failed.
    """
    session = Session(inventory, options, stages=STAGE_NAMES)
    if not session.cluster.keys.operator_public:
        session.use_keys(TO_BE_MADE)
    steps = workflow.chapters(session.limit)
    _warn(session)
    report = session.execute(steps, Mode(write=False, diff=True), action="plan", accepted=accepted, quiet=True)
    if not options.json:
        show_changes(report, steps, diffs=True)
    return session.finish(report)


@click.command(short_help="Bring all hosts to the state that the inventory declares.")
@inventory_option
@yes_option
@diff_option
@accept_option
@run_options
def bootstrap(inventory: Path, yes: bool, diff: bool, accepted: tuple[str, ...], options: RunOptions) -> ExitCode:
    """Bring all hosts to the state that the inventory declares.

    Without --yes it first shows what would change, and asks. It can be interrupted and run again at any time: what
    holds already is left alone.
    """
    session = Session(inventory, options, stages=STAGE_NAMES)
    if not yes:
        need_terminal(session, "--yes")
    _warn(session)
    make_keys(session)
    steps = workflow.chapters(session.limit)
    if not yes:
        report = session.execute(steps, Mode(write=False, diff=diff), action="plan", accepted=accepted, quiet=True)
        if not _go_on(session, steps, report, diff):
            return session.finish(report)
        confirm("Make these changes?")
    report = session.execute(steps, Mode(write=True, diff=diff), action="bootstrap", accepted=accepted)
    if diff and not options.json:
        show_changes(report, steps, diffs=True)
    return session.finish(report)


@click.command(short_help="Take back what mesosctl put on the hosts.")
@inventory_option
@click.option("--data", is_flag=True, help="Also delete the data: ZooKeeper's, the masters' and agents', all logs.")
@click.option("--yes-really", "named", metavar="NAME", help="Do not ask; NAME is the name of the cluster.")
@diff_option
@run_options
def reset(inventory: Path, data: bool, named: str | None, diff: bool, options: RunOptions) -> ExitCode:
    """Take back what mesosctl put on the hosts.

    Files get back what they held before, what was installed here is removed, services started here are stopped. Data
    and logs stay, unless --data is given. The last thing taken back is the key that the operator logs in with; it
    stays where there is no other way in.
    """
    session = Session(inventory, options, stages=STAGE_NAMES)
    cluster = session.cluster.name
    if named is None:
        need_terminal(session, "--yes-really NAME")
    if named not in (None, cluster):
        raise RefusedError(f"the cluster of {inventory} is {cluster}, not {named}; nothing was changed")
    taking_back.refuse(session.cluster, session.limit)
    logins, kept = locked_out(session, "reset")
    if logins.interrupted:
        return session.finish(logins)
    steps = taking_back.steps(session.limit, data=data, keep_access=kept)
    if named is None:
        report = session.execute(steps, Mode(write=False, unset=True, diff=diff), action="reset", quiet=True)
        if not _go_on(session, steps, report, diff):
            return session.finish(report)
        _confirm_by_name(cluster, data)
    report = session.execute(steps, Mode(write=True, unset=True), action="reset")
    for name in sorted(kept):
        if not report.hosts[name].failure:
            report.hosts[name].notes.append("the operator's key was left there: there is no other way in")
    return session.finish(report)


def _warn(session: Session) -> None:
    """Say what the operator should know of this cluster's proxy settings."""
    for warning in proxy.warnings(session.cluster):
        click.echo(f"warning: {warning}", err=True)


def _go_on(session: Session, steps: Sequence[workflow.Step], report: Report, diff: bool) -> bool:
    """Show what a dry run found; whether there is anything to ask about."""
    if report.interrupted or not report.count(Status.PENDING):
        return False
    show_changes(report, steps, diffs=diff)
    session.finish(report)
    return True


def _confirm_by_name(cluster: str, data: bool) -> None:
    what = "all this, and delete the data" if data else "all this"
    click.echo()
    if click.prompt(f"To take back {what}, type the name of the cluster", default="", show_default=False) != cluster:
        raise RefusedError(f"that is not {cluster}; nothing was changed")
