"""The changes of a run, with their diffs: stage by stage, what is the same on several hosts once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import click

from mesosctl.cli.display import COLOURS
from mesosctl.cli.summary import host_list
from mesosctl.engine.report import Report, Result, Status

CHANGES = (Status.PENDING, Status.CHANGED)
DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(slots=True)
class Change:
    """One change, and the hosts on which it is the same."""

    result: Result
    hosts: list[str] = field(default_factory=list)


def lines(report: Report, titles: Mapping[str, str], width: int, *, diffs: bool) -> Iterator[str]:
    """What was changed or would be, as text. `titles` has the title of each stage by name."""
    for stage, changes in grouped(report).items():
        yield ""
        yield click.style(f"{titles.get(stage, stage)} ({stage})", bold=True)
        for change in changes:
            yield f"  {_headline(change, width)}"
            if diffs and change.result.diff:
                yield from (f"      {_coloured(line)}" for line in change.result.diff.splitlines())


def grouped(report: Report) -> dict[str, list[Change]]:
    """The changes by stage, in the order in which they were made."""
    stages: dict[str, dict[Result, Change]] = {}
    for name, host in report.hosts.items():
        for stage in host.stages:
            for result in stage.results:
                if result.status in CHANGES:
                    changes = stages.setdefault(stage.stage, {})
                    changes.setdefault(result, Change(result)).hosts.append(name)
    return {stage: list(changes.values()) for stage, changes in stages.items()}


def _headline(change: Change, width: int) -> str:
    result = change.result
    message = f": {result.message.splitlines()[0].strip()}" if result.message else ""
    text = f"{result.resource}{message}"
    hosts = host_list(change.hosts, max(width - len(text) - 6, 16))
    return f"{click.style(text, fg=COLOURS[result.status])}  {click.style(hosts, fg='bright_black')}"


def _coloured(line: str) -> str:
    bold = line.startswith(("---", "+++"))
    return click.style(line, bold=True) if bold else click.style(line, fg=DIFF_COLOURS.get(line[:1]))
