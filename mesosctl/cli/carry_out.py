"""Commands that change a part of the hosts: show what would change, ask, carry it out."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from mesosctl.cli import changes
from mesosctl.cli.common import diff_option, yes_option
from mesosctl.cli.session import Session
from mesosctl.engine.report import Report, Status
from mesosctl.engine.workflow import Step
from mesosctl.errors import ExitCode, RefusedError, UsageError
from mesosctl.resources.program import Mode

Function = TypeVar("Function", bound=Callable[..., Any])


def change_options(function: Function) -> Function:
    """Adds --dry-run, --diff and --yes; the command gets them as `dry_run`, `diff` and `yes`."""
    dry_run = click.option(
        "-n", "--dry-run", is_flag=True, help="Only show what would change; ends with 2 if anything would."
    )
    return dry_run(diff_option(yes_option(function)))


def carry_out(
    session: Session,
    steps: Sequence[Step],
    *,
    action: str,
    question: str,
    yes: bool,
    dry_run: bool = False,
    diff: bool = False,
    unset: bool = False,
) -> Report:
    """Look, ask and do, as far as the options say; the report of the last that was done.

    Raises UsageError where there is nobody to ask, and RefusedError where the answer is no.
    """
    if not (yes or dry_run):
        need_terminal(session, "--yes, or --dry-run")
    if dry_run or not yes:
        look = Mode(write=False, unset=unset, diff=diff or dry_run)
        report = session.execute(steps, look, action=action, guarded=False, quiet=True)
        if not session.options.json:
            show_changes(report, steps, diffs=look.diff)
        if dry_run or report.interrupted or not report.count(Status.PENDING):
            return report
        confirm(question)
    mode = Mode(write=True, unset=unset, diff=diff)
    report = session.execute(steps, mode, action=action, guarded=False)
    if diff and not session.options.json:
        show_changes(report, steps, diffs=True)
    return report


def carry_out_and_finish(session: Session, steps: Sequence[Step], **how: Any) -> ExitCode:
    """`carry_out`, and its summary; how the command ends."""
    return session.finish(carry_out(session, steps, **how))


def confirm(question: str) -> None:
    """Ask whether to go on; RefusedError where the answer is no."""
    click.echo()
    if not click.confirm(question):
        raise RefusedError("nothing was changed")


def need_terminal(session: Session, instead: str) -> None:
    """UsageError where nobody can be asked; `instead` names the options for that."""
    if session.options.json or not sys.stdin.isatty():
        raise UsageError("there is nobody to ask whether to go on", fix=f"give {instead}")


def show_changes(report: Report, steps: Sequence[Step], *, diffs: bool) -> None:
    """Print what was changed or would be."""
    titles = {step.stage.name: step.stage.title for step in steps}
    width = shutil.get_terminal_size((100, 40)).columns
    for line in changes.lines(report, titles, width, diffs=diffs):
        click.echo(line)
