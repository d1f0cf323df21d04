"""The state of services: what hosts answer, and the verdict on the ensemble."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mesosctl import tasks
from mesosctl.engine import services
from mesosctl.engine.answer import Answer
from mesosctl.engine.facts import assumed
from mesosctl.engine.report import Failure
from mesosctl.engine.status import (
    ClusterStatus,
    HostStatus,
    MarathonState,
    MasterState,
    Member,
    ServiceState,
    Verdict,
    judge,
    judge_marathons,
    judge_masters,
    read,
)
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Command, Service
from mesosctl.tasks import marathon_service

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
        assert read(answer("uptime 5"), AGENT) == HostStatus(host="a1", registered=False)

    def test_a_leading_master_counts(self) -> None:
        host = replace(HOSTS[0], roles=frozenset({Role.MASTER, Role.AGENT}))
        metrics = {"slaves_active": 3.0, "frameworks_active": 2.0, "tasks_running": 5.0, "tasks_staging": 1.0}
        lines = [f"metric master/{name} {value}" for name, value in metrics.items()]
        found = read(answer("uptime 5", "standing leader", *lines, "metric slave/registered 1.0"), host)
        assert found.master == MasterState(standing="leader", agents=3, frameworks=2, tasks=6)
        assert found.registered is True
        assert found.member is None

    def test_a_master_that_knows_of_no_leader(self) -> None:
        host = replace(HOSTS[0], roles=frozenset({Role.MASTER}))
        assert read(answer("uptime 5", "standing "), host).master == MasterState(standing="")


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


class TestMasters:
    MASTERS = tuple(replace(host, roles=frozenset({Role.MASTER, Role.AGENT})) for host in HOSTS)
    MESOS = replace(CLUSTER, hosts=MASTERS)

    def statuses(self, *standings: str | None, agents: int = 3, registered: bool = True) -> list[HostStatus]:
        down = Failure(cause="timeout", message="")
        return [
            HostStatus(host=host.name, failure=down)
            if standing is None
            else HostStatus(
                host=host.name,
                registered=registered,
                master=MasterState(standing=standing, agents=agents if standing == "leader" else 0),
            )
            for host, standing in zip(self.MASTERS, standings, strict=True)
        ]

    def green(self, hosts: list[HostStatus]) -> bool:
        masters = judge_masters(self.MESOS, hosts)
        return ClusterStatus(hosts=tuple(hosts), ensemble=None, masters=masters).green

    def test_one_leads(self) -> None:
        found = judge_masters(self.MESOS, self.statuses("follower", "leader", "follower"))
        assert found is not None
        assert (found.leaders, found.followers, found.missing) == (("z2",), ("z1", "z3"), ())
        assert (found.address, found.agents, found.agents_declared) == ("http://10.0.0.2:5050", 3, 3)
        assert found.healthy
        assert self.green(self.statuses("follower", "leader", "follower"))

    @pytest.mark.parametrize(
        "standings", [("follower", "leader", ""), ("leader", "leader", "follower"), ("", "", ""), (None, "leader", "")]
    )
    def test_masters_that_do_not_agree_or_are_gone(self, standings: tuple[str | None, ...]) -> None:
        assert not self.green(self.statuses(*standings))

    def test_an_agent_that_is_not_registered(self) -> None:
        assert not self.green(self.statuses("leader", "follower", "follower", agents=2))
        assert not self.green(self.statuses("leader", "follower", "follower", registered=False))

    def test_not_all_masters_asked_gives_no_verdict(self) -> None:
        assert judge_masters(self.MESOS, self.statuses("leader", "follower", "follower")[:2]) is None


class TestMarathon:
    HOSTS = tuple(replace(host, roles=frozenset({Role.MARATHON})) for host in HOSTS)
    CLUSTER = replace(CLUSTER, hosts=HOSTS)

    def statuses(self, *standings: str) -> list[HostStatus]:
        return [
            HostStatus(host=host.name, marathon=MarathonState(standing=standing, apps=2, tasks=5))
            for host, standing in zip(self.HOSTS, standings, strict=True)
        ]

    def test_one_leads(self) -> None:
        hosts = self.statuses("follower", "leader", "follower")
        found = judge_marathons(self.CLUSTER, hosts)
        assert found is not None
        assert (found.leaders, found.followers, found.missing) == (("z2",), ("z1", "z3"), ())
        assert (found.address, found.apps, found.tasks) == ("http://10.0.0.2:8080", 2, 5)
        assert ClusterStatus(hosts=tuple(hosts), ensemble=None, masters=None, marathon=found).green

    @pytest.mark.parametrize("standings", [("follower", "leader", ""), ("leader", "leader", "follower"), ("", "", "")])
    def test_those_that_do_not_agree_or_are_gone(self, standings: tuple[str, ...]) -> None:
        hosts = self.statuses(*standings)
        found = judge_marathons(self.CLUSTER, hosts)
        assert not ClusterStatus(hosts=tuple(hosts), ensemble=None, masters=None, marathon=found).green

    def test_where_none_is_wanted_there_is_no_verdict(self) -> None:
        assert judge_marathons(CLUSTER, statuses("leader", "follower", "follower")) is None

    def test_what_the_leading_one_says(self) -> None:
        prefix = "metric service.mesosphere.marathon"
        found = read(
            answer("uptime 5", "marathon leader", f"{prefix}.app.count 2", f"{prefix}.task.running.count 5.0"),
            self.HOSTS[0],
        )
        assert found.marathon == MarathonState(standing="leader", apps=2, tasks=5)

    @pytest.mark.parametrize(
        ("answer", "standing"),
        [
            ('{"leader":"10.0.0.1:8080"}', "leader"),
            ('{ "leader" : "10.0.0.12:8080" }', "follower"),
            ('{"message":"Could not determine the current leader"}', ""),
            ("", ""),
        ],
    )
    def test_who_leads_by_what_is_answered(self, answer: str, standing: str) -> None:
        ask = marathon_service.standing(self.CLUSTER, self.HOSTS[0])
        script = "printf 'HTTP/1.0 200 OK\\n\\n%s' \"$ANSWER\" | " + ask[ask.index("sed -n") :]
        done = subprocess.run(
            ["dash", "-c", script], env={"ANSWER": answer}, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == standing

    def test_tls_and_credentials_where_the_flags_ask_for_them(self) -> None:
        flags = {"disable_http": "", "https_port": "9443", "http_credentials": "anna:secret"}
        cluster = replace(self.CLUSTER, marathon=replace(CLUSTER.marathon, flags=flags))
        asked = marathon_service.metrics(cluster, self.HOSTS[0])
        assert "openssl s_client -quiet -connect 10.0.0.1:9443" in asked
        assert ". /usr/local/marathon/conf/credentials.env; " in asked
        assert "secret" not in asked
        assert marathon_service.address(cluster, self.HOSTS[0]) == "https://10.0.0.1:9443"


class TestGreen:
    def status(self, *hosts: HostStatus) -> bool:
        return ClusterStatus(hosts=hosts, ensemble=judge(CLUSTER, hosts), masters=None).green

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
    steps = services.stop_steps()
    assert [step.stage.name for step in steps] == ["marathon", "mesos-agent", "mesos-master", "zookeeper"]
    systemd = steps[3].resources(CLUSTER, HOSTS[0], assumed("debian"))[0]
    plain = steps[3].resources(CLUSTER, HOSTS[0], replace(assumed("debian"), init="script"))[0]
    assert isinstance(systemd, Command)
    assert isinstance(plain, Command)
    assert systemd.apply == "systemctl stop zookeeper.service"
    assert plain.apply == "/etc/init.d/zookeeper stop"
    assert list(steps[3].resources(CLUSTER, AGENT, assumed("debian"))) == []


def test_bootstrap_leaves_the_start_of_mesos_to_start_cluster() -> None:
    stage = tasks.stage("agents")
    enabled, *_ = tasks.resources_of(stage, CLUSTER, AGENT, assumed("debian"))
    started, *_ = services.start_steps()[2].resources(CLUSTER, AGENT, assumed("debian"))
    assert isinstance(enabled, Service)
    assert not enabled.start
    assert started == replace(enabled, start=True)


def test_every_service_has_a_stage_of_bootstrap() -> None:
    assert [step.stage.name for step in services.start_steps()] == [service.stage for service in services.SERVICES]
