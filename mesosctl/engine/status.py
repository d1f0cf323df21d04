"""How the cluster's services are: asked in one round trip a host, judged here.

The verdict on ZooKeeper comes from what each member says of itself (`srvr`): only a member that takes part in a quorum
names a mode. That on Mesos comes from each master's `/redirect` and the `/metrics/snapshot` of the leading one
(docs/monitoring.md of Apache Mesos), and from what each agent says of its registration; that on Marathon from each
one's `/v2/leader`. Fields of `systemctl show`: systemctl(1), org.freedesktop.systemd1(5).
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
from mesosctl.tasks import marathon_service, mesos_service, zookeeper_service


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
class MasterState:
    """A master, as it says itself."""

    standing: str
    """`leader`, `follower`, or "" while it knows of no leading master."""
    agents: int = 0
    """Agents that are registered and connected. This and what follows only the leading master knows."""
    frameworks: int = 0
    tasks: int = 0
    """Tasks that are staging, starting or running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarathonState:
    """A Marathon, as it says itself."""

    standing: str
    """As of a master."""
    apps: int = 0
    """This and what follows only the leading one knows."""
    tasks: int = 0
    """Tasks that are running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """A host: its services, or why it could not be asked."""

    host: str
    services: tuple[ServiceState, ...] = ()
    member: Member | None = None
    """None where the host has no ZooKeeper, or could not be asked."""
    master: MasterState | None = None
    """None where the host has no master, or could not be asked."""
    registered: bool | None = None
    """Whether the host's agent is registered with the leading master; None as above."""
    marathon: MarathonState | None = None
    """None where the host has no Marathon, or could not be asked."""
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
class Masters:
    """The verdict on Mesos."""

    leaders: tuple[str, ...]
    """One, if all is well."""
    followers: tuple[str, ...]
    missing: tuple[str, ...]
    """Masters that know of no leading one, or could not be asked."""
    address: str
    """Of the leading master's API and page, "" where none leads."""
    agents: int
    """Agents that the leading master has registered and connected."""
    agents_declared: int
    """Agents of the inventory."""
    frameworks: int
    tasks: int

    @property
    def healthy(self) -> bool:
        return len(self.leaders) == 1 and not self.missing and self.agents >= self.agents_declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Marathons:
    """The verdict on Marathon."""

    leaders: tuple[str, ...]
    """One, if all is well."""
    followers: tuple[str, ...]
    missing: tuple[str, ...]
    """Those that know of no leading one, or could not be asked."""
    address: str
    """Of the leading one's API and page, "" where none leads."""
    apps: int
    tasks: int

    @property
    def healthy(self) -> bool:
        return len(self.leaders) == 1 and not self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    hosts: tuple[HostStatus, ...]
    """In the inventory's order."""
    ensemble: Ensemble | None
    """None where the cluster has no ZooKeeper, or where not all of its members were asked."""
    masters: Masters | None
    """None where the cluster has no masters, or where not all of them were asked."""
    marathon: Marathons | None = None
    """None as above."""

    @property
    def green(self) -> bool:
        """Everything runs, is enabled, is in quorum, and is registered."""
        hosts = all(
            not host.failure and all(one.state == "active" and one.enabled for one in host.services)
            for host in self.hosts
        )
        members = all(host.member is None or host.member.mode for host in self.hosts)
        mesos = all(
            (host.master is None or host.master.standing)
            and host.registered is not False
            and (host.marathon is None or host.marathon.standing)
            for host in self.hosts
        )
        ensemble = self.ensemble is None or self.ensemble.verdict is Verdict.HEALTHY
        masters = self.masters is None or self.masters.healthy
        marathon = self.marathon is None or self.marathon.healthy
        return hosts and members and mesos and ensemble and masters and marathon


def gather(run: Run) -> ClusterStatus:
    """Ask the hosts of a run, in one round trip each."""

    def body(host: Host) -> str:
        names = " ".join(service.name for service in services.of(host))
        names_of_questions = ("srvr", "standing", "master_metrics", "agent_metrics", "marathon", "marathon_metrics")
        questions = dict.fromkeys(names_of_questions, "")
        if host.has(Role.ZOOKEEPER):
            questions["srvr"] = zookeeper_service.srvr(run.cluster)
        if host.has(Role.MASTER):
            questions["standing"] = mesos_service.standing(run.cluster, host)
            questions["master_metrics"] = mesos_service.master_metrics(run.cluster, host)
        if host.has(Role.AGENT):
            questions["agent_metrics"] = mesos_service.agent_metrics(run.cluster, host)
        if host.has(Role.MARATHON):
            questions["marathon"] = marathon_service.standing(run.cluster, host)
            questions["marathon_metrics"] = marathon_service.metrics(run.cluster, host)
        return script("status.sh", {"services": names, **questions})

    answers = ask(run, "status", body)
    hosts = tuple(
        read(answers[host.name], host)
        if host.name in answers
        else HostStatus(host=host.name, failure=run.report.hosts[host.name].failure)
        for host in run.hosts
    )
    return ClusterStatus(
        hosts=hosts,
        ensemble=judge(run.cluster, hosts),
        masters=judge_masters(run.cluster, hosts),
        marathon=judge_marathons(run.cluster, hosts),
    )


def read(answer: Answer, host: Host) -> HostStatus:
    """What a host's answer says."""
    uptime = float(answer.first("uptime") or 0)
    states = tuple(_state(name, fields, uptime) for name, fields in answer.pairs("unit"))
    member = _member(answer.all("srvr")) if host.has(Role.ZOOKEEPER) else None
    metrics = {name: float(value) for name, value in answer.pairs("metric")}
    return HostStatus(
        host=host.name,
        services=states,
        member=member,
        master=_master(answer.first("standing"), metrics) if host.has(Role.MASTER) else None,
        registered=metrics.get("slave/registered") == 1 if host.has(Role.AGENT) else None,
        marathon=_marathon(answer.first("marathon"), metrics) if host.has(Role.MARATHON) else None,
    )


def _master(standing: str, metrics: Mapping[str, float]) -> MasterState:
    tasks = sum(metrics.get(f"master/tasks_{state}", 0) for state in ("staging", "starting", "running"))
    return MasterState(
        standing=standing,
        agents=int(metrics.get("master/slaves_active", 0)),
        frameworks=int(metrics.get("master/frameworks_active", 0)),
        tasks=int(tasks),
    )


def _marathon(standing: str, metrics: Mapping[str, float]) -> MarathonState:
    prefix = "service.mesosphere.marathon"
    apps, tasks = (int(metrics.get(f"{prefix}.{name}.count", 0)) for name in ("app", "task.running"))
    return MarathonState(standing=standing, apps=apps, tasks=tasks)


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


def judge_masters(cluster: Cluster, hosts: Sequence[HostStatus]) -> Masters | None:
    """The verdict on Mesos; None where there are no masters, or where not all of them were asked."""
    masters = cluster.with_role(Role.MASTER)
    asked = {status.host: status for status in hosts}
    if not masters or any(host.name not in asked for host in masters):
        return None
    states = {host.name: asked[host.name].master or MasterState(standing="") for host in masters}
    leaders, followers, missing = _by_standing(states)
    first = states[leaders[0]] if leaders else MasterState(standing="")
    return Masters(
        leaders=leaders,
        followers=followers,
        missing=missing,
        address=mesos_service.master_address(cluster, cluster.host(leaders[0])) if leaders else "",
        agents=first.agents,
        agents_declared=len(cluster.with_role(Role.AGENT)),
        frameworks=first.frameworks,
        tasks=first.tasks,
    )


def judge_marathons(cluster: Cluster, hosts: Sequence[HostStatus]) -> Marathons | None:
    """The verdict on Marathon; None where there is none, or where not all of them were asked."""
    marathons = cluster.with_role(Role.MARATHON)
    asked = {status.host: status for status in hosts}
    if not marathons or any(host.name not in asked for host in marathons):
        return None
    states = {host.name: asked[host.name].marathon or MarathonState(standing="") for host in marathons}
    leaders, followers, missing = _by_standing(states)
    first = states[leaders[0]] if leaders else MarathonState(standing="")
    return Marathons(
        leaders=leaders,
        followers=followers,
        missing=missing,
        address=marathon_service.address(cluster, cluster.host(leaders[0])) if leaders else "",
        apps=first.apps,
        tasks=first.tasks,
    )


def _by_standing(
    states: Mapping[str, MasterState] | Mapping[str, MarathonState],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The hosts that lead, that follow, and that take no part."""
    standings = {name: state.standing for name, state in states.items()}
    leaders = tuple(name for name, standing in standings.items() if standing == "leader")
    followers = tuple(name for name, standing in standings.items() if standing == "follower")
    return leaders, followers, tuple(name for name, standing in standings.items() if not standing)
