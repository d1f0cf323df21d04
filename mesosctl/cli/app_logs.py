"""`mesosctl app logs`: what the instances of an app have written, and go on writing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from mesosctl.cli.app_connection import Site, connection_options, id_argument
from mesosctl.errors import ExitCode, MesosctlError, UsageError

if TYPE_CHECKING:
    from mesosctl.apps.sandbox import Agents, Tail
    from mesosctl.apps.state import AppState, Instance

EVERY = 1.0
"""Seconds between two looks at the files, and at the instances."""
PATIENCE = 5
"""Looks at a file that cannot be read before this is said."""
COLOURS = ("cyan", "green", "magenta", "yellow", "blue")


@click.command()
@id_argument
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, new instances included, until Ctrl-C.")
@click.option("-e", "--stderr", is_flag=True, help="Standard error in place of standard output.")
@click.option("--file", "name", metavar="NAME", help="Another file of the sandbox.")
@click.option("--instance", metavar="TEXT", help="Only instances with this in their task's id.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    metavar="N",
    help="The last N lines of each.",
)
@click.option("--agent-user", metavar="NAME[:SECRET]", help="Log in at master and agents; the password as in --user.")
@connection_options
def logs(
    id: str,
    follow: bool,
    stderr: bool,
    name: str | None,
    instance: str | None,
    lines: int,
    agent_user: str | None,
    site: Site,
) -> ExitCode:
    """Show what the instances of an app have written.

    The files are read from the agents' sandboxes. Where no instance runs, the one that failed last is shown.
    """
    from mesosctl.apps.client import absolute

    if name and stderr:
        raise UsageError("--file and --stderr name two files")
    show = Show(absolute(id), name or ("stderr" if stderr else "stdout"), instance or "", site, site.agents(agent_user))
    failures = show.first(lines, follow)
    if follow:
        try:
            show.go_on()
        except KeyboardInterrupt:
            return ExitCode.OK
    return ExitCode.FAILED if failures else ExitCode.OK


class Show:
    """Prints lines, each with its instance where there are several."""

    def __init__(self, id: str, name: str, part: str, site: Site, agents: Agents) -> None:
        self._id = id
        self._name = name
        self._part = part
        self._site = site
        self._agents = agents
        self._tails: dict[str, Tail] = {}
        self._seen: set[str] = set()
        """Tasks that have, or had, a tail."""
        self._failures: Counter[str] = Counter()
        """How often the files of a task could not be read; "" is Marathon itself."""
        self._several = False

    def first(self, lines: int, follow: bool) -> int:
        """The last lines of each instance; how many could not be read. Raises UsageError where there is none."""
        state = self._state()
        chosen = list(self._chosen(state, failed=False)) or list(self._chosen(state, failed=not follow))
        if not chosen and not follow:
            raise MesosctlError(
                f"{self._id} has no {'such ' if self._part else ''}instance",
                fix=f"see what holds it up: mesosctl app show {self._id}",
            )
        self._several = follow or len(chosen) > 1
        for instance in chosen:
            tail = self._tail(instance)
            try:
                self._print(tail, tail.last(lines) + ([] if follow else tail.end()))
            except MesosctlError as error:
                if not follow or not instance.young:
                    click.echo(f"mesosctl: {error}", err=True)
                self._failures[instance.task] = PATIENCE
        return len(self._failures)

    def go_on(self) -> None:
        """What comes, for ever."""
        while True:
            running = self._look()
            for task, tail in list(self._tails.items()):
                try:
                    self._print(tail, tail.more())
                    del self._failures[task]
                except MesosctlError as error:
                    self._complain(task, error)
                if running is not None and task not in running:
                    self._print(tail, tail.end())
                    del self._tails[task]
            time.sleep(EVERY)

    def _look(self) -> set[str] | None:
        """The tasks that are still there, new ones included; None where Marathon does not answer now."""
        try:
            state = self._state()
        except MesosctlError as error:
            self._complain("", error)
            return None
        del self._failures[""]
        for instance in self._chosen(state, failed=True):
            if instance.task not in self._seen:
                self._tail(instance)
        return {each.task for each in state.instances}

    def _state(self) -> AppState:
        from mesosctl.apps.state import states

        return states([self._site.marathon.app(self._id)], [])[self._id]

    def _chosen(self, state: AppState, *, failed: bool) -> Iterator[Instance]:
        """The instances that are meant. `failed`: also the one that failed last."""
        found = [state.failure.instance] if failed and state.failure and state.failure.agent else []
        yield from (each for each in (*found, *state.instances) if self._part in each.task)

    def _tail(self, instance: Instance) -> Tail:
        from mesosctl.apps.sandbox import Tail

        self._seen.add(instance.task)
        self._tails[instance.task] = Tail(self._agents.of(instance), instance, self._name)
        return self._tails[instance.task]

    def _print(self, tail: Tail, lines: list[str]) -> None:
        prefix = ""
        if self._several:
            instance = tail.instance
            colour = COLOURS[sum(instance.task.encode()) % len(COLOURS)]
            prefix = click.style(f"{instance.host} {instance.short} | ", fg=colour)
        for line in lines:
            click.echo(f"{prefix}{line}")

    def _complain(self, task: str, error: MesosctlError) -> None:
        """Once, and not of what may be as it should be in a moment: an agent learns later of a task than Marathon."""
        self._failures[task] += 1
        if self._failures[task] == PATIENCE:
            click.echo(f"mesosctl: {error}", err=True)
