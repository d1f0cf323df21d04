"""`mesosctl hosts`: the SSH keys by which the hosts are recognised."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mesosctl.cli.common import inventory_option, limit_option, output_option, table, yes_option
from mesosctl.engine.limit import parse
from mesosctl.errors import ExitCode, RefusedError, UsageError
from mesosctl.inventory.load import load_inventory

if TYPE_CHECKING:
    from mesosctl.transport.trust import Finding

HEAD = ("HOST", "ADDRESS", "TYPE", "FINGERPRINT", "STATE")


@click.group()
def hosts() -> None:
    """Trust the hosts' SSH keys, and list what is trusted."""


@hosts.command("list")
@inventory_option
@limit_option
@output_option
def list_(inventory: Path, limit: tuple[str, ...], output: str) -> None:
    """List the hosts and bastions with the keys that are stored for them.

    Nobody is contacted. Keys come from the inventory, from `hosts trust`, from ~/.ssh/known_hosts or from
    /etc/ssh/ssh_known_hosts; the first that knows a host decides.
    """
    from mesosctl.transport.trust import listed

    cluster = load_inventory(inventory, require_secrets=False)
    findings = listed(cluster, parse(limit, cluster).hosts)
    if output == "json":
        click.echo(json.dumps([_document(finding) for finding in findings], indent=2))
        return
    rows = []
    for finding in findings:
        place = (finding.host, f"{finding.address}:{finding.port}")
        rows += [(*place, key.type, key.fingerprint, key.source) for key in finding.stored]
        if not finding.stored:
            rows.append((*place, "-", "-", "unknown"))
    table([(*HEAD[:-1], "FROM"), *rows])


@hosts.command()
@inventory_option
@limit_option
@yes_option
@click.option(
    "--replace",
    multiple=True,
    metavar="HOST",
    help="Replace the stored key of this host by the one it shows now; may be given several times.",
)
@click.option(
    "--expect",
    multiple=True,
    metavar="HOST=FINGERPRINT",
    help="Trust this host, without a question, if it shows a key of this fingerprint, and only then; may be given "
    "several times.",
)
@output_option
def trust(
    inventory: Path, limit: tuple[str, ...], yes: bool, replace: tuple[str, ...], expect: tuple[str, ...], output: str
) -> ExitCode:
    """Ask the hosts for their SSH keys, show the fingerprints, and store them once you agree.

    Compare the fingerprints with what the hosts themselves say (ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub), or
    have them compared with --expect. A key that differs from the stored one is only replaced where --replace names the
    host, or where it is the expected one.
    """
    from mesosctl.transport.trust import State, scan, store

    cluster = load_inventory(inventory, require_secrets=False)
    findings = scan(cluster, parse(limit, cluster).hosts)
    _check_replace(replace, findings)
    expected = _expected(expect, findings)
    shown = [finding for finding in findings if finding.key and finding.host in expected]
    proven = [finding for finding in shown if finding.key and finding.key.fingerprint in expected[finding.host]]
    wrong = [finding for finding in shown if finding not in proven]
    others = [finding for finding in findings if finding not in wrong]
    new = [finding for finding in others if finding.state is State.UNKNOWN]
    changed = [finding for finding in others if finding.state is State.CHANGED]
    replaced = [finding for finding in changed if finding.host in replace or (finding in proven and not finding.pinned)]
    # Keys that only the user's or the system's files know are stored too: the nodes are told of them.
    known = [finding for finding in others if finding.state is State.KNOWN and not finding.pinned]
    if output == "text":
        _show(findings, replaced, wrong)
    if asked := [finding for finding in (*new, *replaced) if finding not in proven]:
        _agree(len(asked), yes, output)
    if new or replaced or known:
        store(cluster, [*known, *new, *replaced])
    failed = [finding for finding in findings if finding.state is State.UNREACHABLE or finding in changed]
    failed = [*wrong, *(finding for finding in failed if finding not in replaced)]
    if output == "json":
        click.echo(json.dumps([_document(finding, stored=finding not in failed) for finding in findings], indent=2))
    elif new or replaced:
        click.echo(f"stored {len(new) + len(replaced)} in {cluster.state_dir / 'known_hosts'}")
    return ExitCode.FAILED if failed else ExitCode.OK


def _check_replace(replace: Sequence[str], findings: Sequence[Finding]) -> None:
    for name in replace:
        found = [finding for finding in findings if finding.host == name]
        if not found:
            raise UsageError(f"--replace: {name} is no host that was asked", fix="name it as the table does")
        if found[0].pinned:
            raise UsageError(f"--replace: the key of {name} is pinned in the inventory", fix="correct host_keys there")


def _expected(expect: Sequence[str], findings: Sequence[Finding]) -> dict[str, set[str]]:
    """The fingerprints that --expect names, by host. Raises UsageError."""
    expected: dict[str, set[str]] = {}
    for text in expect:
        name, _, fingerprint = text.partition("=")
        if not fingerprint.startswith("SHA256:"):
            raise UsageError(f"--expect: {text!r} is not HOST=SHA256:…", fix="take what ssh-keygen -l prints")
        if name not in {finding.host for finding in findings}:
            raise UsageError(f"--expect: {name} is no host that was asked", fix="name it as the table does")
        expected.setdefault(name, set()).add(fingerprint)
    return expected


def _show(findings: Sequence[Finding], replaced: Sequence[Finding], wrong: Sequence[Finding]) -> None:
    rows = []
    for finding in findings:
        key = finding.key
        rows.append(
            (
                finding.host,
                f"{finding.address}:{finding.port}",
                key.type if key else "-",
                key.fingerprint if key else "-",
                str(finding.state),
            )
        )
    table([HEAD, *rows])
    for finding in findings:
        if finding in wrong:
            click.secho(
                f"\nTHE KEY OF {finding.host} IS NOT THE EXPECTED ONE. Another machine may answer in its place. It is "
                "NOT trusted.",
                fg="red",
                bold=True,
            )
        elif finding.state == "changed" and finding.key:
            stored = ", ".join(f"{key.type} {key.fingerprint} ({key.source})" for key in finding.stored)
            verdict = "is replaced" if finding in replaced else "is NOT trusted"
            click.secho(
                f"\nTHE KEY OF {finding.host} HAS CHANGED. Stored: {stored}.\n"
                f"Somebody may be listening in, or the host was installed anew. The new key {verdict}.",
                fg="red",
                bold=True,
            )
        elif finding.problem:
            click.echo(f"\n{finding.problem}")


def _agree(count: int, yes: bool, output: str) -> None:
    """Ask once; RefusedError for a no."""
    if yes:
        return
    if output == "json" or not terminal():
        raise UsageError("nobody is there to ask whether the keys are right", fix="compare them, then use --yes")
    question = f"\nAre these {count} fingerprints right?" if count > 1 else "\nIs this fingerprint right?"
    if not click.confirm(question):
        raise RefusedError("no key was stored")


def _document(finding: Finding, *, stored: bool | None = None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "host": finding.host,
        "address": finding.address,
        "port": finding.port,
        "state": str(finding.state),
        "shown": finding.key and {"type": finding.key.type, "fingerprint": finding.key.fingerprint},
        "stored": [
            {"type": key.type, "fingerprint": key.fingerprint, "key": key.text, "from": key.source}
            for key in finding.stored
        ],
    }
    if finding.problem:
        document["problem"] = {
            "cause": finding.problem.cause,
            "message": finding.problem.what,
            "fix": finding.problem.fix,
        }
    if stored is not None:
        document["trusted"] = stored
    return document


def terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()
