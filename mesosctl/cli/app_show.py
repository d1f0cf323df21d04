"""`mesosctl app list` and `app show`.

Their JSON and YAML documents: of list {"apps": [the apps as Marathon shows them, with their tasks]}; of show {"app":
the same of one, "queue": its item of the launch queue or null}, with --version {"app": the definition}, and with
--version all {"versions": [them, the newest first]}.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mesosctl.apps.compare import IGNORED
from mesosctl.cli.app_connection import Site, connection_options, id_argument
from mesosctl.cli.common import table

if TYPE_CHECKING:
    from mesosctl.apps.state import AppState

Json = dict[str, Any]

COLOURS = {
    "running": "green",
    "deploying": "yellow",
    "waiting": "yellow",
    "delayed": "red",
    "unhealthy": "red",
    "unsettled": "yellow",
}
output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="Form of what is printed.",
)


@click.command("list")
@click.option("-l", "--label", metavar="SELECTOR", help="Only apps with these labels: a, a==b, a!=b, a in (b, c).")
@click.option("--id", "part", metavar="TEXT", help="Only apps with this in their id.")
@output_option
@connection_options
def list_(label: str | None, part: str | None, output: str, site: Site) -> None:
    """List the apps."""
    from mesosctl.apps.follow import EMBED
    from mesosctl.apps.state import states

    apps = site.marathon.apps(label=label, id=part, embed=EMBED)
    if output != "text":
        document({"apps": apps}, output)
        return
    found = states(apps, site.marathon.queue())
    rows = [("ID", "STATUS", "INSTANCES", "HEALTHY", "CPUS", "MEM", "RUNS")]
    for each in apps:
        state = found[str(each["id"])]
        healthy = f"{state.healthy}/{state.wanted}" if state.checked else "-"
        instances = f"{len(state.instances) - state.staged - state.outdated}/{state.wanted}"
        cpus, mem = f"{each.get('cpus', 0):g}", f"{each.get('mem', 0):g}"
        rows.append((state.id, state.status, instances, healthy, cpus, mem, _what(each)))
    if len(rows) == 1:
        click.echo("no apps")
        return
    used = sum(max(len(row[column]) for row in rows) + 2 for column in range(len(rows[0]) - 1))
    room = max(shutil.get_terminal_size((120, 40)).columns - used, 20)
    table([(*row[:-1], _cut(row[-1], room)) for row in rows])


@click.command(short_help="Show an app, where its instances listen, and what holds it up.")
@id_argument
@click.option("--version", metavar="VERSION", help="The definition as it was then; `all` lists the versions.")
@output_option
@connection_options
def show(id: str, version: str | None, output: str, site: Site) -> None:
    """Show an app: its instances, where they listen, why one waits, what failed, and its definition."""
    from mesosctl.apps.client import absolute
    from mesosctl.apps.state import states

    id = absolute(id)
    if version == "all":
        versions = site.marathon.versions(id)
        if output != "text":
            document({"versions": versions}, output)
        else:
            click.echo("\n".join(versions))
        return
    if version is not None:
        definition = site.marathon.app_at(id, version)
        if output != "text":
            document({"app": definition}, output)
        else:
            click.echo(yaml_text(definition), nl=False)
        return
    app = site.marathon.app(id)
    queue = [item for item in site.marathon.queue() if (item.get("app") or {}).get("id") == id]
    if output != "text":
        document({"app": app, "queue": queue[0] if queue else None}, output)
        return
    for line in _told(app, states([app], queue)[id]):
        click.echo(line)


def document(found: object, output: str) -> None:
    """Print something as JSON or YAML."""
    click.echo(yaml_text(found) if output == "yaml" else json.dumps(found, indent=2), nl=output == "json")


def yaml_text(found: object) -> str:
    import yaml

    return yaml.safe_dump(found, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)


def short(value: object) -> str:
    """A value of a definition within a line."""
    return _cut(json.dumps(value), 60) if value is not None else "not set"


def _told(app: Json, state: AppState) -> Iterator[str]:
    status = click.style(state.status, fg=COLOURS.get(state.status))
    yield f"{click.style(state.id, bold=True)}  {status}, {state.summary}"
    yield f"version {state.version}{_ago(state.version)}"
    for id in state.deployments:
        yield f"deployment {id}"
    if state.waiting:
        yield click.style(f"{state.waiting.count} waiting: {state.waiting}", fg="yellow")
    if state.failure:
        yield click.style(f"last failure: {state.failure}", fg="red")
        yield f"  {state.failure.task}{_ago(state.failure.at)}"
    if state.instances:
        yield ""
        rows = [("INSTANCE", "STATE", "HEALTH", "ADDRESS", "SINCE")]
        for each in state.instances:
            health = {True: "healthy", False: "unhealthy", None: "-"}[each.healthy]
            word = each.state.removeprefix("TASK_").lower() + (", old" if each.outdated else "")
            rows.append((each.task, word, health, " ".join(each.addresses) or each.host, _ago(each.since).strip(" ()")))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""
    definition = {name: value for name, value in app.items() if name not in IGNORED}
    yield yaml_text({name: value for name, value in definition.items() if value not in ({}, [], None)}).rstrip()


def _ago(moment: str) -> str:
    """` (5 min ago)`; nothing for what is no time."""
    try:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    except (ValueError, TypeError):
        return ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f" ({int(seconds // size)} {unit} ago)"
    return f" ({max(int(seconds), 0)} s ago)"


def _what(app: Json) -> str:
    """The image or the command."""
    container = app.get("container") or {}
    image = (container.get("docker") or {}).get("image") or (container.get("appc") or {}).get("image") or ""
    command = app.get("cmd") or " ".join(map(str, app.get("args") or ()))
    return " ".join(f"{image} {command}".split())


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"
