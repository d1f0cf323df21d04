"""The state of services: what hosts answer, and the verdict on the ensemble."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mesosctl.engine import services
from mesosctl.engine.answer import Answer
from mesosctl.engine.facts import assumed
from mesosctl.engine.report import Failure
from mesosctl.engine.status import ClusterStatus, HostStatus, Member, ServiceState, Verdict, judge, read
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Command

HOSTS = tuple(
    Host(name=f"z{number}", address=f"10.0.0.{number}", roles=frozenset({Role.ZOOKEEPER}), zookeeper_id=number)
    for number in (1, 2, 3)
)
AGENT = Host(name="a1", address="10.0.0.9", roles=frozenset({Role.AGENT}))
CLUSTER = Cluster(name="c", hosts=(*HOSTS, AGENT), path=Path("inventory.yaml"), state_dir=Path("state"))
RUNS = ServiceState(name="zookeeper", state="active", enabled=True)

SRVR = """\
Zookeeper version: 3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f, built on 2022-02-25 08:49 UTC
Latency min/avg/max: 0/0.3333/1
Received: 4
Sent: 3
Connections: 3
Outstanding: 0
Zxid: 0x200000004
Mode: leader
Node count: 5
Proposal sizes last/min/max: -1/-1/-1"""


def answer(*lines: str) -> Answer:
    made = Answer("N")
    for line in lines:
        made.line(f"N {line}")
    return made


def statuses(*modes: str | None) -> list[HostStatus]:
    """Statuses of the members: a mode, "" for one that takes no part, None for one that is down."""
    down = Failure(cause="timeout", message="")
    return [
        HostStatus(host=host.name, failure=down)
        if mode is None
        else HostStatus(host=host.name, services=(RUNS,), member=Member(mode=mode))
        for host, mode in zip(HOSTS, modes, strict=True)
    ]


class TestRead:
    def test_a_member_that_runs(self) -> None:
        unit = "LoadState=loaded ActiveState=active SubState=running UnitFileState=enabled MainPID=646 NRestarts=2"
        lines = ("uptime 100.50", f"unit zookeeper {unit} ActiveEnterTimestampMonotonic=40000000")
        found = read(answer(*lines, *(f"srvr {line}" for line in SRVR.splitlines())), HOSTS[0])
        assert found.services == (
            ServiceState(name="zookeeper", state="active", enabled=True, seconds=60.5, pid=646, restarts=2),
        )
        assert found.member == Member(
            mode="leader", version="3.8.0", zxid="0x200000004", connections=2, latency="0/0.3333/1", nodes=5
        )

    @pytest.mark.parametrize(
        ("unit", "state"),
        [
            ("LoadState=not-found ActiveState=inactive", "missing"),
            ("LoadState=loaded ActiveState=failed UnitFileState=enabled ActiveEnterTimestampMonotonic=9", "failed"),
            ("LoadState=loaded ActiveState=activating UnitFileState=disabled", "activating"),
        ],
    )
    def test_one_that_does_not(self, unit: str, state: str) -> None:
        found = read(answer("uptime 5", f"unit zookeeper {unit}"), HOSTS[0])
        assert found.services[0].state == state
        assert found.services[0].seconds is None
        assert found.member == Member(mode="")

    def test_a_server_outside_of_a_quorum_names_no_mode(self) -> None:
        text = "srvr This ZooKeeper instance is not currently serving requests"
        assert read(answer("uptime 5", text), HOSTS[0]).member == Member(mode="")

    def test_a_host_without_zookeeper_has_no_member(self) -> None:
        assert read(answer("uptime 5"), AGENT) == HostStatus(host="a1")


class TestJudge:
    @pytest.mark.parametrize(
        ("modes", "verdict", "to_lose"),
        [
            (("leader", "follower", "follower"), Verdict.HEALTHY, 1),
            (("leader", "follower", None), Verdict.DEGRADED, 0),
            (("", "follower", "leader"), Verdict.DEGRADED, 0),
            (("", "follower", None), Verdict.NO_QUORUM, 0),
            (("follower", "follower", ""), Verdict.NO_QUORUM, 0),
            (("leader", "", None), Verdict.NO_QUORUM, 0),
            ((None, None, None), Verdict.NO_QUORUM, 0),
            (("leader", "leader", "follower"), Verdict.SPLIT, 1),
            (("standalone", "standalone", "standalone"), Verdict.SPLIT, 1),
        ],
    )
    def test_verdicts(self, modes: tuple[str | None, ...], verdict: Verdict, to_lose: int) -> None:
        ensemble = judge(CLUSTER, statuses(*modes))
        assert ensemble is not None
        assert ensemble.verdict is verdict
        assert ensemble.to_lose == to_lose
        assert ensemble.missing == tuple(host.name for host, mode in zip(HOSTS, modes, strict=True) if not mode)

    def test_not_all_members_asked_gives_no_verdict(self) -> None:
        assert judge(CLUSTER, statuses("leader", "follower", "follower")[:2]) is None

    def test_a_single_server_is_an_ensemble(self) -> None:
        one = replace(CLUSTER, hosts=HOSTS[:1])
        ensemble = judge(one, statuses("standalone", "", "")[:1])
        assert ensemble is not None
        assert ensemble.verdict is Verdict.HEALTHY


class TestGreen:
    def status(self, *hosts: HostStatus) -> bool:
        return ClusterStatus(hosts=hosts, ensemble=judge(CLUSTER, hosts)).green

    def test_all_well(self) -> None:
        assert self.status(*statuses("leader", "follower", "follower"))

    @pytest.mark.parametrize("modes", [("leader", "follower", ""), ("leader", "follower", None), ("", "", "")])
    def test_a_member_is_missing(self, modes: tuple[str | None, ...]) -> None:
        assert not self.status(*statuses(*modes))

    def test_one_that_would_not_come_back_after_a_reboot(self) -> None:
        hosts = statuses("leader", "follower", "follower")
        hosts[0] = replace(hosts[0], services=(replace(RUNS, enabled=False),))
        assert not self.status(*hosts)

    def test_a_limited_look_judges_its_hosts(self) -> None:
        assert self.status(statuses("follower", "", "")[0])
        assert not self.status(statuses("", "", "")[0])


def test_stopping_asks_the_init_of_the_host() -> None:
    [step] = services.stop_steps()
    systemd = step.resources(CLUSTER, HOSTS[0], assumed("debian"))[0]
    plain = step.resources(CLUSTER, HOSTS[0], replace(assumed("debian"), init="script"))[0]
    assert isinstance(systemd, Command)
    assert isinstance(plain, Command)
    assert systemd.apply == "systemctl stop zookeeper.service"
    assert plain.apply == "/etc/init.d/zookeeper stop"
    assert list(step.resources(CLUSTER, AGENT, assumed("debian"))) == []


def test_every_service_has_a_stage_of_bootstrap() -> None:
    assert len(services.start_steps()) == len(services.SERVICES)
