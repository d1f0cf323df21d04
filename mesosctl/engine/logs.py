"""The logs of a service, from all its hosts: file and journal, as entries that can be put in the order of time.

Formats: ISO 8601 date and time with comma and milliseconds at the begin of a line (logback's and log4j's `ISO8601`), in
the host's own zone; `short-unix` of journalctl(1). A line without a time belongs to the entry before it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from mesosctl.engine.answer import Answer, ask_one, script
from mesosctl.engine.run import Run
from mesosctl.engine.services import SERVICES, ClusterService
from mesosctl.errors import UsageError
from mesosctl.inventory.model import Host

IN_FILE = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)[,.](\d{3})\s*")
IN_JOURNAL = re.compile(r"(\d+\.\d+) \S+ ")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FOLLOWED_FOR = 365 * 86400.0
"""Seconds that a log is followed, unless someone ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of a log."""

    time: float
    """Seconds since 1970; of the line before it where it has none of its own."""
    host: str
    text: str
    """Without its time; secrets masked."""
    follows: bool = False
    """It belongs to the line before it."""


def service_named(name: str) -> ClusterService:
    """The service of that name; UsageError where there is none."""
    for service in SERVICES:
        if service.name == name:
            return service
    raise UsageError(f"there is no service {name}", fix=f"known: {', '.join(service.name for service in SERVICES)}")


def moment(text: str, now: float) -> float:
    """The seconds since 1970 of `10m`, `2h`, `3d` (before now), or of a local date and time in ISO 8601.

    Raises UsageError.
    """
    if match := re.fullmatch(r"(\d+)([smhd])", text):
        return now - int(match[1]) * UNITS[match[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise UsageError(
            f"--since: {text} is no time", fix="give 90s, 10m, 2h or 3d, or a date and time as 2025-01-31T18:00"
        ) from None


class LogReader(Answer):
    """Makes entries of the lines that logs.sh prints, as they come."""

    def __init__(self, host: str, nonce: str, mask: Callable[[str], str], take: Callable[[Entry], None]) -> None:
        super().__init__(nonce)
        self._host = host
        self._mask = mask
        self._take = take
        self._last = {"file": 0.0, "journal": 0.0}

    def line(self, line: str) -> None:
        key, _, text = line.removeprefix(self._prefix).partition(" ")
        if not line.startswith(self._prefix) or key not in self._last:
            super().line(line)
            return
        match = (IN_FILE if key == "file" else IN_JOURNAL).match(text)
        if match:
            self._last[key] = self._file_time(match) if key == "file" else float(match[1])
            text = text[match.end() :]
        elif not self._last[key]:
            return  # the rest of an entry that began before what was asked for
        self._take(Entry(time=self._last[key], host=self._host, text=self._mask(text), follows=not match))

    def _file_time(self, match: re.Match[str]) -> float:
        zone = self.first("zone") or "+0000"
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5])) * (-1 if zone[0] == "-" else 1)
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}.{match[3]}")
        return moment.replace(tzinfo=timezone(offset)).timestamp()


def read(run: Run, service: ClusterService, *, count: int, since: float | None) -> list[Entry]:
    """The last `count` lines of each host's file and journal, in the order of time. `since` in seconds since 1970."""
    entries: list[Entry] = []
    _on_hosts(run, service, entries.append, count=count, since=since, follow=False)
    return sorted(entries, key=lambda entry: entry.time)


def follow(
    run: Run, service: ClusterService, take: Callable[[Entry], None], *, count: int, since: float | None
) -> None:
    """Give `take` the entries as they come, one call at a time, until the run is interrupted."""
    told = threading.Lock()

    def one_at_a_time(entry: Entry) -> None:
        with told:
            take(entry)

    _on_hosts(run, service, one_at_a_time, count=count, since=since, follow=True)


def _on_hosts(
    run: Run,
    service: ClusterService,
    take: Callable[[Entry], None],
    *,
    count: int,
    since: float | None,
    follow: bool,
) -> None:
    body = script(
        "logs.sh",
        {
            "unit": service.name,
            "file": service.log(run.cluster),
            "count": str(count),
            "since": "" if since is None else str(int(since)),
            "follow": str(int(follow)),
        },
    )

    def work(host: Host) -> None:
        timeout = FOLLOWED_FOR if follow else run.options.host_timeout
        ask_one(run, host, body, lambda nonce: LogReader(host.name, nonce, run.mask, take), timeout=timeout)

    run.on_hosts("logs", [host for host in run.alive if host.has(service.role)], work)
