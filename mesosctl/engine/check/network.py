"""Checks of the hosts among each other: clocks, names, ports, firewalls, and the way to the package sources."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from statistics import median

from mesosctl.engine import ports
from mesosctl.engine.check import Finding, View
from mesosctl.engine.facts import Facts, Listener
from mesosctl.tasks.common import is_address


def findings(view: View) -> Iterator[Finding]:
    """What is found on the host of the view."""
    for look in (_clock, _time_sync, _names, _ports, _node_ports, _sources):
        yield from look(view)


def _clock(view: View) -> Iterator[Finding]:
    away = view.facts.clock - median(facts.clock for facts in view.everyone.values())
    text = f"{abs(away):.1f} s {'ahead of' if away > 0 else 'behind'} the median of {len(view.everyone)} hosts"
    if abs(away) > view.cluster.time.max_skew:
        yield view.error(
            "clock-skew",
            f"{text}; {view.cluster.time.max_skew:g} s are allowed (time.max_skew)",
            "set the clock, and let a time service keep it",
        )
    else:
        yield view.ok("clock-skew", text)


def _time_sync(view: View) -> Iterator[Finding]:
    facts = view.facts
    unit, _, state = facts.time_service.partition(" ")
    running = state == "active"
    if facts.container:
        yield view.ok("time-sync", "a container: its clock is that of the machine below it")
    elif facts.time_synchronised:
        yield view.ok("time-sync", f"by {unit}" if running else "synchronised")
    elif not unit:
        yield view.warning(
            "time-sync", "no time service is installed", "mesosctl check --fix installs one; or install one yourself"
        )
    elif not running:
        yield view.warning("time-sync", f"{unit} is {state}", "mesosctl check --fix starts it")
    elif facts.time_synchronised is False:
        yield view.warning("time-sync", f"{unit} runs, but is not synchronised", "can it reach its time servers?")
    else:
        yield view.ok("time-sync", f"{unit} runs")


def _names(view: View) -> Iterator[Finding]:
    found = view.facts.names
    unknown = [host.name for host in view.cluster.hosts if host.name in found and not found[host.name]]
    wrong = [
        host
        for host in view.cluster.hosts
        if found.get(host.name)
        and host is not view.host
        and is_address(host.address)
        and host.address != found[host.name][0]
    ]
    written = view.cluster.hosts_file
    if wrong:
        told = [f"{host.name} is {found[host.name][0]} here, {host.address} in the inventory" for host in wrong]
        by_hand = "remove the line that comes first in /etc/hosts, or correct the name service"
        known = all(host.address in found[host.name] for host in wrong)
        fix = "mesosctl check --fix adds the cluster's names to /etc/hosts; " if written and not known else ""
        yield view.warning("names", _several(told), fix + by_hand)
    if unknown and not written:
        yield view.error("names", f"{_several(unknown)} cannot be resolved", "set hosts_file: true, or add them to DNS")
    elif unknown:
        yield view.ok("names", f"{len(unknown)} names do not resolve yet; bootstrap writes all into /etc/hosts")
    elif not wrong:
        yield view.ok("names", f"all {len(found)} names resolve")


def _ports(view: View) -> Iterator[Finding]:
    held = {listener.port: listener for listener in view.facts.listeners}
    free: list[str] = []
    ours: list[str] = []
    for port in ports.needed(view.cluster, view.host):
        listener = held.get(port.number)
        if listener is None:
            free.append(str(port.number))
        elif _is_ours(port, listener, view.facts):
            ours.append(str(port.number))
        elif not listener.pid:
            yield view.warning(
                "ports", f"{port.number} ({port.what}) is held by a process that the host cannot name", "install ss"
            )
        else:
            yield view.error(
                "ports",
                f"{port.number} ({port.what}) is held by {listener.process}, process {listener.pid}",
                "stop that process, or choose another port in the inventory",
            )
    told = [
        f"{', '.join(numbers)} {state}"
        for numbers, state in ((ours, "held by its services"), (free, "free"))
        if numbers
    ]
    if told:
        yield view.ok("ports", "; ".join(told))


def _is_ours(port: ports.Port, listener: Listener, facts: Facts) -> bool:
    if port.program == "sshd":
        # systemd listens for it where sshd is started by its socket; we have come in through it either way
        return listener.process in ("sshd", "systemd", "")
    return port.program in (facts.programs.get(listener.pid), listener.process)


def _node_ports(view: View) -> Iterator[Finding]:
    knocks = view.facts.knocks
    reached, refused, lost = 0, [], []
    for other, port in ports.calls(view.cluster, view.host):
        how = knocks.get((other.address, port.number))
        if how == "open":
            reached += 1
        if other.name not in view.everyone:
            continue  # it did not answer us either
        if how in ("silent", "unreachable"):
            lost.append(f"{other.name}:{port.number}")
        elif how == "refused" and _listens(view.everyone[other.name], port.number):
            refused.append(f"{other.name}:{port.number}")
    if lost:
        yield view.error(
            "node-ports", f"no connection to {_several(lost)}", "open these ports between the hosts in their firewalls"
        )
    if refused:
        yield view.error(
            "node-ports",
            f"{_several(refused)} refused although something listens there",
            "let the firewall there accept them, or let the service listen on the host's address",
        )
    if not lost and not refused:
        yield view.ok("node-ports", f"{reached} connections to what listens on other hosts")


def _listens(facts: Facts, port: int) -> bool:
    return any(listener.port == port and not _is_loopback(listener.address) for listener in facts.listeners)


def _is_loopback(address: str) -> bool:
    """Whether only the host itself reaches that address of a listener (`*`, names and scopes are no loopback)."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _sources(view: View) -> Iterator[Finding]:
    sources = view.facts.sources
    proxied = view.cluster.proxy.configured and view.cluster.proxy.tools.packages
    way = "through the declared proxy" if proxied else "with the host's own settings"
    failed = {address: reason for address, reason in sources.items() if reason}
    for address, reason in failed.items():
        yield view.error(
            "package-source",
            f"{address} cannot be fetched {way}: {reason}",
            "check the proxy of the inventory and its no_proxy, or the host's package sources",
        )
    if not sources:
        yield view.warning("package-source", "the host has no package sources", "add the distribution's or a mirror's")
    elif not failed:
        servers = sorted({address.split("/")[2] for address in sources})
        yield view.ok("package-source", f"{', '.join(servers)} reached {way}")


def _several(items: list[str]) -> str:
    """The first few of a list, and how many more there are."""
    return ", ".join(items[:5]) + (f" and {len(items) - 5} more" if len(items) > 5 else "")
