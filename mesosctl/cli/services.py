"""`mesosctl start-cluster`, `stop-cluster` and `status`.

The JSON document of `status`: {"cluster": name, "green": bool, "hosts": [HostStatus], "ensemble": Ensemble or null,
"masters": Masters or null, "marathon": Marathons or null}, with the fields of those classes of
`mesosctl.engine.status`. start-cluster and stop-cluster print a run's document.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from mesosctl.cli.carry_out import confirm, need_terminal
from mesosctl.cli.common import RunOptions, inventory_option, run_options, yes_option
from mesosctl.cli.session import Session
from mesosctl.cli.summary import duration, host_list
from mesosctl.engine import services
from mesosctl.engine.status import ClusterStatus, HostStatus, Marathons, Masters, ServiceState, Verdict, gather
from mesosctl.errors import ExitCode
from mesosctl.resources.program import APPLY
from mesosctl.tasks.marathon import NAME as MARATHON
from mesosctl.tasks.mesos_service import AGENT, MASTER

NONE = "none"
COLOURS = {Verdict.HEALTHY: "green", Verdict.DEGRADED: "yellow", Verdict.NO_QUORUM: "red", Verdict.SPLIT: "red"}


@click.command(short_help="Start the services of the cluster.")
@inventory_option
@run_options
def start_cluster(inventory: Path, options: RunOptions) -> ExitCode:
    """Start the services of the cluster.

    ZooKeeper first, then the masters, the agents, and Marathon. Comes back once they do their work: ZooKeeper's members
    are in a quorum with one leader, one master leads, all agents are registered with it, and one Marathon leads.
    Services that run already are left alone, unless their configuration has changed since. Ends with 1 where one does
    not come to do its work, and shows the end of its log.
    """
    session = Session(inventory, options)
    report = session.execute(services.start_steps(), APPLY, action="start-cluster", guarded=False)
    code = session.finish(report)
    if code is not ExitCode.OK:
        return code
    found = _look(session)
    if not options.json:
        _show(session, found)
    return ExitCode.OK if found.green else ExitCode.FAILED


@click.command(short_help="Stop the services of the cluster.")
@inventory_option
@yes_option
@run_options
def stop_cluster(inventory: Path, yes: bool, options: RunOptions) -> ExitCode:
    """Stop the services of the cluster, on all hosts or on those of --limit.

    Marathon first, then agents, masters, and ZooKeeper. Asks first. Nothing is disabled: after a reboot the services
    run again. Tasks outlive their agent for a while, as after a failure.
    """
    session = Session(inventory, options)
    if not yes:
        need_terminal(session, "--yes")
        for service in reversed(services.SERVICES):
            hosts = [host.name for host in session.limit.hosts if host.has(service.role)]
            click.echo(f"{service.title} on {host_list(hosts, 60) or 'no host'}")
        confirm(f"Stop this in the cluster {session.cluster.name}?")
    return session.finish(session.execute(services.stop_steps(), APPLY, action="stop-cluster", guarded=False))


@click.command(short_help="Show each host's services, ZooKeeper's quorum, the leading master and Marathon.")
@inventory_option
@click.option("--watch", type=click.FloatRange(min=0.5), metavar="SECONDS", help="Show it again every so often.")
@run_options
def status(inventory: Path, watch: float | None, options: RunOptions) -> ExitCode:
    """Show each host's services, ZooKeeper's quorum, the leading master and Marathon.

    Ends with 0 where all is green: every service runs and starts with its host, ZooKeeper has one leader that all
    others follow, one master leads, with which all agents are registered, and one Marathon leads. Ends with 1
    otherwise. With --limit the quorum, the masters and Marathon are told of only if all of their hosts are among those
    given.
    """
    session = Session(inventory, options)
    while True:
        found = _look(session)
        if options.json:
            click.echo(json.dumps({"cluster": session.cluster.name, "green": found.green, **asdict(found)}))
        else:
            if watch:
                click.clear()
                click.echo(f"{time.strftime('%H:%M:%S')}, every {watch:g} s")
            _show(session, found)
        if not watch:
            return ExitCode.OK if found.green else ExitCode.FAILED
        time.sleep(watch)


def _look(session: Session) -> ClusterStatus:
    with session.run("status") as run:
        found = gather(run)
    if run.report.interrupted:
        raise KeyboardInterrupt
    return found


def _show(session: Session, found: ClusterStatus) -> None:
    for line in (*_table(found.hosts), *_failures(found.hosts), *_verdict(session.cluster.name, found)):
        click.echo(line)


def _table(hosts: tuple[HostStatus, ...]) -> Iterator[str]:
    name_width = max(4, *(len(host.host) for host in hosts)) + 2
    head = f"{'HOST':<{name_width}}{'SERVICE':<14}{'STATE':<11}{'ENABLED':<9}{'SINCE':<14}"
    yield f"{head}{'MODE':<12}{'ZXID':<14}CLIENTS"
    for host in hosts:
        for service in host.services:
            state = click.style(f"{service.state:<11}", fg="green" if service.state == "active" else "red")
            enabled = click.style(f"{'yes' if service.enabled else 'no':<9}", fg=None if service.enabled else "red")
            since = _since(service)
            line = f"{host.host:<{name_width}}{service.name:<14}{state}{enabled}{since:<14}"
            yield f"{line}{_mode(host, service.name)}{_restarts(service)}".rstrip()
        if host.failure:
            yield f"{host.host:<{name_width}}{'':<14}{click.style('down', fg='red')}: {host.failure.cause}"
        elif not host.services:
            yield f"{host.host:<{name_width}}{'-':<14}up"


def _since(service: ServiceState) -> str:
    if service.seconds is None:
        return "-"
    days, seconds = divmod(int(service.seconds), 86400)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else duration(seconds)


def _restarts(service: ServiceState) -> str:
    return f"  restarted {service.restarts} times by systemd" if service.restarts else ""


def _mode(host: HostStatus, service: str) -> str:
    """What a service is among its kind, and for ZooKeeper where it stands."""
    if service == "zookeeper" and host.member:
        padding = " " * (12 - len(host.member.mode or NONE))
        return f"{_word(host.member.mode)}{padding}{host.member.zxid or '-':<14}{host.member.connections}"
    if service == MASTER and host.master:
        return _word(host.master.standing)
    if service == MARATHON and host.marathon:
        return _word(host.marathon.standing)
    if service == AGENT and host.registered is not None:
        return _word("registered" if host.registered else "")
    return ""


def _word(mode: str) -> str:
    return mode or click.style(NONE, fg="red")


def _failures(hosts: tuple[HostStatus, ...]) -> Iterator[str]:
    for host in hosts:
        if host.failure:
            yield ""
            yield click.style(f"{host.host}: {host.failure.cause}: ", fg="red") + host.failure.message
            if host.failure.fix:
                yield f"  → {host.failure.fix}"


def _verdict(name: str, found: ClusterStatus) -> Iterator[str]:
    yield ""
    ensemble = found.ensemble
    if ensemble:
        verdict = click.style(ensemble.verdict, fg=COLOURS[ensemble.verdict], bold=True)
        others = f"{len(ensemble.followers)} of {ensemble.members - len(ensemble.leaders)} others follow"
        told = f"leader {', '.join(ensemble.leaders)}, {others}" if ensemble.leaders else "no leader"
        spare = f"; {ensemble.to_lose} more can fail" if ensemble.verdict in (Verdict.HEALTHY, Verdict.DEGRADED) else ""
        missing = f"; not taking part: {host_list(ensemble.missing, 60)}" if ensemble.missing else ""
        yield f"ZooKeeper: {verdict}; {told}{spare}{missing}"
    if found.masters:
        yield _masters(found.masters)
    if found.marathon:
        yield _marathons(found.marathon)
    overall = (
        click.style("green", fg="green", bold=True) if found.green else click.style("not green", fg="red", bold=True)
    )
    yield f"status {name}: {overall}"


def _masters(masters: Masters) -> str:
    if not masters.leaders:
        return f"Mesos: {click.style('no leader', fg='red', bold=True)}"
    verdict = _health(masters.healthy)
    others = len(masters.followers) + len(masters.missing)
    told = (
        f"{', '.join(masters.leaders)} leads at {masters.address}, {len(masters.followers)} of {others} others follow"
    )
    agents = f"{masters.agents} of {masters.agents_declared} agents registered"
    return f"Mesos: {verdict}; {told}; {agents}; {masters.frameworks} frameworks, {masters.tasks} tasks"


def _marathons(found: Marathons) -> str:
    if not found.leaders:
        return f"Marathon: {click.style('no leader', fg='red', bold=True)}"
    others = len(found.followers) + len(found.missing)
    told = f"{', '.join(found.leaders)} leads at {found.address}, {len(found.followers)} of {others} others follow"
    return f"Marathon: {_health(found.healthy)}; {told}; {found.apps} apps, {found.tasks} tasks run"


def _health(healthy: bool) -> str:
    word, colour = ("healthy", "green") if healthy else ("degraded", "yellow")
    return click.style(word, fg=colour, bold=True)
