"""`mesosctl keys`: the cluster's own SSH keys, the operator's and the nodes'.

How they are changed without losing the way in is told in `mesosctl.transport.keys`, what the hosts hold of them in
`mesosctl.tasks.ssh_keys`.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from mesosctl.cli.carry_out import confirm, need_terminal
from mesosctl.cli.common import RunOptions, inventory_option, output_option, run_options, yes_option
from mesosctl.cli.session import Session
from mesosctl.cli.summary import host_list
from mesosctl.engine.report import Report
from mesosctl.engine.workflow import Step
from mesosctl.errors import ExitCode, RefusedError
from mesosctl.inventory.load import load_inventory
from mesosctl.inventory.model import Keys
from mesosctl.inventory.state import ClusterState
from mesosctl.resources.program import APPLY
from mesosctl.tasks import resources_of, stage

ACCESS = stage("access")
STEPS = [Step(ACCESS, lambda cluster, host, facts: resources_of(ACCESS, cluster, host, facts))]
NO_WAY_IN = ("authentication", "passphrase")
"""Causes of a login that fails for want of a key or password."""
NAMES_SHOWN = 60
"""Characters of host names in a message."""


@click.group()
def keys() -> None:
    """Create, push, rotate and revoke the cluster's SSH keys.

    There are two: the operator's, with which mesosctl logs in from this machine, and the nodes', with which the
    masters reach all nodes. Other lines of authorized_keys are left alone.
    """


@keys.command()
@inventory_option
@run_options
def push(inventory: Path, options: RunOptions) -> ExitCode:
    """Make the keys if there are none, and install them on the hosts.

    The first contact may be made with a password: from the inventory, or asked with --ask-password.
    """
    session = Session(inventory, options)
    make_keys(session)
    return session.finish(_install(session, "keys push"))


@keys.command()
@inventory_option
@run_options
def rotate(inventory: Path, options: RunOptions) -> ExitCode:
    """Replace both keys by new ones, without losing the way in.

    The new keys are installed beside the old ones and tried on every host. Only when all hosts have let the new key in
    do the old ones go; until then everything goes on with the old keys, and the same command finishes it later.
    """
    from mesosctl.transport import keys as files
    from mesosctl.transport.ways import OnlyKey

    session = Session(inventory, options)
    _whole(session, "rotated")
    session.use_keys(files.stage(session.cluster))
    report = _install(session, "keys rotate")
    if not report.failed:
        tried = session.log_in("keys rotate", OnlyKey(session.cluster, files.staged_operator_key(session.cluster)))
        report.interrupted = tried.interrupted
        for name, host in tried.hosts.items():
            report.hosts[name].failure = host.failure
    if report.failed:
        code = session.finish(report)
        why = "it was interrupted" if report.interrupted else f"{_failed(report)} did not take the new keys"
        click.echo(
            f"\nNot rotated yet: {why}. All hosts still take the old keys.\n"
            "Run it again, when the hosts are back or gone from the inventory.",
            err=True,
        )
        return code
    session.use_keys(files.adopt(session.cluster))
    report = _install(session, "keys rotate")
    code = session.finish(report)
    if report.failed:
        click.echo(
            f"\nThe new keys are in use. {_failed(report)} still take the old ones too: finish it with\n"
            f"    mesosctl keys push {inventory}",
            err=True,
        )
    return code


@keys.command()
@inventory_option
@yes_option
@run_options
def revoke(inventory: Path, yes: bool, options: RunOptions) -> ExitCode:
    """Take both keys off the hosts, then delete them here.

    Refused where a host would not let the operator in any other way. Keys stay here as long as a host has not
    forgotten them.
    """
    from mesosctl.transport import keys as files

    session = Session(inventory, options)
    if not yes:
        need_terminal(session, "--yes")
    logins, without = locked_out(session, "keys revoke")
    if logins.interrupted:
        return session.finish(logins)
    if without:
        raise RefusedError(
            f"without the cluster's key there is no way into {host_list(sorted(without), NAMES_SHOWN)}; "
            "nothing was changed",
            fix="install another key there, or name one (ssh.key) or a password (ssh.password) in the inventory",
        )
    if not yes:
        confirm(f"Take the keys of {session.cluster.name} off {len(session.limit.hosts)} hosts?")
    session.use_keys(Keys())
    report = _install(session, "keys revoke")
    if not report.failed and len(session.limit.hosts) == len(session.cluster.hosts):
        files.remove(session.cluster)
    return session.finish(report)


@keys.command()
@inventory_option
@output_option
def show(inventory: Path, output: str) -> None:
    """Show the public halves and fingerprints of the keys."""
    from mesosctl.transport.hostkey import parse_key

    cluster = load_inventory(inventory, require_secrets=False)
    state = ClusterState(cluster.state_dir)
    found = []
    for name, path, public in (
        ("operator", state.operator_key, cluster.keys.operator_public),
        ("nodes", state.node_key, cluster.keys.node_public),
    ):
        key = parse_key(public, str(path))
        found.append({"key": name, "file": str(path), "public": public, "fingerprint": key.fingerprint if key else ""})
    if output == "json":
        click.echo(json.dumps(found, indent=2))
    elif not cluster.keys.operator_public:
        click.echo(f"{cluster.name} has no keys yet; they are made by: mesosctl keys push", err=True)
    else:
        for one in found:
            click.echo(f"{one['key']}: {one['fingerprint']}\n  {one['file']}\n  {one['public']}")


def make_keys(session: Session) -> None:
    """Make the cluster's keys where there are none, and go on with them."""
    from mesosctl.transport.keys import ensure

    session.use_keys(ensure(session.cluster))


def locked_out(session: Session, action: str) -> tuple[Report, frozenset[str]]:
    """A look at all hosts without the operator's key, and the names of those that let nobody in any other way."""
    if not ClusterState(session.cluster.state_dir).operator_key.exists():
        return Report(run_id="", cluster=session.cluster.name, action=action), frozenset()
    from mesosctl.transport.ways import WithoutOperatorKey

    report = session.log_in(action, WithoutOperatorKey(session.cluster))
    failures = {name: host.failure for name, host in report.hosts.items() if host.failure}
    return report, frozenset(name for name, failure in failures.items() if failure.cause in NO_WAY_IN)


def _install(session: Session, action: str) -> Report:
    """Bring the hosts to the keys of the session."""
    return session.execute(STEPS, APPLY, action=action, guarded=False)


def _whole(session: Session, what: str) -> None:
    if len(session.limit.hosts) != len(session.cluster.hosts):
        raise RefusedError(f"keys are {what} on all hosts at once", fix="leave out --limit")


def _failed(report: Report) -> str:
    return host_list([name for name, host in report.hosts.items() if host.failure], NAMES_SHOWN)
