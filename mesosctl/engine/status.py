"""How the cluster's services are: asked in one round trip a host, judged here.

The verdict on ZooKeeper comes from what each member says of itself (`srvr`): only a member that takes part in a quorum
names a mode. Fields of `systemctl show`: systemctl(1), org.freedesktop.systemd1(5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mesosctl.engine import services
from mesosctl.engine.answer import Answer, ask, script
from mesosctl.engine.report import Failure
from mesosctl.engine.rolling import majority
from mesosctl.engine.run import Run
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.tasks import zookeeper_service


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """One service on one host."""

    name: str
    state: str
    """`active`, `inactive`, `failed`, `activating`, …; `missing` where it is not installed."""
    enabled: bool = False
    """It starts with the host."""
    seconds: float | None = None
    """Since when it is active, None where it is not or the host does not tell."""
    pid: int = 0
    restarts: int = 0
    """How often systemd had to start it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A ZooKeeper server, as it says itself."""

    mode: str
    """`leader`, `follower`, `observer`, `standalone`; "" while it takes no part in a quorum."""
    version: str = ""
    zxid: str = ""
    connections: int = 0
    latency: str = ""
    """Minimum/average/maximum in milliseconds."""
    nodes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """A host: its services, or why it could not be asked."""

    host: str
    services: tuple[ServiceState, ...] = ()
    member: Member | None = None
    """None where the host has no ZooKeeper, or could not be asked."""
    failure: Failure | None = None


class Verdict(StrEnum):
    HEALTHY = "healthy"
    """One leader, and every other member follows it."""
    DEGRADED = "degraded"
    """One leader and a majority, but members are missing."""
    NO_QUORUM = "no quorum"
    SPLIT = "more than one leader"
    """The members do not agree on who they are: their configurations differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """The verdict on ZooKeeper."""

    verdict: Verdict
    members: int
    leaders: tuple[str, ...]
    followers: tuple[str, ...]
    missing: tuple[str, ...]
    """Members that take no part, or could not be asked."""

    @property
    def to_lose(self) -> int:
        """How many more members can fail before the quorum is lost."""
        return max(0, len(self.leaders) + len(self.followers) - majority(self.members))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    hosts: tuple[HostStatus, ...]
    """In the inventory's order."""
    ensemble: Ensemble | None
    """None where the cluster has no ZooKeeper, or where not all of its members were asked."""

    @property
    def green(self) -> bool:
        """Everything runs, is enabled, and is in quorum."""
        hosts = all(
            not host.failure and all(one.state == "active" and one.enabled for one in host.services)
            for host in self.hosts
        )
        members = all(host.member is None or host.member.mode for host in self.hosts)
        return hosts and members and (self.ensemble is None or self.ensemble.verdict is Verdict.HEALTHY)


def gather(run: Run) -> ClusterStatus:
    """Ask the hosts of a run, in one round trip each."""

    def body(host: Host) -> str:
        names = " ".join(service.name for service in services.of(host))
        srvr = zookeeper_service.srvr(run.cluster) if host.has(Role.ZOOKEEPER) else ""
        return script("status.sh", {"services": names, "srvr": srvr})

    answers = ask(run, "status", body)
    hosts = tuple(
        read(answers[host.name], host)
        if host.name in answers
        else HostStatus(host=host.name, failure=run.report.hosts[host.name].failure)
        for host in run.hosts
    )
    return ClusterStatus(hosts=hosts, ensemble=judge(run.cluster, hosts))


def read(answer: Answer, host: Host) -> HostStatus:
    """What a host's answer says."""
    uptime = float(answer.first("uptime") or 0)
    states = tuple(_state(name, fields, uptime) for name, fields in answer.pairs("unit"))
    member = _member(answer.all("srvr")) if host.has(Role.ZOOKEEPER) else None
    return HostStatus(host=host.name, services=states, member=member)


def _state(name: str, text: str, uptime: float) -> ServiceState:
    fields = dict(part.split("=", 1) for part in text.split() if "=" in part)
    if fields.get("LoadState") != "loaded":
        return ServiceState(name=name, state="missing")
    state = fields.get("ActiveState", "inactive")
    entered = int(fields.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
    return ServiceState(
        name=name,
        state=state,
        enabled=fields.get("UnitFileState", "").startswith("enabled"),
        seconds=max(0.0, uptime - entered) if state == "active" and entered else None,
        pid=int(fields.get("MainPID") or 0),
        restarts=int(fields.get("NRestarts") or 0),
    )


def _member(lines: Sequence[str]) -> Member:
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    number = re.compile(r"\d+")

    def count(key: str) -> int:
        match = number.match(fields.get(key, ""))
        return int(match[0]) if match else 0

    return Member(
        mode=fields.get("Mode", ""),
        version=fields.get("Zookeeper version", "").partition("-")[0],
        zxid=fields.get("Zxid", ""),
        connections=max(0, count("Connections") - 1),  # one is ours
        latency=fields.get("Latency min/avg/max", ""),
        nodes=count("Node count"),
    )


def judge(cluster: Cluster, hosts: Sequence[HostStatus]) -> Ensemble | None:
    """The verdict on the ensemble; None where there is none, or where not all of its members were asked."""
    names = [host.name for host in cluster.with_role(Role.ZOOKEEPER)]
    asked: Mapping[str, HostStatus] = {status.host: status for status in hosts}
    if not names or any(name not in asked for name in names):
        return None
    modes = {name: member.mode if (member := asked[name].member) else "" for name in names}
    leaders = tuple(name for name, mode in modes.items() if mode in ("leader", "standalone"))
    followers = tuple(name for name, mode in modes.items() if mode in ("follower", "observer"))
    missing = tuple(name for name, mode in modes.items() if not mode)
    if len(leaders) > 1:
        verdict = Verdict.SPLIT
    elif not leaders or len(leaders) + len(followers) < majority(len(names)):
        verdict = Verdict.NO_QUORUM
    else:
        verdict = Verdict.DEGRADED if missing else Verdict.HEALTHY
    return Ensemble(verdict=verdict, members=len(names), leaders=leaders, followers=followers, missing=missing)
