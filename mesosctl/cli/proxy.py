"""`mesosctl proxy set`, `unset`, `show` and `test`.

JSON documents: set and unset print a run's; show {"cluster": name, "hosts": {NAME: [Setting]}, "failures": {NAME: …}}
with the fields of `mesosctl.engine.proxy_settings.Setting`; test the same with `mesosctl.engine.proxy_routes.Route`.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import click

from mesosctl.cli.carry_out import carry_out_and_finish, change_options
from mesosctl.cli.common import RunOptions, inventory_only_option, inventory_option, run_options
from mesosctl.cli.session import Session, exit_code
from mesosctl.cli.summary import host_list
from mesosctl.engine import chapters, proxy_routes, proxy_settings
from mesosctl.engine.proxy_routes import TOOLS, Route, Way
from mesosctl.engine.proxy_settings import Setting
from mesosctl.engine.report import Report
from mesosctl.errors import ExitCode, UsageError
from mesosctl.tasks import proxy as chapter

COLOURS = {Way.DIRECT: "green", Way.PROXY: "cyan", Way.UNKNOWN: "bright_black"}


@click.group()
def proxy() -> None:
    """Set, unset, show and test the proxy settings of every tool.

    What is set comes from the key `proxy` of the inventory.
    """


@proxy.command("set")
@inventory_option
@change_options
@run_options
def set_(inventory: Path, dry_run: bool, diff: bool, yes: bool, options: RunOptions) -> ExitCode:
    """Write the inventory's proxy into the files of every tool.

    Shows first what would change, and asks. Docker is restarted where it runs and its settings have changed.
    """
    session = Session(inventory, options)
    if not session.cluster.proxy.configured:
        raise UsageError(
            "the inventory declares no proxy",
            where=str(inventory),
            fix="name one below `proxy:` (http, https), or take the settings back with: mesosctl proxy unset",
        )
    for warning in chapter.warnings(session.cluster):
        click.echo(f"warning: {warning}", err=True)
    return carry_out_and_finish(
        session,
        [chapters.proxy()],
        action="proxy set",
        question="Write these proxy settings?",
        yes=yes,
        dry_run=dry_run,
        diff=diff,
    )


@proxy.command()
@inventory_option
@change_options
@run_options
def unset(inventory: Path, dry_run: bool, diff: bool, yes: bool, options: RunOptions) -> ExitCode:
    """Take the proxy settings back: files get what they held before mesosctl wrote them."""
    return carry_out_and_finish(
        Session(inventory, options),
        [chapters.proxy()],
        action="proxy unset",
        question="Take these proxy settings back?",
        yes=yes,
        dry_run=dry_run,
        diff=diff,
        unset=True,
    )


@proxy.command()
@inventory_option
@run_options
def show(inventory: Path, options: RunOptions) -> ExitCode:
    """Show the settings in force on the hosts, as the tools there read them, beside what is declared.

    Ends with 0 where all are as declared, with 1 otherwise. Credentials are not shown.
    """
    session = Session(inventory, options)
    settings: dict[str, list[Setting]] = {}
    with session.run("proxy show") as run:
        settings = proxy_settings.gather(run)
    if options.json:
        _print_document(session, settings, run.report)
    else:
        width = shutil.get_terminal_size((100, 40)).columns
        for line in _settings(settings, width):
            click.echo(line)
        _print_failures(run.report)
    fine = all(setting.as_declared for found in settings.values() for setting in found)
    return exit_code(run.report) or (ExitCode.OK if fine else ExitCode.FAILED)


@proxy.command()
@click.argument("urls", nargs=-1, metavar="[URL]...")
@inventory_only_option
@run_options
def test(urls: tuple[str, ...], inventory: Path, options: RunOptions) -> ExitCode:
    """Show which addresses each tool reaches directly, and which through the proxy.

    The tools themselves are run on the hosts, with the settings they have there, but cut off from the network: nothing
    is sent, and no internet is needed. Without URLs somebody outside, every entry of no_proxy and every node are
    tried. Ends with 1 where a tool goes another way than declared although it could be told.
    """
    session = Session(inventory, options)
    wanted = [_checked(url) for url in urls] or proxy_routes.addresses(session.cluster)
    found: dict[str, tuple[frozenset[str], list[Route]]] = {}
    with session.run("proxy test") as run:
        found = proxy_routes.gather(run, wanted)
    routes = {host: of_host for host, (_, of_host) in found.items()}
    if options.json:
        _print_document(session, routes, run.report)
    else:
        for line in _tables(found):
            click.echo(line)
        _print_failures(run.report)
    wrong = any(route.wrong for of_host in routes.values() for route in of_host)
    return exit_code(run.report) or (ExitCode.FAILED if wrong else ExitCode.OK)


def _checked(url: str) -> str:
    parts = urlsplit(url if "://" in url else f"http://{url}/")
    if parts.scheme not in proxy_routes.PORTS or not parts.hostname or any(character.isspace() for character in url):
        raise UsageError(f"{url} is no address to test", fix="give http://, https:// or git:// and a host")
    return parts.geturl()


def _print_document(session: Session, by_host: Mapping[str, Sequence[Setting | Route]], report: Report) -> None:
    hosts = {host: [asdict(item) for item in items] for host, items in by_host.items()}
    failures = {name: asdict(host.failure) for name, host in report.hosts.items() if host.failure}
    click.echo(json.dumps({"cluster": session.cluster.name, "hosts": hosts, "failures": failures}))


def _print_failures(report: Report) -> None:
    for name, host in report.hosts.items():
        if host.failure:
            click.echo(click.style(f"{name}: {host.failure.cause}: {host.failure.message}", fg="red"), err=True)
            if host.failure.fix:
                click.echo(f"  → {host.failure.fix}", err=True)


def _settings(by_host: Mapping[str, Sequence[Setting]], width: int) -> Iterator[str]:
    """A block for each tool; what is the same on several hosts once."""
    groups: dict[tuple[str, str], dict[Setting, list[str]]] = {}
    for host, settings in by_host.items():
        for setting in settings:
            groups.setdefault((setting.tool, setting.key), {}).setdefault(setting, []).append(host)
    shown = ""
    for (tool, key), values in groups.items():
        if tool != shown:
            yield click.style(tool, bold=True)
            shown = tool
        for setting, hosts in values.items():
            where = "" if hosts == list(by_host) else f"{host_list(hosts, 40)}: "
            mark = "" if setting.as_declared else click.style("  not as declared", fg="red")
            yield from _value(f"  {key:<22} ", f"{where}{setting.value or '-'}", width, mark)
            if mark:
                yield from _value(f"  {'':<22} ", f"declared: {setting.declared or '-'}", width, "")


def _value(head: str, value: str, width: int, mark: str) -> Iterator[str]:
    """A value under its key; a long list is broken after its commas, bars and blanks."""
    room = max(width - len(head), 40)
    lines = [""]
    for part in re.split(r"(?<=[,| ])", value):
        if lines[-1] and len(lines[-1]) + len(part) > room:
            lines.append("")
        lines[-1] += part
    lines = [line.rstrip() for line in lines]
    lines[-1] += mark
    yield f"{head}{lines[0]}"
    yield from (f"{'':<{len(head)}}{line}" for line in lines[1:])


def _tables(found: Mapping[str, tuple[frozenset[str], list[Route]]]) -> Iterator[str]:
    """A table for each group of hosts whose tools go the same ways."""
    groups: dict[tuple[frozenset[str], tuple[Route, ...]], list[str]] = {}
    for host, (installed, routes) in found.items():
        groups.setdefault((installed, tuple(routes)), []).append(host)
    for (installed, ways), hosts in groups.items():
        yield click.style(host_list(hosts, 80), bold=True)
        yield from _table(ways, [tool for tool in TOOLS if tool in installed])
        absent = [
            tool for tool in TOOLS if tool not in installed and tool in ("curl", "wget", "git", "maven", "docker")
        ]
        if absent:
            yield f"  not installed: {', '.join(absent)}"
        yield ""


def _table(routes: Sequence[Route], tools: Sequence[str]) -> Iterator[str]:
    given = {route.address for route in routes}
    cells = {(route.tool, _row(route, given)): route for route in routes}
    addresses = list(dict.fromkeys(address for _, address in cells))
    first = max(map(len, addresses), default=0) + 2
    yield f"  {'':<{first}}" + "".join(f"{tool:<9}" for tool in tools)
    for address in addresses:
        row = (_cell(cells.get((tool, address))) for tool in tools)
        yield f"  {address:<{first}}{''.join(row)}".rstrip()
    proxies = sorted({route.via for route in routes if route.via})
    if proxies:
        yield f"  proxy: {', '.join(proxies)}"
    for excuse in sorted({route.excuse for route in routes if route.excuse}):
        excused = dict.fromkeys(route.tool for route in routes if route.excuse == excuse)
        yield f"  * declared as direct; {', '.join(excused)}: {excuse}"
    if any(route.wrong for route in routes):
        yield click.style("  ! not the declared way", fg="red")
    if any(route.way is Way.UNKNOWN for route in routes):
        yield "  ? not known: the Docker daemon does not run, or the host lets no tool be cut off from the network"


def _row(route: Route, given: Set[str]) -> str:
    """The address that the route's row is for: git:// has a column of its own beside http://."""
    beside = route.address.replace("git://", "http://")
    return beside if beside in given else route.address


def _cell(route: Route | None) -> str:
    if route is None:
        return f"{'':<9}"
    mark = "!" if route.wrong else "*" if route.excuse else ""
    text = "?" if route.way is Way.UNKNOWN else f"{route.way}{mark}"
    return click.style(f"{text:<9}", fg="red" if route.wrong else COLOURS[route.way])
