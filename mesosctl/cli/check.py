"""`mesosctl check`: the findings of the preflight check on the screen or as JSON, and their repair.

The JSON document: {"cluster": name, "ok": bool, "findings": [{"check": id, "host": name, "severity": "ok" | "warning" |
"error", "message": text, "fix": text}]}.
"""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from mesosctl.cli.carry_out import carry_out, need_terminal
from mesosctl.cli.common import RunOptions, inventory_option, run_options, yes_option
from mesosctl.cli.session import Session
from mesosctl.cli.summary import host_list
from mesosctl.engine.check import CHECKS, Finding, Severity, findings, repair
from mesosctl.engine.facts import Facts
from mesosctl.errors import ExitCode

COLOURS = {Severity.OK: "green", Severity.WARNING: "yellow", Severity.ERROR: "red"}


@click.command(short_help="Look whether the hosts are fit for the cluster, before anything is changed.")
@inventory_option
@click.option("--fix", is_flag=True, help="Put right what can be put right safely; shows it first, and asks.")
@yes_option
@run_options
def check(inventory: Path, fix: bool, yes: bool, options: RunOptions) -> ExitCode:
    """Look whether the hosts are fit for the cluster, before anything is changed.

    Ends with 0 where nothing speaks against it (there may be warnings), with 1 where something does. What is looked
    at, and the ids, are listed in docs/check.md.
    """
    session = Session(inventory, options)
    if fix and not yes:
        need_terminal(session, "--yes")
    found, facts = _look(session)
    if fix and (step := repair.step(session.cluster, facts, found)):
        if not options.json:
            _show(session, found)
        question = f"Put this right on {len({finding.host for finding in found})} hosts?"
        report = carry_out(session, [step], action="check --fix", question=question, yes=yes)
        if report.interrupted:
            return ExitCode.INTERRUPTED
        found, _ = _look(session)
    if options.json:
        click.echo(json.dumps(_document(session, found)))
    else:
        _show(session, found)
    return ExitCode.OK if _is_fit(found) else ExitCode.FAILED


def _look(session: Session) -> tuple[list[Finding], dict[str, Facts]]:
    with session.run("check") as run:
        run.gather(deep=True)
    if run.report.interrupted:
        raise KeyboardInterrupt
    failures = {name: host.failure for name, host in run.report.hosts.items() if host.failure}
    return findings(session.cluster, run.facts, failures), run.facts


def _is_fit(found: Sequence[Finding]) -> bool:
    return all(finding.severity is not Severity.ERROR for finding in found)


def _document(session: Session, found: Sequence[Finding]) -> dict[str, object]:
    return {"cluster": session.cluster.name, "ok": _is_fit(found), "findings": [asdict(finding) for finding in found]}


def _show(session: Session, found: Sequence[Finding]) -> None:
    width = shutil.get_terminal_size((100, 40)).columns
    for line in _lines(found, width, verbose=session.options.verbose):
        click.echo(line)
    counts = {severity: sum(finding.severity is severity for finding in found) for severity in Severity}
    hosts = len({finding.host for finding in found})
    verdict = (
        click.style("fit", fg="green", bold=True) if _is_fit(found) else click.style("not fit", fg="red", bold=True)
    )
    told = f"{_plural(counts[Severity.ERROR], 'error')}, {_plural(counts[Severity.WARNING], 'warning')}"
    click.echo(f"\ncheck {session.cluster.name}: {verdict}; {told} on {_plural(hosts, 'host')}")


def _lines(found: Sequence[Finding], width: int, *, verbose: bool) -> Iterator[str]:
    """A line for each check: what is the same on several hosts once. What is in order is counted, or told with
    `verbose`."""
    for item in CHECKS:
        of_check = [finding for finding in found if finding.check == item.id]
        groups: dict[tuple[Severity, str, str], list[str]] = {}
        for finding in of_check:
            groups.setdefault((finding.severity, finding.message, finding.fix), []).append(finding.host)
        fine = [finding.host for finding in of_check if finding.severity is Severity.OK]
        if fine and not verbose:
            yield _line(Severity.OK, item.id, host_list(dict.fromkeys(fine), width - 27))
        for (severity, message, fix), hosts in groups.items():
            if severity is Severity.OK and not verbose:
                continue
            yield from _wrapped(_line(severity, item.id, f"{host_list(hosts, width // 2)}: "), message, width)
            if fix:
                yield from _wrapped(" " * 25 + "→ ", fix, width)


def _line(severity: Severity, check_id: str, text: str) -> str:
    return f"{click.style(f'{severity:<8}', fg=COLOURS[severity])} {check_id:<15} {text}"


def _wrapped(head: str, text: str, width: int) -> list[str]:
    """`head` and the text after it, its further lines indented."""
    indent = " " * 27
    first = len(click.unstyle(head))
    lines = textwrap.wrap(" " * first + text, max(width, 60), subsequent_indent=indent, drop_whitespace=True) or [""]
    return [head + lines[0].strip(), *lines[1:]]


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
