"""`mesosctl verify` finds every broken promise, and nothing else: each is broken by hand on real hosts.

Hosts are looked at side by side, so each round breaks one promise on every host that has one left, looks once, and puts
back what was there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import xml.etree.ElementTree as Xml
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mesosctl.errors import ExitCode
from tests.cluster.conftest import Cluster, eventually

MASTERS, AGENTS = ("h1", "h2", "h3"), ("h4", "h5")
Broken = set[tuple[str, str]]
"""Host and test."""

MESOS = "/usr/local/etc/mesos"
SBIN = "/usr/local/sbin"


@dataclass(frozen=True)
class Break:
    """A promise of one host: how it is broken, and what puts it right again (the files that it names come back by
    themselves)."""

    test: str
    command: str
    files: str = ""
    repair: str = ":"
    also: str = ""
    """Tests that speak of the same thing."""


def edit(path: str, script: str) -> dict[str, str]:
    """A file changed with sed, links left alone."""
    return {"command": f"sed -i --follow-symlinks {script!r} {path}", "files": path}


def unit(name: str, verb: str, back: str) -> dict[str, str]:
    return {"command": f"systemctl -q {verb} {name}", "repair": f"systemctl -q {back} {name}"}


ANY = [
    Break("test_operator_key", **edit("/root/.ssh/authorized_keys", "/BEGIN mesosctl operator/,/END/d")),
    Break("test_login_shell", **edit("/etc/profile.d/proxy.sh", "s/^export https_proxy=/export nothing=/")),
    Break("test_login_shell_direct", **edit("/etc/profile.d/proxy.sh", "/^export no_proxy=/s/,h5,/,/")),
    Break("test_wget_proxy", **edit("/etc/wgetrc", "s/^use_proxy = on/use_proxy = off/")),
    Break("test_maven_proxy", **edit("/root/.m2/settings.xml", "s/3128/3129/")),
    Break("test_git_proxy", **edit("/etc/gitconfig", "s/192.0.2.1:3128/192.0.2.1:3129/")),
    Break("test_git_protocol", "chmod a-x /usr/bin/gitproxy", repair="chmod 755 /usr/bin/gitproxy"),
    Break("test_package_manager_proxy", **edit("/etc/apt/apt.conf.d/90mesosctl-proxy", "s/3128/3129/")),
    Break("test_sudo_keeps_proxy", "rm /etc/sudoers.d/mesosctl-proxy", files="/etc/sudoers.d/mesosctl-proxy"),
]
"""Of every host."""
OF_MASTERS = [
    Break("test_zookeeper_members", **edit("/etc/zookeeper/conf/zoo.cfg", "s/^server.2=.*:2888/&9/")),
    Break("test_zookeeper_directories", "chmod o+w /var/lib/zookeeper", repair="chmod o-w /var/lib/zookeeper"),
    Break("test_zookeeper_id", "echo 9 >/var/lib/zookeeper/myid", files="/var/lib/zookeeper/myid"),
    Break("test_zookeeper_starts_with_the_host", **unit("zookeeper", "disable", "enable")),
    Break(
        "test_zookeeper_runs",
        "mkdir -p /run/systemd/system/zookeeper.service.d; "
        "printf '[Service]\\nLimitNOFILE=64\\n' >/run/systemd/system/zookeeper.service.d/few.conf; "
        "systemctl daemon-reload",
        repair="rm -r /run/systemd/system/zookeeper.service.d; systemctl daemon-reload",
    ),
    Break("test_master_environment", **edit(f"{MESOS}/mesos-master-env.sh", "s/^export MESOS_work_dir=.*/&2/")),
    Break("test_master_zookeeper", **edit(f"{MESOS}/mesos-master-env.sh", "/^export MESOS_zk=/s/:2181,/:2182,/")),
    Break("test_master_quorum", **edit(f"{MESOS}/mesos-master-env.sh", "/MESOS_quorum/s/2/1/")),
    Break("test_lists_of_nodes", f"echo 192.0.2.9 >>{MESOS}/slaves", files=f"{MESOS}/slaves"),
    Break("test_start_scripts", f"rm {SBIN}/mesos-stop-agents.sh", files=f"{SBIN}/mesos-stop-agents.sh"),
    Break("test_master_program", f"ln -sf /bin/true {SBIN}/mesos-master", files=f"{SBIN}/mesos-master"),
    Break("test_master_starts_with_the_host", **unit("mesos-master", "disable", "enable")),
    Break("test_marathon_start_script", **edit("/usr/local/marathon/bin/start-marathon", "s/8080/8081/")),
    Break("test_marathon_starts_with_the_host", **unit("marathon", "disable", "enable")),
]
OF_AGENTS = [
    Break("test_names", **edit("/etc/hosts", "s/ h3$/ h33/")),
    Break("test_agent_environment", **edit(f"{MESOS}/mesos-agent-env.sh", "s/^export MESOS_port=.*/&2/")),
    Break(
        "test_slave_environment", f"echo export MESOS_x=1 >>{MESOS}/mesos-slave-env.sh", f"{MESOS}/mesos-slave-env.sh"
    ),
    Break("test_agent_program", f"ln -sf /bin/true {SBIN}/mesos-agent", files=f"{SBIN}/mesos-agent"),
    Break("test_agent_starts_with_the_host", **unit("mesos-agent", "disable", "enable")),
    Break(
        "test_work_dir_survives_a_boot",
        "systemctl stop mesos-agent; mount -t tmpfs none /var/lib/mesos/agent",
        repair="umount /var/lib/mesos/agent; systemctl start mesos-agent",
        also="test_agent_runs test_registered",
    ),
    Break("test_agent_master", **edit(f"{MESOS}/mesos-agent-env.sh", "/^export MESOS_master=/s/:2181,/:2182,/")),
    Break("test_agent_runs", **unit("mesos-agent", "stop", "start"), also="test_registered"),
    Break("test_engine_starts_with_the_host", **unit("docker", "disable", "enable")),
    Break("test_engine_answers", **unit("docker.socket docker", "stop", "start"), also="test_docker_proxy"),
]


SAVED = "/root/saved"


def look(cluster: Cluster, *arguments: str) -> Broken:
    """What `mesosctl verify` finds broken; its exit code must say the same."""
    command = [sys.executable, "-m", "mesosctl", "verify", "--output", "json", *arguments]
    done = subprocess.run(command, env=cluster.environment(), capture_output=True, stdin=subprocess.DEVNULL)
    document = json.loads(done.stdout)
    assert not document["failures"], document["failures"]
    broken = {(each["host"], each["test"]) for each in document["promises"] if each["status"] == "broken"}
    assert done.returncode == (ExitCode.FAILED if broken else ExitCode.OK)
    assert document["ok"] is not bool(broken)
    return broken


def do(cluster: Cluster, host: str, item: Break) -> None:
    if item.files:
        cluster.sh(host, f"mkdir -p {SAVED}; cp -a --parents {item.files} {SAVED}")
    cluster.sh(host, item.command)


def undo(cluster: Cluster, host: str, item: Break) -> None:
    if item.files:
        cluster.sh(host, f"cp -a --remove-destination {SAVED}/. / && rm -r {SAVED}")
    cluster.sh(host, item.repair)


def rounds() -> Iterator[dict[str, list[Break]]]:
    """Which promises are broken at once, by host: each once on some host, those of every host on agents too."""
    masters, agents, of_all = list(OF_MASTERS), list(OF_AGENTS), list(ANY)
    while masters or agents or of_all:
        yield {
            host: [queue.pop()]
            for host in (*MASTERS, *AGENTS)
            if (queue := (masters if host in MASTERS else agents) or of_all)
        }


@pytest.fixture(scope="module")
def sound(cluster: Cluster) -> Cluster:
    """The cluster, which keeps all its promises."""
    eventually(lambda: not look(cluster), 180)
    return cluster


@pytest.fixture
def whole(sound: Cluster) -> Iterator[Cluster]:
    """The same, and so it is left."""
    yield sound
    eventually(lambda: not look(sound), 180)


def test_each_broken_promise_is_found_and_no_other(whole: Cluster) -> None:
    for broken in rounds():
        for host, items in broken.items():
            for item in items:
                do(whole, host, item)
        try:
            expected = {
                (host, test)
                for host, items in broken.items()
                for item in items
                for test in (item.test, *item.also.split())
            }
            eventually_same(whole, expected)
        finally:
            for host, items in broken.items():
                for item in items:
                    undo(whole, host, item)


def eventually_same(cluster: Cluster, expected: Broken) -> None:
    """What is broken comes to be what is expected: a service that is stopped takes a moment to be missed."""
    end = time.monotonic() + 90
    while (found := look(cluster)) != expected and time.monotonic() < end:
        time.sleep(1)
    assert found == expected, f"missed: {expected - found}; besides: {found - expected}"


def test_a_node_that_masters_may_not_enter(whole: Cluster) -> None:
    item = Break("test_nodes_key", **edit("/root/.ssh/authorized_keys", "/BEGIN mesosctl nodes/,/END/d"))
    do(whole, "h4", item)
    try:
        assert look(whole) == {("h4", "test_nodes_key"), *((master, "test_masters_reach_all") for master in MASTERS)}
    finally:
        undo(whole, "h4", item)


def test_a_lost_zookeeper(whole: Cluster) -> None:
    lost = next(host for host in MASTERS if host != whole.leader())
    whole.sh(lost, "systemctl stop zookeeper")
    try:
        eventually_same(
            whole,
            {
                (lost, "test_zookeeper_runs"),
                (lost, "test_zookeeper_takes_part"),
                ("cluster", "test_one_zookeeper_leads"),
                ("cluster", "test_quorum_survives_a_loss"),
            },
        )
    finally:
        whole.sh(lost, "systemctl start zookeeper")


def test_no_marathon(whole: Cluster) -> None:
    for host in MASTERS:
        whole.sh(host, "systemctl stop marathon")
    try:
        of_hosts = {(host, "test_marathon_answers") for host in MASTERS}
        eventually_same(
            whole, {*of_hosts, ("cluster", "test_one_marathon_leads"), ("cluster", "test_marathon_framework")}
        )
    finally:
        for host in MASTERS:
            whole.sh(host, "systemctl start marathon")


def test_no_master(whole: Cluster) -> None:
    for host in MASTERS:
        whole.sh(host, "systemctl stop mesos-master")
    try:
        of_masters = {(host, test) for host in MASTERS for test in ("test_master_runs", "test_redirects")}
        of_agents = {(host, "test_registered") for host in AGENTS}
        of_all = {
            ("cluster", test) for test in ("test_one_leading_master", "test_masters_agree", "test_marathon_framework")
        }
        eventually_same(whole, of_masters | of_agents | of_all)
    finally:
        for host in MASTERS:
            whole.sh(host, "systemctl start mesos-master")


def test_a_host_that_cannot_be_asked(whole: Cluster, tmp_path: Path) -> None:
    whole.sh("h5", "systemctl stop ssh.socket ssh 2>/dev/null || systemctl stop ssh")
    try:
        done = whole.mesosctl("verify", "--limit", "h4,h5", "--junit", str(tmp_path / "j.xml"), expect=ExitCode.FAILED)
    finally:
        whole.sh("h5", "systemctl start ssh")
    assert "h5  not asked: " in done.stdout
    assert "1 not asked" in done.stdout
    suites = {suite.get("name"): suite for suite in Xml.parse(tmp_path / "j.xml").getroot()}
    assert (suites["h4"].get("failures"), suites["h5"].get("errors")) == ("0", "1")


def test_what_is_looked_at(sound: Cluster) -> None:
    of_role = sound.report("verify", "--role", "zookeeper")
    assert {each["chapter"] for each in of_role["promises"]} == {"ZooKeeper"}
    assert {each["host"] for each in of_role["promises"]} == {*MASTERS, "cluster"}
    by_words = sound.report("verify", "-k", "wget and h4")
    assert [(each["host"], each["test"]) for each in by_words["promises"]] == [("h4", "test_wget_proxy")]
    assert "not OR" in sound.mesosctl("verify", "-k", "and (", expect=ExitCode.USAGE).stderr
    sound.mesosctl("verify", "-k", "nothing_of_the_kind", expect=ExitCode.FAILED)
