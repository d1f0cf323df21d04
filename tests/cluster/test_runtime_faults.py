"""What may happen to a cluster while a framework runs tasks: programs are killed or stand still, the network is cut.

Three masters on real ZooKeeper, two agents, started by mesosctl; a framework on pymesos, unmodified. After each fault
every task has run once and ended once, by the framework's word and by what it left on its host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mesosctl.lab import ImageKind
from tests.cluster.campaign import AGENTS, MASTERS, Campaign, ask, leaders
from tests.cluster.conftest import Cluster, eventually
from tests.cluster.labs import cluster_of
from tests.conftest import LabFactory

SESSION_SECONDS = 10.0
"""ZooKeeper's, for masters and agents: what they have without a flag."""
GRACE_SECONDS = 40.0
"""For the successor's election and recovery on a busy machine, on top of the session timeout."""
PINGS = {"agent_ping_timeout": "2secs", "max_agent_ping_timeouts": "3"}
"""An agent that is silent for six seconds is unreachable."""
ROLES = {**dict.fromkeys(MASTERS, "zookeeper master"), **dict.fromkeys(AGENTS, "agent")}


@pytest.fixture(scope="module")
def started(make_lab: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of(make_lab, "runtime", ROLES, ImageKind.BAKED, tmp_path_factory.mktemp("runtime")) as cluster:
        cluster.edit(lambda document: document.update(mesos={"master": {"flags": PINGS}}))
        cluster.mesosctl("bootstrap", "--yes")
        cluster.mesosctl("start-cluster")
        yield cluster


@pytest.fixture
def begin(started: Cluster, tmp_path: Path) -> Iterator[Callable[[int, int], Campaign]]:
    """Starts a framework with so many short and long tasks. The cluster is whole again at the end of the test."""
    campaigns: list[Campaign] = []

    def begin(short: int, long: int) -> Campaign:
        campaigns.append(Campaign(started, tmp_path, short, long))
        campaigns[-1].start()
        return campaigns[-1]

    yield begin
    started.lab.heal()
    for campaign in campaigns:
        campaign.close()


def kill(cluster: Cluster, host: str, service: str, signal: str = "KILL") -> None:
    cluster.sh(host, f"systemctl kill --kill-whom=main --signal={signal} {service}")


def another_leads(cluster: Cluster, campaign: Campaign, before: str) -> str:
    """The new leader, which must be there in time."""
    since = time.monotonic()
    found: list[str] = []

    def look() -> bool:
        found[:] = [host for host in leaders(cluster) if host != before]
        return bool(found)

    campaign.until(look)
    assert time.monotonic() - since < SESSION_SECONDS + GRACE_SECONDS
    (leader,) = found
    return leader


def complete(cluster: Cluster, campaign: Campaign) -> None:
    """All tasks end, and all is well with the cluster."""
    campaign.finish()
    eventually(lambda: bool(cluster.status()["green"]))
    masters = cluster.status()["masters"]
    assert len(masters["leaders"]) == 1
    assert (masters["agents"], masters["frameworks"], masters["tasks"]) == (2, 0, 0)


@contextmanager
def deaf(cluster: Cluster, hosts: list[str], to: list[str]) -> Iterator[None]:
    """Hosts that nothing from others comes through to, while what they send arrives."""
    rules = [f"PREROUTING --source {cluster.lab.host(other).address} --jump DROP" for other in to]
    for host in hosts:
        cluster.sh(host, ";".join(f"iptables --table raw --insert {rule}" for rule in rules))
    try:
        yield
    finally:
        for host in hosts:
            cluster.sh(host, ";".join(f"iptables --table raw --delete {rule}" for rule in rules))


@contextmanager
def apart(cluster: Cluster, hosts: list[str], others: list[str]) -> Iterator[None]:
    """Hosts that nothing comes through between, neither way."""
    cluster.lab.partition(hosts, others)
    try:
        yield
    finally:
        cluster.lab.heal()


def active_agents(cluster: Cluster, leader: str) -> int:
    return sum(each["active"] for each in ask(cluster, leader, "/slaves")["slaves"])


def test_a_thousand_tasks_while_the_leader_and_agents_are_killed(
    started: Cluster, begin: Callable[[int, int], Campaign]
) -> None:
    campaign = begin(990, 10)
    campaign.until(lambda: campaign.ended > 200)
    (first,) = leaders(started)
    kill(started, first, "mesos-master")
    kill(started, "h5", "mesos-agent")
    another_leads(started, campaign, first)
    campaign.until(lambda: campaign.ended > 600)
    kill(started, "h4", "mesos-agent")
    complete(started, campaign)


def test_zookeepers_leader_is_killed(started: Cluster, begin: Callable[[int, int], Campaign]) -> None:
    campaign = begin(100, 6)
    campaign.until(lambda: campaign.ended > 30)
    kill(started, started.leader(), "zookeeper")
    complete(started, campaign)


def test_the_leader_is_cut_from_zookeeper(started: Cluster, begin: Callable[[int, int], Campaign]) -> None:
    campaign = begin(100, 6)
    campaign.until(lambda: campaign.ended > 30)
    (first,) = leaders(started)
    with apart(started, [first], [host for host in MASTERS if host != first]):
        another_leads(started, campaign, first)
        campaign.until(lambda: campaign.ended == 100)
        assert first not in leaders(started)
    complete(started, campaign)


def test_a_leader_that_stood_still(started: Cluster, begin: Callable[[int, int], Campaign]) -> None:
    campaign = begin(100, 6)
    campaign.until(lambda: campaign.ended > 30)
    (first,) = leaders(started)
    kill(started, first, "mesos-master", "STOP")
    try:
        second = another_leads(started, campaign, first)
    finally:
        kill(started, first, "mesos-master", "CONT")
    complete(started, campaign)
    assert leaders(started) == [second]


@pytest.mark.parametrize("direction", ["both", "to agents", "to the master"])
def test_master_and_agents_are_parted(started: Cluster, begin: Callable[[int, int], Campaign], direction: str) -> None:
    campaign = begin(100, 6)
    campaign.until(lambda: campaign.ended > 30)
    (leader,) = leaders(started)
    agents = [*AGENTS]
    cut = {
        "both": apart(started, agents, [leader]),
        "to agents": deaf(started, agents, [leader]),
        "to the master": deaf(started, [leader], agents),
    }
    with cut[direction]:
        campaign.until(lambda: active_agents(started, leader) == 0)
        campaign.until(lambda: campaign.unreachable >= 6)
    complete(started, campaign)
    assert leaders(started) == [leader]
