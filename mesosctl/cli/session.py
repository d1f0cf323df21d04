"""What a command does around its work on hosts: inventory in, secrets asked, workflow watched, exit code out."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mesosctl.cli import display, summary
from mesosctl.cli.common import RunOptions
from mesosctl.engine import workflow
from mesosctl.engine.limit import Limit, parse
from mesosctl.engine.report import Report, Status
from mesosctl.engine.run import Options, Run
from mesosctl.errors import ExitCode, UsageError
from mesosctl.inventory.load import read
from mesosctl.inventory.model import Cluster, Host, Keys, Secret
from mesosctl.inventory.problem import InvalidInventory
from mesosctl.resources.program import Mode
from mesosctl.tasks import STAGES
from mesosctl.transport import Transport

if TYPE_CHECKING:
    from mesosctl.transport.ssh import SshTransport

STAGE_NAMES = tuple(stage.name for stage in STAGES)


class Session:
    """One command's work with a cluster.

    Reads the inventory (its warnings go to standard error), narrows it with --limit, and asks for passwords, all
    before anything is contacted. `stages` are the names that --limit may give besides hosts and roles. Raises
    InvalidInventory and UsageError.
    """

    def __init__(self, inventory: Path, options: RunOptions, *, stages: Sequence[str] = ()) -> None:
        self.options = options
        cluster = load(inventory)
        self.limit: Limit = parse(options.limit, cluster, stages)
        self.cluster = _with_passwords(cluster, self.limit, options)
        self.limit = parse(options.limit, self.cluster, stages)
        self.engine_options = Options(
            parallel=options.parallel, host_timeout=options.timeout, step_timeout=options.step_timeout
        )

    @cached_property
    def transport(self) -> SshTransport:
        """The connections of this command, made on first use; a run closes them when it ends."""
        from mesosctl.transport.ssh import SshTransport

        return SshTransport(self.cluster)

    def execute(
        self,
        steps: Sequence[workflow.Step],
        mode: Mode,
        *,
        action: str,
        guarded: bool = True,
        accepted: Collection[str] = (),
        quiet: bool = False,
    ) -> Report:
        """Take the hosts through the steps while the screen shows it; see `workflow.execute`.

        `quiet`: the result is what counts (a plan), so progress is shown on a terminal only.
        """
        stages = [step.stage.name for step in steps]
        with display.watch(self._title(action), self._host_names, stages, self.options, quiet=quiet) as listener:
            return workflow.execute(
                self.cluster,
                self.transport,
                steps,
                mode,
                action=action,
                hosts=self.limit.hosts,
                listener=listener,
                options=self.engine_options,
                guarded=guarded,
                accepted=accepted,
            )

    @contextmanager
    def run(self, action: str, *, writes: bool = False, transport: Transport | None = None) -> Iterator[Run]:
        """A `Run` over the hosts of the limit, for commands that are no workflow; progress is shown on a terminal.

        After Ctrl-C the body is left, and the run's report says `interrupted`.
        """
        with display.watch(self._title(action), self._host_names, [], self.options, quiet=True) as listener:
            run = Run(
                self.cluster,
                transport or self.transport,
                action=action,
                writes=writes,
                hosts=self.limit.hosts,
                listener=listener,
                options=self.engine_options,
            )
            try:
                with run:
                    yield run
            except KeyboardInterrupt:
                run.report.interrupted = True

    def log_in(self, action: str, transport: Transport) -> Report:
        """Log in on every host of the limit with a transport that knows other ways in, and do nothing there."""
        with self.run(action, transport=transport) as run:
            run.on_hosts("login", run.hosts, lambda host: run.connection(host).close())
        return run.report

    def use_keys(self, keys: Keys) -> None:
        """Go on with these keys of the cluster; the next run connects anew."""
        self.cluster = replace(self.cluster, keys=keys)
        self.__dict__.pop("transport", None)

    def finish(self, report: Report) -> ExitCode:
        """Print the summary of a run, or its JSON document, and return how the command ends."""
        summary.show(report, self.options)
        return exit_code(report)

    @property
    def _host_names(self) -> list[str]:
        return [host.name for host in self.limit.hosts]

    def _title(self, action: str) -> str:
        return f"{action} {self.cluster.name}"


def load(inventory: Path, *, require_secrets: bool = True) -> Cluster:
    """The cluster of an inventory, its warnings printed to standard error. Raises InvalidInventory."""
    loaded = read(inventory, require_secrets=require_secrets)
    if loaded.cluster is None:
        raise InvalidInventory(inventory, loaded.problems)
    for warning in loaded.warnings:
        click.echo(str(warning), err=True)
    return loaded.cluster


def exit_code(report: Report) -> ExitCode:
    """How a command ends that did what the report says."""
    if report.interrupted:
        return ExitCode.INTERRUPTED
    if report.failed:
        return ExitCode.FAILED
    return ExitCode.CHANGES_PENDING if report.count(Status.PENDING) else ExitCode.OK


def ask_secret(question: str) -> Secret:
    """A secret typed on the terminal; UsageError where there is none."""
    if not sys.stdin.isatty():
        raise UsageError(
            f"there is no terminal to ask for the {question} on",
            fix="name it in the inventory: ssh.password or ssh.sudo_password, as env:NAME or file:PATH",
        )
    return Secret("asked", click.prompt(question[0].upper() + question[1:], hide_input=True, err=True))


def _with_passwords(cluster: Cluster, limit: Limit, options: RunOptions) -> Cluster:
    """The cluster with the passwords that the user wants to be asked for, for hosts whose inventory names none."""
    if not (options.ask_login or options.ask_sudo):
        return cluster
    login = ask_secret("login password") if options.ask_login else None
    sudo = ask_secret("sudo password") if options.ask_sudo else None
    chosen = {host.name for host in limit.hosts}

    def completed(host: Host) -> Host:
        ssh = host.ssh
        return replace(
            host,
            ssh=replace(
                ssh,
                password=ssh.password or login,
                sudo_password=ssh.sudo_password or sudo,
                sudo=ssh.sudo or (sudo is not None and ssh.user != "root"),
            ),
        )

    return replace(cluster, hosts=tuple(completed(host) if host.name in chosen else host for host in cluster.hosts))
