"""The live table of hosts and stages on a terminal.

`Board` remembers what the engine tells it; `live` draws it. A cluster with more hosts than the terminal has lines is
shown as counts for each stage, with the hosts that take longest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mesosctl.engine.report import Failure, Result, Status

PER_SECOND = 6
FRAME = 5
"""Lines that are not rows of hosts: title, header, blank lines, and one to spare."""
SLOWEST = 8
"""Hosts named below the counts of a large cluster, at most."""


@dataclass(slots=True)
class Cell:
    """One host in one stage."""

    begun: float
    done: bool = False
    failed: bool = False
    changes: int = 0


@dataclass(slots=True)
class HostRow:
    cells: dict[str, Cell] = field(default_factory=dict)
    step: str = ""
    """What takes long at the moment."""
    step_begun: float = 0.0
    failure: Failure | None = None


class Board:
    """What is known of a run so far. The engine writes it, one call at a time; the drawing thread reads it."""

    def __init__(self, title: str, hosts: Sequence[str], stages: Sequence[str]) -> None:
        self.title = title
        self.begun = time.monotonic()
        self.stages = list(stages)
        self.rows = {host: HostRow() for host in hosts}

    def stage_started(self, stage: str, hosts: list[str]) -> None:
        if stage not in self.stages:
            begun = sum(any(name in row.cells for row in self.rows.values()) for name in self.stages)
            self.stages = [*self.stages[:begun], stage, *self.stages[begun:]]

    def host_started(self, host: str, stage: str) -> None:
        row = self.rows[host]
        row.cells.setdefault(stage, Cell(time.monotonic())).done = False

    def resource_started(self, host: str, stage: str, resource: str) -> None:
        row = self.rows[host]
        row.step, row.step_begun = resource, time.monotonic()

    def result(self, host: str, stage: str, result: Result) -> None:
        row = self.rows[host]
        row.step = ""
        if result.status in (Status.CHANGED, Status.PENDING):
            row.cells.setdefault(stage, Cell(time.monotonic())).changes += 1

    def host_finished(self, host: str, stage: str, failure: Failure | None) -> None:
        row = self.rows[host]
        row.step = ""
        cell = row.cells.setdefault(stage, Cell(time.monotonic()))
        cell.done, cell.failed = True, failure is not None
        row.failure = failure or row.failure


@contextmanager
def live(board: Board, stream: TextIO) -> Iterator[None]:
    """Draws the board on a terminal until the body is left; then it is wiped away."""
    console = Console(file=stream)
    view = View(board, console)
    with Live(get_renderable=view.draw, console=console, refresh_per_second=PER_SECOND, transient=True):
        yield


class View:
    """Turns a board into a picture."""

    def __init__(self, board: Board, console: Console) -> None:
        self._board = board
        self._console = console
        self._spinner = Spinner("dots", style="cyan")

    def draw(self) -> RenderableType:
        rows = dict(self._board.rows)
        large = len(rows) > self._console.height - FRAME
        # on the empty last line the terminal's echo of Ctrl-C does no harm
        return Group(self._title(rows), Text(), self._counts(rows) if large else self._hosts(rows), Text())

    def _title(self, rows: dict[str, HostRow]) -> Text:
        now = time.monotonic()
        failed = sum(row.failure is not None for row in rows.values())
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(self._board.title, style="bold")
        text.append(f"   {clock(now - self._board.begun)}   {len(rows)} host{'s' if len(rows) != 1 else ''}")
        if failed:
            text.append(f"   {failed} failed", style="red")
        return text

    def _hosts(self, rows: dict[str, HostRow]) -> Table:
        table = _table()
        stages = self._board.stages
        table.add_column("host", no_wrap=True)
        for stage in stages:
            table.add_column(stage, no_wrap=True, min_width=len(stage))
        table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)
        for name, row in rows.items():
            table.add_row(name, *(self._cell(row.cells.get(stage)) for stage in stages), _now(row))
        return table

    def _cell(self, cell: Cell | None) -> RenderableType:
        if cell is None:
            return Text("·", style="bright_black")
        if not cell.done:
            return self._spinner
        if cell.failed:
            return Text("✘", style="red")
        return Text(f"✔ {cell.changes}", style="yellow") if cell.changes else Text("✔", style="green")

    def _counts(self, rows: dict[str, HostRow]) -> RenderableType:
        table = _table()
        table.add_column("stage", no_wrap=True)
        for name in ("waiting", "at work", "done", "changed", "failed"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("", ratio=1)
        for stage in self._board.stages:
            cells = [cell for row in rows.values() if (cell := row.cells.get(stage))]
            dropped = sum(row.failure is not None and stage not in row.cells for row in rows.values())
            counts = (
                (len(rows) - len(cells) - dropped, "bright_black"),
                (sum(not cell.done for cell in cells), "cyan"),
                (sum(cell.done and not cell.failed for cell in cells), "green"),
                (sum(cell.changes > 0 for cell in cells), "yellow"),
                (sum(cell.failed for cell in cells), "red"),
            )
            table.add_row(stage, *(Text(str(count) if count else "·", style=style) for count, style in counts), "")
        room = self._console.height - FRAME - len(self._board.stages) - 1
        return Group(table, Text(), *self._slowest(rows, min(room, SLOWEST)))

    def _slowest(self, rows: dict[str, HostRow], room: int) -> Iterator[Text]:
        """The hosts that have been at work longest."""
        at_work = [
            (cell.begun, name, stage, row)
            for name, row in rows.items()
            for stage, cell in list(row.cells.items())
            if not cell.done
        ]
        for begun, name, stage, row in sorted(at_work, key=lambda item: item[0])[: max(room, 0)]:
            text = Text(f"{name}  {stage}  {clock(time.monotonic() - begun)}  ", no_wrap=True, overflow="ellipsis")
            yield text.append(row.step, style="cyan")


def _table() -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black", expand=True)


def _now(row: HostRow) -> Text:
    if row.failure:
        return Text(f"{row.failure.cause}: {row.failure.message}".partition("\n")[0], style="red")
    if row.step:
        return Text(f"{clock(time.monotonic() - row.step_begun)}  {row.step}", style="cyan")
    return Text()


def clock(seconds: float) -> str:
    """A duration as minutes and seconds: 0:07, 12:30."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
