"""`mesosctl exec` and `mesosctl logs`.

JSON documents: of exec {"cluster": name, "command": text, "hosts": {NAME: {"status": number or null, "output": text,
"failure": null or {"cause": id, "message": text, "fix": text}}}}; of logs {"cluster": name, "service": name, "entries":
[{"time": seconds since 1970, "host": name, "text": text, "follows": bool}], "failures": {NAME: …}}, and with --follow
one such entry a line.
"""

from __future__ import annotations

import json
import shlex
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from mesosctl.cli.common import RunOptions, inventory_only_option, inventory_option, run_options
from mesosctl.cli.session import Session, exit_code
from mesosctl.cli.summary import host_list
from mesosctl.engine import logs as log
from mesosctl.engine.logs import Entry
from mesosctl.engine.remote import EXIT_STATUS, Outcome, execute
from mesosctl.engine.report import Report
from mesosctl.errors import ExitCode

HOST_COLOURS = ("cyan", "green", "magenta", "yellow", "blue")


@click.command("exec", short_help="Run a command on the hosts.", context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="[--] COMMAND...")
@click.option("--stream", is_flag=True, help="Print each line as it comes, instead of the whole output at the end.")
@inventory_only_option
@run_options
def exec_(command: tuple[str, ...], inventory: Path, stream: bool, options: RunOptions) -> ExitCode:
    """Run a command on the hosts.

    It runs as root on all hosts at the same time, its input empty. One word is a text for the shell (`mesosctl exec
    'df -h | head'`); several are taken as they are. Hosts with the same output are shown once. Ends with 0 where it
    ended with 0 everywhere. The audit log keeps who ran it.
    """
    text = command[0] if len(command) == 1 else shlex.join(command)
    session = Session(inventory, options)
    told = threading.Lock()
    prefixes = _prefixes(session)

    def on_line(host: str, line: str) -> None:
        if stream and not options.json:
            with told:
                click.echo(f"{prefixes[host]}{line}")

    with session.run("exec") as run:
        outcomes = execute(run, text, on_line)
    if options.json:
        click.echo(json.dumps(_document(text, outcomes, run.report)))
    else:
        _show(outcomes, run.report, outputs=not stream)
    return exit_code(run.report)


def _document(text: str, outcomes: Mapping[str, Outcome], report: Report) -> dict[str, object]:
    def failure(host: str) -> dict[str, str] | None:
        found = report.hosts[host].failure
        return asdict(found) if found else None

    return {
        "cluster": report.cluster,
        "command": text,
        "hosts": {
            name: {"status": outcome.status, "output": "\n".join(outcome.lines), "failure": failure(name)}
            for name, outcome in outcomes.items()
        },
    }


def _show(outcomes: Mapping[str, Outcome], report: Report, *, outputs: bool) -> None:
    """The outputs, what is the same on several hosts once, then the hosts where it did not end with 0."""
    groups: dict[tuple[int | None, tuple[str, ...]], list[str]] = {}
    for name, outcome in outcomes.items():
        groups.setdefault((outcome.status, tuple(outcome.lines)), []).append(name)
    for (status, lines), hosts in groups.items() if outputs else ():
        if status is not None or lines:
            ended = "" if status == 0 else f" (exit status {status})"
            click.echo(
                click.style(f"== {host_list(hosts, 60)}{ended}", fg="green" if status == 0 else "red", bold=True)
            )
            for line in lines:
                click.echo(line)
    failed: dict[tuple[str, str], list[str]] = {}
    for name, host in report.hosts.items():
        if host.failure and not (outputs and host.failure.cause == EXIT_STATUS):
            failed.setdefault((f"{host.failure.cause}: {host.failure.message}", host.failure.fix), []).append(name)
    for (what, fix), hosts in failed.items():
        click.echo(click.style(f"{host_list(hosts, 60)}: {what}", fg="red"), err=True)
        if fix:
            click.echo(f"  → {fix}", err=True)


@click.command(short_help="Show the logs of a service from all its hosts.")
@click.argument("service")
@inventory_option
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="Of each host, the last N lines of the file and of the journal.",
)
@click.option("--since", metavar="TIME", help="Only what came since then: 90s, 10m, 2h, 3d, or 2025-01-31T18:00.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@run_options
def logs(service: str, inventory: Path, lines: int, since: str | None, follow: bool, options: RunOptions) -> ExitCode:
    """Show the logs of a service from all its hosts.

    The service's own log file and the journal of its unit, put in the order of time, each line with its host. Times
    are those of this machine's zone.
    """
    wanted = log.service_named(service)
    start = None if since is None else log.moment(since, time.time())
    session = Session(inventory, options)
    prefixes = _prefixes(session)

    def show(entry: Entry) -> None:
        click.echo(json.dumps(asdict(entry)) if options.json else f"{prefixes[entry.host]}{_text(entry)}")

    entries: list[Entry] = []
    with session.run("logs") as run:
        if follow:
            log.follow(run, wanted, show, count=lines, since=start)
        else:
            entries = log.read(run, wanted, count=lines, since=start)
    if follow and run.report.interrupted:
        return ExitCode.OK
    if options.json and not follow:
        failures = {name: asdict(host.failure) for name, host in run.report.hosts.items() if host.failure}
        document = {"cluster": session.cluster.name, "service": service, "entries": [asdict(one) for one in entries]}
        click.echo(json.dumps({**document, "failures": failures}))
    else:
        for entry in entries:
            show(entry)
        _show({}, run.report, outputs=False)
    return exit_code(run.report)


def _text(entry: Entry) -> str:
    if entry.follows:
        return f"{'':<24}{entry.text}"
    moment = datetime.fromtimestamp(entry.time)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} {entry.text}"


def _prefixes(session: Session) -> dict[str, str]:
    """What stands before the lines of each host, in colours that tell neighbours apart."""
    names = [host.name for host in session.limit.hosts]
    width = max(map(len, names))
    return {
        name: click.style(f"{name:<{width}} | ", fg=HOST_COLOURS[place % len(HOST_COLOURS)])
        for place, name in enumerate(names)
    }
