"""The preflight check: tables of facts, and what is found in them."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mesosctl import engine
from mesosctl.engine import ports
from mesosctl.engine.check import CHECKS, Finding, Severity, findings, repair
from mesosctl.engine.check.host import java_release
from mesosctl.engine.facts import Facts, Listener, assumed
from mesosctl.engine.gather import FactsReader
from mesosctl.engine.probes import program
from mesosctl.engine.report import Failure
from mesosctl.inventory.model import (
    Cluster,
    Docker,
    Host,
    Java,
    Mesos,
    MesosAgent,
    Proxy,
    ProxyUrl,
    Role,
    Secret,
    SelinuxMode,
)
from mesosctl.resources.types import Block, Packages, Service

SERVER = frozenset({Role.ZOOKEEPER, Role.MASTER, Role.MARATHON})
HOSTS = (
    Host(name="m1", address="10.0.0.1", roles=SERVER, zookeeper_id=1),
    Host(name="m2", address="10.0.0.2", roles=SERVER, zookeeper_id=2),
    Host(name="a1", address="10.0.0.3", roles=frozenset({Role.AGENT})),
)
NAMES = {host.name: (host.address,) for host in HOSTS}
GOOD = replace(
    assumed("debian"),
    memory_mb=8192,
    disk_free_mb={"/": 50000},
    java="17.0.9",
    docker="20.10.24",
    cgroup="v2",
    time_synchronised=True,
    time_service="chronyd active",
    names=NAMES,
    sources={"http://mirror.example/debian/dists/bookworm/InRelease": ""},
    listeners=(Listener(22, "0.0.0.0", "sshd", 10),),
)


def cluster(**changes: Any) -> Cluster:
    return Cluster(name="c", hosts=HOSTS, path=Path("inventory.yaml"), state_dir=Path("state"), **changes)


def look(host: str, made: Cluster | None = None, **changes: Any) -> dict[str, list[Finding]]:
    """The findings on a host whose facts differ from good ones, by check."""
    everyone = {item.name: GOOD for item in HOSTS} | {host: replace(GOOD, **changes)}
    found: dict[str, list[Finding]] = {}
    for finding in findings(made or cluster(), everyone, {}):
        if finding.host == host:
            found.setdefault(finding.check, []).append(finding)
    return found


def test_good_hosts_have_nothing_but_ok_in_the_order_of_the_checks() -> None:
    found = findings(cluster(), {host.name: GOOD for host in HOSTS}, {})
    assert {finding.severity for finding in found} == {Severity.OK}
    assert [finding.check for finding in found if finding.host == "m1"] == [check.id for check in CHECKS]


HELD = (*GOOD.listeners, Listener(8080, "*", "nginx", 99))
EXPIRES = int(time.time()) + 86_400

TABLE: list[tuple[str, str, dict[str, Any], Severity, str]] = [
    # check, host, facts that differ, severity, what the message says
    ("lock", "m1", {"lock": f"R1 C {EXPIRES} 1 ann@box"}, Severity.WARNING, "ann@box works on it"),
    ("lock", "m1", {"lock": "R1 C 1000 1 ann@box"}, Severity.OK, "expired"),
    ("os", "m1", {"family": "", "os_id": "arch"}, Severity.ERROR, "arch"),
    ("os", "m1", {"package_manager": ""}, Severity.ERROR, "no apt, dnf or yum"),
    ("python", "a1", {"pythons": ()}, Severity.WARNING, "no python3.11 yet"),
    ("python", "a1", {"os_version": "11", "pythons": (("/usr/bin/python3.9", "3.9.2"),)}, Severity.ERROR, "3.9.2"),
    ("python", "a1", {"pythons": (("/opt/python3.13", "3.13.1"),)}, Severity.OK, "3.13.1"),
    ("java", "m1", {"java": ""}, Severity.OK, "will be installed"),
    ("java", "m1", {"java": "1.7.0_80"}, Severity.ERROR, "too old"),
    ("java", "a1", {"java": "1.7.0_80"}, Severity.OK, "not needed"),
    ("docker", "a1", {"docker": ""}, Severity.OK, "will be installed"),
    ("docker", "m1", {"docker": ""}, Severity.OK, "not needed"),
    ("memory", "m1", {"memory_mb": 1024}, Severity.WARNING, "1024 MB; its roles need about 2176 MB"),
    ("memory", "a1", {"memory_mb": 1024}, Severity.OK, "768"),
    ("disk", "m1", {"disk_free_mb": {"/": 50000, "/var": 300}}, Severity.ERROR, "300 MB free in /var"),
    ("disk", "m1", {"disk_free_mb": {"/": 1500}}, Severity.WARNING, "1500 MB"),
    ("disk", "m1", {"disk_free_mb": {}}, Severity.WARNING, "does not tell"),
    ("cgroups", "a1", {"cgroup": ""}, Severity.ERROR, "no control groups"),
    ("cgroups", "m1", {"cgroup": ""}, Severity.OK, "not needed"),
    ("selinux", "m1", {"selinux": "enforcing"}, Severity.WARNING, "enforcing, not permissive"),
    ("selinux", "m1", {"selinux": "disabled"}, Severity.WARNING, "takes a reboot"),
    ("selinux", "m1", {"selinux": "permissive"}, Severity.OK, "permissive"),
    ("clock-skew", "m1", {"clock": 3.5}, Severity.ERROR, "3.5 s ahead of the median of 3 hosts; 2 s are allowed"),
    ("clock-skew", "m1", {"clock": -90.0}, Severity.ERROR, "90.0 s behind"),
    ("clock-skew", "m1", {"clock": 1.9}, Severity.OK, "1.9 s"),
    ("time-sync", "m1", {"time_synchronised": False}, Severity.WARNING, "chronyd runs, but is not synchronised"),
    ("time-sync", "m1", {"time_synchronised": False, "container": True}, Severity.OK, "container"),
    ("time-sync", "m1", {"time_synchronised": None, "time_service": ""}, Severity.WARNING, "no time service"),
    ("time-sync", "m1", {"time_synchronised": None, "time_service": "ntp failed"}, Severity.WARNING, "ntp is failed"),
    ("time-sync", "m1", {"time_synchronised": None}, Severity.OK, "chronyd runs"),
    ("names", "m1", {"names": NAMES | {"a1": ("10.6.6.6",)}}, Severity.WARNING, "a1 is 10.6.6.6 here, 10.0.0.3"),
    ("names", "m1", {"names": NAMES | {"a1": ("10.6.6.6", "10.0.0.3")}}, Severity.WARNING, "a1 is 10.6.6.6"),
    ("names", "m1", {"names": NAMES | {"m1": ("127.0.1.1",)}}, Severity.OK, "all 3"),
    ("names", "m1", {"names": NAMES | {"a1": ()}}, Severity.OK, "bootstrap writes"),
    ("ports", "m1", {"listeners": HELD}, Severity.ERROR, "8080 (Marathon) is held by nginx, process 99"),
    ("ports", "a1", {"listeners": HELD}, Severity.OK, "5051 free"),
    ("ports", "m1", {"listeners": (Listener(5050, "00000000", "", 0),)}, Severity.WARNING, "cannot name"),
    (
        "ports",
        "m1",
        {"listeners": (Listener(22, "*", "dropbear", 7),)},
        Severity.ERROR,
        "22 (sshd) is held by dropbear",
    ),
    ("node-ports", "a1", {"knocks": {("10.0.0.1", 2181): "silent"}}, Severity.ERROR, "no connection to m1:2181"),
    ("node-ports", "a1", {"knocks": {("10.0.0.1", 2181): "refused"}}, Severity.OK, "0 connections"),
    ("node-ports", "m1", {"knocks": {("10.0.0.3", 22): "refused"}}, Severity.ERROR, "although something listens"),
    ("node-ports", "m1", {"knocks": {("10.0.0.3", 22): "open"}}, Severity.OK, "1 connection"),
    ("package-source", "m1", {"sources": {}}, Severity.WARNING, "no package sources"),
    ("package-source", "m1", {"sources": {"http://m/x": "Connection refused"}}, Severity.ERROR, "Connection refused"),
]


@pytest.mark.parametrize(("check", "host", "facts", "severity", "says"), TABLE)
def test_what_facts_lead_to(check: str, host: str, facts: dict[str, Any], severity: Severity, says: str) -> None:
    found = [finding for finding in look(host, **facts)[check] if finding.severity is severity]
    assert len(found) == 1
    assert says in found[0].message
    assert bool(found[0].fix) == (severity is not Severity.OK)


def test_every_check_has_a_case_that_is_not_in_order() -> None:
    tried = {check for check, _, _, severity, _ in TABLE if severity is not Severity.OK}
    assert tried == {check.id for check in CHECKS} - {"ssh", "sudo", "docker"}


def test_a_port_is_fine_with_the_clusters_own_service() -> None:
    mine = (Listener(2181, "*", "java", 7), Listener(5050, "*", "mesos-master", 8), *GOOD.listeners)
    assert [finding.severity for finding in look("m1", listeners=mine, programs={7: "zookeeper"})["ports"]] == [
        Severity.OK
    ]
    other = look("m1", listeners=mine, programs={7: "marathon"})["ports"]
    assert "2181 (ZooKeeper's clients) is held by java, process 7" in other[0].message


def test_what_listens_on_loopback_only_is_no_firewall() -> None:
    everyone = {host.name: GOOD for host in HOSTS}
    everyone["a1"] = replace(GOOD, listeners=(Listener(5051, "127.0.0.1", "mesos-agent", 5),))
    everyone["m1"] = replace(GOOD, knocks={("10.0.0.3", 5051): "refused"})
    found = [item for item in findings(cluster(), everyone, {}) if (item.check, item.host) == ("node-ports", "m1")]
    assert [item.severity for item in found] == [Severity.OK]


@pytest.mark.parametrize(
    ("made", "host", "facts", "check", "says"),
    [
        (cluster(java=Java(package="none")), "m1", {"java": ""}, "java", "java.package is none"),
        (cluster(docker=Docker(source="none")), "a1", {"docker": ""}, "docker", "docker.source is none"),
        (cluster(hosts_file=False), "m1", {"names": {"a1": ()}}, "names", "a1 cannot be resolved"),
    ],
)
def test_what_the_inventory_forbids_is_an_error(
    made: Cluster, host: str, facts: dict[str, Any], check: str, says: str
) -> None:
    [finding] = look(host, made, **facts)[check]
    assert finding.severity is Severity.ERROR
    assert says in finding.message


def test_an_agent_without_the_docker_containerizer_needs_none() -> None:
    made = cluster(docker=Docker(source="none"), mesos=Mesos(agent=MesosAgent(containerizers=("mesos",))))
    assert look("a1", made, docker="")["docker"][0].severity is Severity.OK


@pytest.mark.parametrize(
    ("cause", "checks"), [("refused", ["ssh"]), ("host-key-changed", ["ssh"]), ("sudo-password", ["ssh", "sudo"])]
)
def test_a_host_that_cannot_be_asked(cause: str, checks: list[str]) -> None:
    failure = Failure(cause=cause, message="what was seen", fix="what to do")
    found = [item for item in findings(cluster(), {"m2": GOOD}, {"m1": failure}) if item.host == "m1"]
    assert [item.check for item in found] == checks
    assert found[-1].severity is Severity.ERROR
    assert found[-1].message == f"{cause}: what was seen"
    assert found[-1].fix == "what to do"


def test_a_host_that_is_down_is_not_blamed_on_a_firewall() -> None:
    facts = replace(GOOD, knocks={("10.0.0.2", 2888): "silent"})
    found = findings(cluster(), {"m1": facts}, {"m2": Failure(cause="timeout", message="")})
    assert [item.severity for item in found if item.check == "node-ports"] == [Severity.OK]


def test_java_releases() -> None:
    assert [java_release(text) for text in ("1.8.0_392", "17.0.21.1", "11", "odd")] == [8, 17, 11, 0]


def test_callers_of_the_ports() -> None:
    made = cluster()
    assert {(other.name, port.number) for other, port in ports.calls(made, HOSTS[2])} == {
        (name, number) for name in ("m1", "m2") for number in (2181, 5050)
    }
    assert {port.number for other, port in ports.calls(made, HOSTS[0]) if other.name == "m2"} == {
        22, 2181, 2888, 3888, 5050,
    }  # fmt: skip


class TestRepair:
    def resources(self, host: str, made: Cluster | None = None, **changes: Any) -> list[object]:
        made = made or cluster()
        facts = {host: replace(GOOD, **changes)}
        step = repair.step(made, facts, findings(made, facts, {}))
        return list(step.resources(made, made.host(host), facts[host])) if step else []

    def test_nothing_to_do(self) -> None:
        assert self.resources("m1") == []

    def test_python_is_installed_through_the_proxy(self) -> None:
        proxy = Proxy(http=ProxyUrl("http", "proxy", 8080))
        [packages] = self.resources("m1", cluster(proxy=proxy), pythons=())
        assert isinstance(packages, Packages)
        assert packages.names == ("python3",)
        assert dict(packages.proxy)["http_proxy"] == "http://proxy:8080/"

    def test_a_time_service_is_installed_and_started(self) -> None:
        packages, service = self.resources("m1", time_service="", time_synchronised=None)
        assert isinstance(packages, Packages)
        assert isinstance(service, Service)
        assert (packages.names, service.name) == (("systemd-timesyncd",), "systemd-timesyncd")
        assert self.resources("m1", time_service="ntp inactive", time_synchronised=None) == [Service(name="ntp")]
        assert self.resources("m1", time_synchronised=False) == []

    def test_names(self) -> None:
        wrong = {"names": NAMES | {"a1": ("10.6.6.6",)}}
        [block] = self.resources("m1", **wrong)
        assert isinstance(block, Block)
        assert "10.0.0.3" in block.content
        assert self.resources("m1", cluster(hosts_file=False), **wrong) == []

    def test_selinux_where_no_reboot_is_needed(self) -> None:
        assert self.resources("m1", selinux="enforcing", selinux_config="enforcing")
        assert self.resources("m1", selinux="disabled", selinux_config="disabled") == []
        assert self.resources("m1", cluster(selinux=SelinuxMode.DISABLED), selinux="enforcing") == []

    def test_the_list_of_checks_says_what_is_repairable(self) -> None:
        assert {check.id for check in CHECKS if check.repairable} == set(repair._REPAIRS)


def test_the_documentation_lists_the_checks() -> None:
    text = (Path(__file__).parents[2] / "docs" / "check.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \| (yes)? ?\|$", text, re.MULTILINE)
    assert rows == [(check.id, check.title, "yes" if check.repairable else "") for check in CHECKS]


class TestProbes:
    def read(self, *lines: str) -> Facts:
        reader = FactsReader("N")
        for line in ("noise of the login", "N os debian|12|bookworm|", *(f"N {line}" for line in lines)):
            reader.line(line)
        return reader.facts()

    def test_lines_become_facts(self) -> None:
        facts = self.read(
            "knock 10.0.0.1 2181 open",
            "name m1 10.0.0.1 fe80::1 ",
            "name m2 ",
            "program 77 zookeeper",
            "source http://m/x",
            "source http://n/y Could not connect",
            "time_service chronyd active",
            "container docker",
            "held R C 5 6 ann@box",
        )
        assert facts.knocks == {("10.0.0.1", 2181): "open"}
        assert facts.names == {"m1": ("10.0.0.1", "fe80::1"), "m2": ()}
        assert facts.programs == {77: "zookeeper"}
        assert facts.sources == {"http://m/x": "", "http://n/y": "Could not connect"}
        assert facts.time_service == "chronyd active"
        assert facts.container
        assert facts.lock == "R C 5 6 ann@box"

    def test_the_package_manager_is_that_of_the_family(self) -> None:
        def manager(system: str, *managers: str) -> str:
            reader = FactsReader("N")
            for line in (f"os {system}", *(f"manager {name}" for name in managers)):
                reader.line(f"N {line}")
            return reader.facts().package_manager

        assert manager("fedora|41||", "apt", "dnf", "yum") == "dnf"
        assert manager("debian|12|bookworm|", "apt", "dnf", "yum") == "apt"
        assert manager("centos|7||rhel fedora", "yum") == "yum"
        assert manager("rocky|9.4||rhel centos fedora") == ""

    def test_a_machine_is_no_container(self) -> None:
        assert not self.read("container none").container
        assert not self.read().container

    def test_package_sources_are_tried_with_the_declared_proxy(self) -> None:
        proxy = Proxy(http=ProxyUrl("http", "proxy", 8080), username="joe", password=Secret("env:P", "p w"))
        text = program(cluster(proxy=proxy), HOSTS[0])
        assert 'Acquire::http::Proxy "http://joe:p%20w@proxy:8080/";' in text
        assert "Acquire::http::Proxy" not in program(cluster(), HOSTS[0])

    def test_dockers_repository_is_tried_where_the_engine_will_come_from_it(self) -> None:
        def repositories(source: str, host: Host) -> tuple[bool, bool]:
            """Whether it is tried on every host, and whether on those without apt."""
            head = program(cluster(docker=Docker(source=source)), host)
            address = "https://download.docker.com/"
            return f"repositories={address}\n" in head, f"without_apt={address}\n" in head

        agent = next(host for host in HOSTS if host.has(Role.AGENT))
        server = next(host for host in HOSTS if not host.has(Role.AGENT))
        assert repositories("docker", agent) == (True, False)
        assert repositories("auto", agent) == (False, True)
        assert repositories("os", agent) == (False, False)
        assert repositories("docker", server) == (False, False)

    def test_package_sources_of_dnf(self, tmp_path: Path) -> None:
        """With the authority that the servers of RHEL itself are known to."""
        (tmp_path / "a.repo").write_text(
            "[base]\nname=Base\nbaseurl=https://one.example/9/$basearch/os/\n[more]\nenabled = 0\n"
            "baseurl=https://two.example/\n[again]\nbaseurl=https://one.example/9/more\nenabled=1\n"
        )
        (tmp_path / "redhat.repo").write_text(
            "[rhel]\nmetalink = \nbaseurl = https://cdn.example/content/dist/rhel9\n"
            "sslcacert = /etc/rhsm/ca/redhat-uep.pem\nenabled = 1\n"
        )
        text = (Path(engine.__path__[0]) / "probes.sh").read_text()
        functions = text[: text.index("\nif command -v ss ")]
        functions = functions.replace("/etc/yum.repos.d", str(tmp_path)).replace("/usr/lib/apt", str(tmp_path))
        done = subprocess.run(["sh", "-c", f"{functions}\nsources"], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines() == [
            "https://one.example/|",
            "https://cdn.example/|/etc/rhsm/ca/redhat-uep.pem",
        ]
