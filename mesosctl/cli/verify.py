"""`mesosctl verify`: how the promises of the guide stand on the hosts, on the screen, as JSON and as JUnit XML.

The JSON document: {"cluster": name, "ok": bool, "counts": {"held": n, "broken": n, "not-applicable": n},
"promises": [{"host": name or "cluster", "chapter": text, "test": name, "promise": text, "status": "held" | "broken" |
"not-applicable", "message": text, "seconds": number}], "failures": {NAME: {"cause": id, "message": text,
"fix": text}}}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from mesosctl.cli.common import RunOptions, inventory_option, limit_option, output_option, parallel_option
from mesosctl.cli.display import lively
from mesosctl.cli.session import Session
from mesosctl.errors import ExitCode, MesosctlError, UsageError
from mesosctl.inventory.model import Role
from mesosctl.verify.outcome import BROKEN, HELD, NOT_THERE, Finding, Outcome

MARKS = {
    HELD: click.style("ok", fg="green"),
    BROKEN: click.style("broken", fg="red"),
    NOT_THERE: click.style("n/a", fg="bright_black"),
}


@click.command(short_help="Ask the hosts whether the promises of the guide hold.")
@inventory_option
@click.option(
    "--role",
    type=click.Choice([*(str(each) for each in Role), "slave"]),
    help="Only what is promised of hosts with this role.",
)
@click.option(
    "-k",
    "words",
    default="",
    metavar="EXPRESSION",
    help="Only tests whose name, module or host fits, as pytest's -k: 'proxy and not git'.",
)
@limit_option
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Also write JUnit XML.")
@parallel_option
@click.option("--ask-password", "ask_login", is_flag=True, help="Ask for the hosts' login password.")
@click.option("-K", "--ask-sudo-password", "ask_sudo", is_flag=True, help="Ask for the hosts' sudo password.")
@output_option
@click.option("-v", "--verbose", is_flag=True, help="Also show what holds.")
def verify(inventory: Path, role: str | None, words: str, junit: Path | None, **given: object) -> ExitCode:
    """Ask the hosts whether the promises of the guide hold.

    A testinfra suite looks at each host over the connection of the inventory, and at the cluster as a whole where no
    host is left out: files, modes and owners, services, the proxy of every tool, SELinux, the quorum of ZooKeeper, one
    leading master, registered agents, a leading Marathon. It changes nothing. Ends with 0 where all promises hold,
    with 1 where one is broken or a host could not be asked.
    """
    options = RunOptions(**given)  # type: ignore[arg-type]
    if junit and not junit.absolute().parent.is_dir():
        raise UsageError(f"--junit: there is no folder {junit.parent}")
    session = Session(inventory, options)
    found = _look(session, Role.AGENT if role == "slave" else Role(role) if role else None, words)
    if not found:
        raise MesosctlError(
            "no promise of this inventory fits", fix="widen --limit, --role or -k; mesosctl verify -v lists all"
        )
    if options.json:
        click.echo(json.dumps(_document(session.cluster.name, found)))
    else:
        _show(session.cluster.name, found, verbose=options.verbose)
    if junit:
        from mesosctl.verify.junit import write

        write(junit, session.cluster.name, found)
    return ExitCode.OK if _holds(found) else ExitCode.FAILED


def _look(session: Session, role: Role | None, words: str) -> list[Finding]:
    """The findings in the inventory's order, the cluster's last; progress is shown on a terminal."""
    from mesosctl.verify.run import Selection, run

    hosts = tuple(session.limit.hosts)
    order = {host.name: index for index, host in enumerate(hosts)}
    found: list[Finding] = []

    def tell(finding: Finding) -> None:
        found.append(finding)
        progress.update(1)

    with click.progressbar(
        length=len(hosts) + 1,
        label=f"verify {session.cluster.name}",
        file=sys.stderr,
        hidden=not lively(sys.stderr),
    ) as progress:
        run(session.cluster, Selection(hosts, role, words), parallel=session.options.parallel, tell=tell)
    return sorted(found, key=lambda finding: order.get(finding.host, len(order)))


def _outcomes(found: Sequence[Finding]) -> list[Outcome]:
    return [outcome for finding in found for outcome in finding.outcomes]


def _holds(found: Sequence[Finding]) -> bool:
    return not any(finding.failure for finding in found) and all(each.status != BROKEN for each in _outcomes(found))


def _document(cluster: str, found: Sequence[Finding]) -> dict[str, object]:
    return {
        "cluster": cluster,
        "ok": _holds(found),
        "counts": _counts(found),
        "promises": [asdict(each) for each in _outcomes(found)],
        "failures": {finding.host: asdict(finding.failure) for finding in found if finding.failure},
    }


def _counts(found: Sequence[Finding]) -> dict[str, int]:
    outcomes = _outcomes(found)
    return {status: sum(each.status == status for each in outcomes) for status in MARKS}


def _show(cluster: str, found: Sequence[Finding], *, verbose: bool) -> None:
    """Each host with what is broken there, or with all; then what it comes to."""
    width = max(len(finding.host) for finding in found)
    for finding in found:
        _show_place(finding, width, verbose=verbose)
    counts = _counts(found)
    verdict = click.style("holds", fg="green", bold=True)
    counted = ", ".join(f"{counts[status]} {status}" for status in MARKS)
    unasked = sum(bool(finding.failure) for finding in found)
    if unasked:
        verdict = click.style("unknown", fg="yellow", bold=True)
        counted += f", {unasked} not asked"
    if counts[BROKEN]:
        verdict = click.style("does not hold", fg="red", bold=True)
    click.echo(f"\nverify {cluster}: {verdict}; {counted}")
    if counts[BROKEN]:
        click.echo(
            "→ mesosctl plan shows what bootstrap would put right, mesosctl status what start-cluster would start"
        )


def _show_place(finding: Finding, width: int, *, verbose: bool) -> None:
    counts = _counts([finding])
    said = f"{counts[HELD]} of {counts[HELD] + counts[BROKEN]} promises hold"
    if finding.failure:
        said = click.style(f"not asked: {finding.failure.message}", fg="red")
    elif counts[BROKEN]:
        said = click.style(said, fg="red")
    click.echo(f"{finding.host:<{width}}  {said}")
    if finding.failure and finding.failure.fix:
        click.echo(f"{'':<{width}}  → {finding.failure.fix}")
    for each in finding.outcomes:
        if verbose or each.status == BROKEN:
            tail = f": {each.message}" if each.message else ""
            click.echo(f"{'':<{width}}  {MARKS[each.status]}  {each.chapter}: {each.promise}{tail}  [{each.test}]")
