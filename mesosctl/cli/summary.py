"""What a run came to, on one screen or as one JSON document.

The JSON document, the only thing on standard output then:

    {"run": id, "cluster": name, "action": name, "seconds": number, "interrupted": bool,
     "counts": {"ok": n, "changed": n, "pending": n, "failed": n, "skipped": n},
     "hosts": {NAME: {"failure": null or {"cause": id, "message": text, "fix": text},
                      "notes": [text],
                      "stages": [{"stage": name, "seconds": number,
                                  "results": [{"resource": text, "status": text, "message": text, "diff": text}]}]}}}

`status` is a `Status`, `cause` one of `mesosctl.engine.report.Failure`. Secrets are masked already.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import click

from mesosctl.cli.common import RunOptions
from mesosctl.cli.display import COLOURS
from mesosctl.engine.report import Failure, HostReport, Report, Status

UNLIMITED = 100_000
"""Lines of what is no terminal."""
MESSAGE_LINES = 6
"""Lines of a failure's message that are shown."""


def show(report: Report, options: RunOptions) -> None:
    """Print the summary of a run, or its document."""
    size = shutil.get_terminal_size((100, 40))
    height = size.lines if sys.stdout.isatty() else UNLIMITED
    text = json.dumps(document(report)) if options.json else "\n".join(lines(report, size.columns, height))
    with suppress(BrokenPipeError):  # where the reader went away, the exit code still tells
        click.echo(text)


def document(report: Report) -> dict[str, Any]:
    """The run as plain data for JSON; the module says how it looks."""
    return {
        "run": report.run_id,
        "cluster": report.cluster,
        "action": report.action,
        "seconds": round(report.seconds, 3),
        "interrupted": report.interrupted,
        "counts": {str(status): report.count(status) for status in Status},
        "hosts": {name: _host_document(host) for name, host in report.hosts.items()},
    }


def _host_document(host: HostReport) -> dict[str, Any]:
    failure = host.failure
    return {
        "failure": failure and {"cause": failure.cause, "message": failure.message, "fix": failure.fix},
        "notes": list(host.notes),
        "stages": [
            {
                "stage": stage.stage,
                "seconds": round(stage.seconds, 3),
                "results": [
                    {"resource": one.resource, "status": str(one.status), "message": one.message, "diff": one.diff}
                    for one in stage.results
                ],
            }
            for stage in host.stages
        ],
    }


def lines(report: Report, width: int, height: int) -> list[str]:
    """The summary of a run in at most `height` - 1 lines of text; with many failures, one line of each kind."""
    head = ["", _headline(report)]
    room = height - 1 - len(head)
    counts, notes = _counts(report, width), _notes(report, width)
    stopped = _stopped(report, width)
    found = [*counts, *_failures(report, width), *stopped, *notes]
    if len(found) > room:
        found = _cut([*_kinds_of_failures(report, width), *stopped, *notes, *counts], room)
    return [*head, *found]


def _headline(report: Report) -> str:
    failed = len(_failed(report))
    changes, pending = report.count(Status.CHANGED), report.count(Status.PENDING)
    found = []
    if report.interrupted:
        found.append(click.style("interrupted", fg="red", bold=True))
    if failed:
        found.append(click.style(f"{failed} of {len(report.hosts)} hosts failed", fg="red", bold=True))
    if pending:
        found.append(click.style(f"{_plural(pending, 'change')} pending", fg="yellow", bold=True))
    elif changes:
        found.append(click.style(_plural(changes, "change"), bold=True))
    elif not found:
        found.append(click.style("nothing to change", fg="green", bold=True))
    where = "" if failed and not (changes or pending) else f" on {_plural(len(report.hosts), 'host')}"
    return f"{report.action} {report.cluster}: {', '.join(found)}{where} in {duration(report.seconds)}"


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _counts(report: Report, width: int) -> list[str]:
    """Hosts that came to the same share a line."""
    shown = [status for status in Status if report.count(status)]
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, host in report.hosts.items():
        groups.setdefault(tuple(host.count(status) for status in shown), []).append(name)
    if not shown:
        return []
    table = ["", "".join(f"{status:>9}" for status in shown) + "  hosts"]
    for counts, hosts in groups.items():
        cells = (
            click.style(f"{count or '-':>9}", fg=COLOURS[status] if count else None)
            for count, status in zip(counts, shown, strict=True)
        )
        table.append("".join(cells) + "  " + host_list(hosts, width - 9 * len(shown) - 2))
    return table


def _failures(report: Report, width: int) -> list[str]:
    """A block of lines for each way in which hosts failed."""
    groups: dict[Failure, list[str]] = {}
    for name, failure in _failed(report):
        groups.setdefault(failure, []).append(name)
    found = []
    for failure, hosts in groups.items():
        first, *rest = failure.message.splitlines() or [""]
        if len(rest) > MESSAGE_LINES:
            rest = ["…", *rest[-MESSAGE_LINES:]]
        found += ["", _red(f"{host_list(hosts, width // 2)}: {failure.cause}: ") + first]
        found += [f"    {line}" for line in rest]
        found += [f"  → {line}" for line in failure.fix.splitlines()]
    return found


def _kinds_of_failures(report: Report, width: int) -> list[str]:
    """A cause, its hosts, and the message of the first of them."""
    groups: dict[tuple[str, str], list[tuple[str, Failure]]] = {}
    for name, failure in _failed(report):
        groups.setdefault((failure.cause, failure.fix), []).append((name, failure))
    found = [""] if groups else []
    for (cause, fix), members in groups.items():
        hosts = host_list([name for name, _ in members], width // 2)
        message = members[0][1].message.partition("\n")[0]
        found.append(_red(f"{hosts}: {cause}: ") + (message if len(members) == 1 else f"e.g. {message}"))
        found += [f"  → {line}" for line in fix.splitlines()]
    return found


def _failed(report: Report) -> list[tuple[str, Failure]]:
    """The hosts that failed, without those that Ctrl-C stopped."""
    failures = ((name, host.failure) for name, host in report.hosts.items() if host.failure)
    return [(name, failure) for name, failure in failures if failure.cause != "interrupted"]


def _stopped(report: Report, width: int) -> list[str]:
    """Where Ctrl-C stopped the hosts that were at work."""
    if not report.interrupted:
        return []
    groups: dict[str, list[str]] = {}
    for name, host in report.hosts.items():
        if host.failure and host.failure.cause == "interrupted":
            last = host.stages[-1] if host.stages else None
            begun = next((one.resource for one in last.results if one.status is Status.SKIPPED), "") if last else ""
            groups.setdefault(begun or (last.stage if last else "connecting"), []).append(name)
    found = [f"  {host_list(hosts, width // 2)}: {step}" for step, hosts in groups.items()]
    return ["", *(["Stopped at:", *found] if found else []), "What was done stays done; run it again to go on."]


def _red(text: str) -> str:
    return click.style(text, fg="red")


def _notes(report: Report, width: int) -> list[str]:
    groups: dict[str, list[str]] = {}
    for name, host in report.hosts.items():
        for note in host.notes:
            groups.setdefault(note, []).append(name)
    found = [f"  {click.style(note, fg='yellow')}: {host_list(hosts, width // 2)}" for note, hosts in groups.items()]
    return ["", "Notes:", *found] if found else []


def _cut(found: list[str], room: int) -> list[str]:
    """As many lines as there is room for, the last of which says what is missing."""
    if len(found) <= room:
        return found
    left = len(found) - room + 1
    return [*found[: room - 1], f"… {left} more lines; --output json has all of them"]


def host_list(names: Iterable[str], width: int) -> str:
    """Names of hosts in at most about `width` characters: runs of numbers are joined (h1-h3), the rest is counted."""
    names = list(names)
    parts = _runs(names)
    text = ", ".join(parts)
    if len(text) <= width:
        return text
    kept: list[str] = []
    for part in parts:
        if kept and len(", ".join([*kept, part])) > width - 16:
            break
        kept.append(part)
    return f"{', '.join(kept)} … ({len(names)} hosts)"


def _runs(names: Sequence[str]) -> list[str]:
    runs: list[tuple[str, str, str]] = []  # the first name, the last, the part before the number
    for name in names:
        match = re.fullmatch(r"(.*?)(\d+)(\D*)", name)
        previous = re.fullmatch(r"(.*?)(\d+)(\D*)", runs[-1][1]) if runs else None
        if (
            match
            and previous
            and match[1] == previous[1]
            and match[3] == previous[3]
            and _follows(previous[2], match[2])
        ):
            runs[-1] = (runs[-1][0], name, match[1])
        else:
            runs.append((name, name, ""))
    found: list[str] = []
    for first, last, _ in runs:
        found.append(first if first == last else f"{first}-{last}")
    return found


def _follows(before: str, after: str) -> bool:
    return int(after) == int(before) + 1 and (len(after) == len(before) or not before.startswith("0"))


def duration(seconds: float) -> str:
    """A duration as a user reads it: 4.2 s, 3 min 07 s."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
