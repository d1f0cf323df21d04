"""How a run is shown while it goes on: a live table on a terminal, plain lines elsewhere.

`watch` chooses. A listener is called from the worker threads for every event, so it only remembers (live) or prints a
line (plain); the live table is drawn a few times a second by a thread of its own (`mesosctl.cli.live`).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

import click

from mesosctl.cli.common import RunOptions
from mesosctl.engine.report import Failure, Listener, Result, Silent, Status

COLOURS = {
    Status.OK: "green",
    Status.CHANGED: "yellow",
    Status.PENDING: "yellow",
    Status.FAILED: "red",
    Status.SKIPPED: "bright_black",
}
"""Colours of statuses, for `click.style`."""


@contextmanager
def watch(
    title: str, hosts: Sequence[str], stages: Sequence[str], options: RunOptions, *, quiet: bool
) -> Iterator[Listener]:
    """A listener that shows a run over these hosts and stages.

    With `quiet`, or with JSON output, standard output is left to the result: progress goes to standard error, and
    only if that is a terminal.
    """
    aside = quiet or options.json
    stream = sys.stderr if aside else sys.stdout
    if lively(stream):
        from mesosctl.cli.live import Board, live

        board = Board(title, hosts, stages)
        with live(board, stream):
            yield board
    elif aside:
        yield Silent()
    else:
        yield Lines(verbose=options.verbose)


def lively(stream: TextIO) -> bool:
    """Whether a picture that changes can be drawn: a terminal, and nobody asked for plain text."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("CI") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not plain


class Lines:
    """A line for each stage, for each change and failure, and for each host that is through with a stage."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._begun: dict[str, float] = {}
        self._counts: dict[str, dict[Status, int]] = {}
        self._stage = ""
        self._broken = False

    def stage_started(self, stage: str, hosts: list[str]) -> None:
        if stage == self._stage:
            return  # members of a quorum take their turns in one stage
        self._stage = stage
        self._print(f"== {stage}: {len(hosts)} host{'s' if len(hosts) != 1 else ''}")

    def host_started(self, host: str, stage: str) -> None:
        self._begun[host] = time.monotonic()
        self._counts[host] = {}

    def resource_started(self, host: str, stage: str, resource: str) -> None:
        self._print(f"{host}: {resource} …")

    def result(self, host: str, stage: str, result: Result) -> None:
        counts = self._counts.setdefault(host, {})
        counts[result.status] = counts.get(result.status, 0) + 1
        if self._verbose or result.status in (Status.CHANGED, Status.PENDING):
            message = f": {result.message}" if result.message else ""
            self._print(f"{host}: {paint(result.status)} {result.resource}{message}")

    def host_finished(self, host: str, stage: str, failure: Failure | None) -> None:
        seconds = time.monotonic() - self._begun.get(host, time.monotonic())
        if failure:
            self._print(f"{host}: {paint(Status.FAILED)} {stage}, {failure.cause}: {failure.message}")
            return
        counts = ", ".join(f"{count} {status}" for status, count in self._counts.get(host, {}).items())
        self._print(f"{host}: {stage} done{f': {counts}' if counts else ''} ({seconds:.1f} s)")

    def _print(self, line: str) -> None:
        """A reader that went away (`| head`) must not end a run that changes hosts."""
        if not self._broken:
            try:
                click.echo(line)
            except BrokenPipeError:
                self._broken = True


def paint(status: Status) -> str:
    """The name of a status in its colour."""
    return click.style(str(status), fg=COLOURS[status])
