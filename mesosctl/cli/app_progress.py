"""How a deployment is shown while it goes on: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from mesosctl.apps.client import Deployment, Marathon
from mesosctl.apps.follow import Picture, follow
from mesosctl.apps.state import AppState
from mesosctl.cli.display import lively

if TYPE_CHECKING:
    from rich.console import RenderableType

BAR = 20
"""Characters of the bar of an app."""


class Watcher(Protocol):
    def show(self, picture: Picture) -> None: ...


def watch(
    marathon: Marathon,
    ids: Collection[str],
    deployment: Deployment | None,
    *,
    title: str,
    timeout: float,
    quiet: bool,
    gone: bool = False,
) -> Picture:
    """Follow a deployment to its end on the screen; the last picture. Raises what `follow` raises."""
    picture = Picture({})
    try:
        with _watcher(title, ids, quiet) as watcher:
            for picture in follow(marathon, ids, deployment, timeout=timeout, gone=gone):
                watcher.show(picture)
    except KeyboardInterrupt:
        if deployment and not quiet:
            click.echo(f"the deployment {deployment.id} goes on", err=True)
        raise
    return picture


@contextmanager
def _watcher(title: str, ids: Collection[str], quiet: bool) -> Iterator[Watcher]:
    if quiet:
        yield Nothing()
    elif lively(sys.stdout):
        from rich.console import Console
        from rich.live import Live

        board = Board(title, ids)
        console = Console(file=sys.stdout)
        with Live(get_renderable=board.draw, console=console, refresh_per_second=6, transient=True):
            yield board
    else:
        click.echo(title)
        yield Lines()


class Nothing:
    def show(self, picture: Picture) -> None: ...


class Lines:
    """A line for each thing that has changed."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def show(self, picture: Picture) -> None:
        for id, app in picture.apps.items():
            self._say(id, f"{id}: {app.summary}")
            why = ", ".join(app.waiting.why) if app.waiting else ""
            self._say(f"{id} waits", f"{id}: an instance waits: {why}" if why else "")
            failure = picture.failure(app)
            self._say(f"{id} failed", f"{id}: failed: {failure}" if failure else "")
        self._say("", f"Marathon cannot be asked: {picture.trouble}" if picture.trouble else "")

    def _say(self, about: str, line: str) -> None:
        if self._said.get(about, "") != line:
            self._said[about] = line
            if line:
                click.echo(line)


class Board:
    """A row for each app, with what holds it up below."""

    def __init__(self, title: str, ids: Collection[str]) -> None:
        self._title = title
        self._ids = tuple(ids)
        self._begun = time.monotonic()
        self._picture = Picture({})

    def show(self, picture: Picture) -> None:
        self._picture = picture

    def draw(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        from mesosctl.cli.live import clock

        picture = self._picture
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append(self._title, style="bold").append(f"   {clock(time.monotonic() - self._begun)}")
        if picture.steps:
            head.append(f"   step {picture.step} of {picture.steps}", style="bright_black")
            head.append(f"   {', '.join(picture.actions)}", style="bright_black")
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        notes = []
        for id in self._ids:
            app = picture.apps.get(id)
            if app is None:
                table.add_row(id, "", Text("·", style="bright_black"))
                continue
            table.add_row(id, _bar(app), app.summary)
            if app.waiting:
                notes.append(Text(f"{id}: {app.waiting.count or 1} waiting: {app.waiting}", style="yellow"))
            if failure := picture.failure(app):
                notes.append(Text(f"{id}: {failure}", style="red"))
        if picture.trouble:
            notes.append(Text(f"Marathon cannot be asked: {picture.trouble}", style="yellow"))
        return Group(head, table, *notes, Text())


def _bar(app: AppState) -> RenderableType:
    """Healthy (or running, where nobody checks) green, running cyan, staged yellow, the rest dots."""
    from rich.text import Text

    total = max(app.wanted, len(app.instances), 1)
    good = app.healthy if app.checked else app.running
    text = Text()
    drawn = 0
    upto = 0
    for count, style, mark in (
        (good, "green", "━"),
        (max(app.running - good - app.unhealthy, 0), "cyan", "━"),
        (app.unhealthy, "red", "━"),
        (app.staged, "yellow", "━"),
        (app.outdated, "bright_black", "━"),
    ):
        upto += count
        width = min(BAR, round(BAR * upto / total)) - drawn
        text.append(mark * max(width, 0), style=style)
        drawn += max(width, 0)
    return text.append("·" * (BAR - drawn), style="bright_black")
