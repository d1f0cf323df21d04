"""`proxy test`: which way each tool takes to each address, as the tools on the hosts say themselves.

A tool that cannot get through names whom it tried to reach: the host of the address, or somebody else, which then is a
proxy. The Docker daemon is not sent anywhere; it tells its settings, and Go's rules decide.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from mesosctl.engine import go_proxy
from mesosctl.engine.answer import Answer, ask, script
from mesosctl.engine.run import Run
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.tasks import no_proxy
from mesosctl.tasks.common import bracketed, is_address

EXTERNAL = ("http://example.com/", "https://example.com/")
"""Somebody outside; nothing is sent there."""

TOOLS = ("curl", "wget", "git", "git://", "apt", "dnf", "python", "maven", "docker")
PORTS = {"http": 80, "https": 443, "git": 9418}

PROXY = re.compile(r"Could not resolve proxy: (?P<host>\S+)")
NAMED = (
    re.compile(r"Could not resolve host: (?P<host>\S+)"),
    re.compile(r"Failed to connect to (?P<host>\S+) port (?P<port>\d+)"),
    re.compile(r"Connecting to (?P<host>\[[^]]+\]|[^\s:]+)(?: \([^)]*\)\|[^|]*\|)?:(?P<port>\d+)"),
    re.compile(r"unable to resolve host address .(?P<host>[^\s'`]+)'"),
    re.compile(r"resolving '(?P<host>[^':]+)"),
    re.compile(r"connect(?:ion)? to (?P<host>\S+):(?P<port>\d+) \("),
)
"""What curl, git and dnf (libcurl), wget, and apt print of whom they tried to reach."""


class Way(StrEnum):
    DIRECT = "direct"
    PROXY = "proxy"
    UNKNOWN = "unknown"
    """The tool did not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The way that a tool takes to an address."""

    tool: str
    address: str
    way: Way
    via: str = ""
    """The proxy's host and port, where the way leads through one; for git:// the command."""
    declared: Way | None = None
    """The way that the inventory asks for, None where it does not say."""
    excuse: str = ""
    """Why the tool is not told to go the declared way."""

    @property
    def wrong(self) -> bool:
        """It goes another way than declared, without an excuse."""
        return self.declared is not None and self.way not in (self.declared, Way.UNKNOWN) and not self.excuse


def addresses(cluster: Cluster) -> list[str]:
    """What is tested unless the user names something: somebody outside, each entry of no_proxy, each node."""
    exceptions = cluster.proxy.no_proxy
    names = [name for name in exceptions.hosts if "*" not in name]
    names += [f"www.{domain}" for domain in exceptions.domains]
    networks = (ipaddress.ip_network(cidr, strict=False) for cidr in exceptions.cidrs)
    names += [str(next(network.hosts(), network.network_address)) for network in networks]
    names += [name for host in cluster.hosts for name in (host.name, host.address)]
    return [*EXTERNAL, *dict.fromkeys(f"http://{bracketed(name)}/" for name in names)]


def gather(run: Run, wanted: Sequence[str]) -> dict[str, tuple[frozenset[str], list[Route]]]:
    """Ask the hosts of a run: by host, the tools that are installed there, and the way each takes to each address.

    Addresses with http:// are tried with git:// too.
    """
    web = [address for address in wanted if not address.startswith("git://")]
    git = [re.sub("^http://", "git://", address) for address in wanted if not address.startswith("https://")]
    git = list(dict.fromkeys(git))
    variables = {"home": "/root", "addresses": " ".join(web), "git_addresses": " ".join(git)}
    text = script("proxy_env.sh", variables) + script("proxy_routes.sh", {})
    answers = ask(run, "proxy test", lambda host: text)
    return {
        host.name: (tools(answers[host.name]), list(read(run.cluster, host, answers[host.name], web, git)))
        for host in run.hosts
        if host.name in answers
    }


def tools(answer: Answer) -> frozenset[str]:
    """The tools that are installed, of TOOLS."""
    named = {"python3": ("python",), "mvn": ("maven",), "git": ("git", "git://")}
    return frozenset(name for tool, _ in answer.pairs("tool") for name in named.get(tool, (tool,)))


def read(cluster: Cluster, host: Host, answer: Answer, web: Sequence[str], git: Sequence[str]) -> Iterator[Route]:
    """The routes that a host's answer tells of."""
    said: dict[tuple[str, str], list[str]] = {}
    for line in answer.all("saw"):
        tool, address, text = [*line.split(" ", 2), ""][:3]
        said.setdefault((tool, address), []).append(text)
    docker = dict(answer.pairs("docker"))
    installed = tools(answer)
    for tool in TOOLS:
        if tool not in installed:
            continue
        for address in git if tool == "git://" else web:
            if tool == "docker":
                way, via = _docker_way(docker, address)
            else:
                way, via = way_of(address, said.get((tool.removesuffix("://"), address), []))
            declared = declared_way(cluster, host, tool, address)
            excuse = _excuse(cluster, tool, address) if way is Way.PROXY and declared is Way.DIRECT else ""
            yield Route(tool=tool, address=address, way=way, via=via, declared=declared, excuse=excuse)


def way_of(address: str, lines: Sequence[str]) -> tuple[Way, str]:
    """The way that a tool's own words tell of, and the proxy."""
    parts = urlsplit(address)
    target = (parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0))
    for line in lines:
        if line.startswith("direct"):
            return Way.DIRECT, ""
        if line.startswith("via "):
            return Way.PROXY, line.removeprefix("via ")
        if line.startswith("connector"):
            via = re.search(r" via (\S+)", line)
            return (Way.PROXY, via[1]) if via else (Way.DIRECT, "")
    if parts.scheme == "git":
        return _git_way(parts.hostname or "", lines)
    for line in lines:
        if match := PROXY.search(line):
            return Way.PROXY, match["host"]
    for line in lines:
        for pattern in NAMED:
            if match := pattern.search(line):
                return _compared(target, match.groupdict())
    return Way.UNKNOWN, ""


def _compared(target: tuple[str, int], named: Mapping[str, str | None]) -> tuple[Way, str]:
    host, port = (named["host"] or "").strip("[]"), int(named.get("port") or 0)
    if host.lower() == target[0] and port in (0, target[1]):
        return Way.DIRECT, ""
    return Way.PROXY, f"{bracketed(host)}:{port}" if port else host


def _git_way(host: str, lines: Sequence[str]) -> tuple[Way, str]:
    """git:// goes through a command of core.gitProxy, which git's trace names, or git connects itself."""
    for line in lines:
        if match := re.search(rf"run_command: (\S+) '?{re.escape(host)}'? \d+", line):
            return Way.PROXY, match[1]
    return (Way.DIRECT, "") if any("look up" in line or "connect to" in line for line in lines) else (Way.UNKNOWN, "")


def _docker_way(settings: Mapping[str, str], address: str) -> tuple[Way, str]:
    if not settings:
        return Way.UNKNOWN, ""  # the daemon does not run
    proxy = go_proxy.proxy_for(
        address,
        http=settings.get("HTTPProxy", ""),
        https=settings.get("HTTPSProxy", ""),
        no_proxy=settings.get("NoProxy", ""),
    )
    parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return (Way.PROXY, f"{parts.hostname}:{parts.port or 80}") if proxy else (Way.DIRECT, "")


def declared_way(cluster: Cluster, host: Host, tool: str, address: str) -> Way | None:
    """The way that the inventory asks of a tool on a host; None where it leaves that open."""
    proxy, parts = cluster.proxy, urlsplit(address)
    switches = proxy.tools
    own = {
        "git": switches.git,
        "git://": switches.git,
        "wget": switches.wget,
        "maven": switches.maven,
        "apt": switches.packages,
    }
    own |= {"dnf": switches.packages, "docker": switches.docker and host.has(Role.AGENT)}
    inherits = tool not in ("maven", "docker", "git://")
    on = own.get(tool, False) or (inherits and switches.profile)
    if not proxy.configured or not on:
        return Way.DIRECT
    if no_proxy.covers(cluster, parts.hostname or ""):
        return Way.DIRECT
    given = {"http": proxy.http, "https": proxy.https}.get(parts.scheme, proxy.http or proxy.https)
    return Way.PROXY if given else None


def _excuse(cluster: Cluster, tool: str, address: str) -> str:
    """Why a tool is not told that this is to be reached directly, "" where it is (see tasks.no_proxy)."""
    host = urlsplit(address).hostname or ""
    if tool == "dnf":
        return "no exceptions can be named there"
    if tool == "docker":
        names = {node.name for node in cluster.hosts} - set(cluster.proxy.no_proxy.hosts)
        excuse = "it is told the nodes' networks and not their names, so that a new node does not restart it"
        return excuse if host in names else ""
    if host in no_proxy.exact(cluster):
        return ""
    if is_address(host) and tool in ("wget", "git://", "apt", "python", "maven"):
        return "no network can be named there, only addresses"
    return "no domain can be named there, only whole names" if tool == "apt" and not is_address(host) else ""
