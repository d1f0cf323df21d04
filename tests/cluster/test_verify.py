"""`mesosctl verify` finds every broken promise, and nothing else: each is broken by hand on real hosts.

Hosts are looked at side by side, so each round breaks one promise on every host that has one left, looks once, and puts
back what was there.
"""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from mesosctl.errors import ExitCode
from tests.cluster.conftest import Cluster

MASTERS, AGENTS = ("h1", "h2", "h3"), ("h4", "h5")

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


def drop_in(name: str, setting: str) -> dict[str, str]:
    """A unit that is told otherwise, until the host boots."""
    folder = f"/run/systemd/system/{name}.service.d"
    return {
        "command": f"mkdir {folder}; printf '[Service]\\n{setting}\\n' >{folder}/z.conf; systemctl daemon-reload",
        "repair": f"rm -r {folder}; systemctl daemon-reload",
    }


ANY = [
    Break("test_operator_key", **edit("/root/.ssh/authorized_keys", "/BEGIN mesosctl operator/,/END/d")),
    Break("test_login_shell", **edit("/etc/profile.d/proxy.sh", "s/^export https_proxy=/export nothing=/")),
    Break("test_login_shell_direct", **edit("/etc/profile.d/proxy.sh", "/^export no_proxy=/s/,h5,/,/")),
    Break("test_wget_proxy", **edit("/etc/wgetrc", "s/^use_proxy = on/use_proxy = off/")),
    Break("test_maven_proxy", **edit("/root/.m2/settings.xml", "s/3128/3129/")),
    Break("test_git_proxy", **edit("/etc/gitconfig", "s/192.0.2.1:3128/192.0.2.1:3129/")),
    Break("test_git_protocol", "chmod a-x /usr/bin/gitproxy", repair="chmod 755 /usr/bin/gitproxy"),
    Break("test_package_manager_proxy", **edit("/etc/apt/apt.conf.d/90mesosctl-proxy", "s/3128/3129/")),
    Break("test_password_is_kept", "chmod o+r /root/.wgetrc", repair="chmod o-r /root/.wgetrc"),
    Break("test_open_files_of_a_login", **edit("/etc/security/limits.d/mesosctl.conf", "/^root soft nofile/d")),
    Break("test_sudo_keeps_proxy", "rm /etc/sudoers.d/mesosctl-proxy", files="/etc/sudoers.d/mesosctl-proxy"),
]
"""Of every host."""
OF_MASTERS = [
    Break("test_zookeeper_members", **edit("/etc/zookeeper/conf/zoo.cfg", "s/^server.2=.*:2888/&9/")),
    Break("test_zookeeper_directories", "chmod o+w /var/lib/zookeeper", repair="chmod o-w /var/lib/zookeeper"),
    Break("test_zookeeper_id", "echo 9 >/var/lib/zookeeper/myid", files="/var/lib/zookeeper/myid"),
    Break("test_zookeeper_purges", **edit("/etc/zookeeper/conf/zoo.cfg", "/purgeInterval/d")),
    Break("test_zookeeper_starts_again", **drop_in("zookeeper", "Restart=no")),
    Break("test_zookeeper_starts_with_the_host", **unit("zookeeper", "disable", "enable")),
    Break("test_zookeeper_runs", **drop_in("zookeeper", "LimitNOFILE=64")),
    Break("test_master_environment", **edit(f"{MESOS}/mesos-master-env.sh", "s/^export MESOS_work_dir=.*/&2/")),
    Break("test_master_zookeeper", **edit(f"{MESOS}/mesos-master-env.sh", "/^export MESOS_zk=/s/:2181,/:2182,/")),
    Break("test_master_quorum", **edit(f"{MESOS}/mesos-master-env.sh", "/MESOS_quorum/s/2/1/")),
    Break("test_lists_of_nodes", f"echo 192.0.2.9 >>{MESOS}/slaves", files=f"{MESOS}/slaves"),
    Break("test_start_scripts", f"rm {SBIN}/mesos-stop-agents.sh", files=f"{SBIN}/mesos-stop-agents.sh"),
    Break("test_master_program", f"ln -sf /bin/true {SBIN}/mesos-master", files=f"{SBIN}/mesos-master"),
    Break("test_master_starts_with_the_host", **unit("mesos-master", "disable", "enable")),
    Break("test_master_starts_again", **drop_in("mesos-master", "Restart=no")),
    Break("test_marathon_start_script", **edit("/usr/local/marathon/bin/start-marathon", "s/8080/8081/")),
    Break("test_marathon_starts_with_the_host", **unit("marathon", "disable", "enable")),
    Break("test_marathon_starts_again", **drop_in("marathon", "Restart=no")),
]
OF_AGENTS = [
    Break("test_names", **edit("/etc/hosts", "s/ h3$/ h33/")),
    Break("test_agent_environment", **edit(f"{MESOS}/mesos-agent-env.sh", "s/^export MESOS_port=.*/&2/")),
    Break(
        "test_slave_environment", f"echo export MESOS_x=1 >>{MESOS}/mesos-slave-env.sh", f"{MESOS}/mesos-slave-env.sh"
    ),
    Break("test_agent_program", f"ln -sf /bin/true {SBIN}/mesos-agent", files=f"{SBIN}/mesos-agent"),
    Break("test_agent_starts_with_the_host", **unit("mesos-agent", "disable", "enable")),
    Break("test_agent_starts_again", **drop_in("mesos-agent", "Restart=no")),
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
def sound(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, which keeps all its promises, before the first test and after the last."""
    cluster.comes_to_break(set())
    yield cluster
    cluster.comes_to_break(set())


def test_what_is_looked_at(sound: Cluster) -> None:
    of_role = sound.report("verify", "--role", "zookeeper")
    assert {each["chapter"] for each in of_role["promises"]} == {"ZooKeeper"}
    assert {each["host"] for each in of_role["promises"]} == {*MASTERS, "cluster"}
    by_words = sound.report("verify", "-k", "wget and h4")
    assert [(each["host"], each["test"]) for each in by_words["promises"]] == [("h4", "test_wget_proxy")]
    assert "not OR" in sound.mesosctl("verify", "-k", "and (", expect=ExitCode.USAGE).stderr
    sound.mesosctl("verify", "-k", "nothing_of_the_kind", expect=ExitCode.FAILED)
    sound.mesosctl("verify", "--junit", "/nowhere/report.xml", expect=ExitCode.USAGE)


def test_no_host_that_can_be_asked(sound: Cluster, tmp_path: Path) -> None:
    stranger = tmp_path / "inventory.yaml"
    document = yaml.safe_load(sound.inventory.read_text())
    document["ssh"].update(user="opw", sudo=True)
    stranger.write_text(yaml.safe_dump(document))
    done = sound.mesosctl("verify", str(stranger), expect=ExitCode.FAILED)
    assert done.stdout.count("not asked: sudo asks for the password of opw") == 5
    assert "0 held, 0 broken, 0 not-applicable, 5 not asked" in done.stdout


def test_a_host_that_cannot_be_asked(sound: Cluster, tmp_path: Path) -> None:
    sound.sh("h3", "systemctl stop ssh.socket ssh 2>/dev/null || systemctl stop ssh")
    try:
        done = sound.mesosctl("verify", "--junit", str(tmp_path / "j.xml"), expect=ExitCode.FAILED)
    finally:
        sound.sh("h3", "systemctl start ssh")
    assert "h3       not asked: " in done.stdout
    assert "1 not asked" in done.stdout
    report = Xml.parse(tmp_path / "j.xml").getroot()
    broken = {suite.get("name"): int(suite.get("failures", 0)) for suite in report}
    assert broken == {"h1": 1, "h2": 1, "h3": 0, "h4": 0, "h5": 0, "cluster": 2}, (
        "no SSH to it, no word of its ZooKeeper"
    )
    assert [suite.get("name") for suite in report if suite.get("errors") == "1"] == ["h3"]


def test_each_broken_promise_is_found_and_no_other(sound: Cluster) -> None:
    for broken in rounds():
        for host, items in broken.items():
            for item in items:
                do(sound, host, item)
        try:
            expected = {
                (host, test)
                for host, items in broken.items()
                for item in items
                for test in (item.test, *item.also.split())
            }
            sound.comes_to_break(expected)
        finally:
            for host, items in broken.items():
                for item in items:
                    undo(sound, host, item)


def test_keys_where_they_should_not_be_and_none_where_they_should(sound: Cluster) -> None:
    item = Break("test_nodes_key", **edit("/root/.ssh/authorized_keys", "/BEGIN mesosctl nodes/,/END/d"))
    do(sound, "h4", item)
    private = sound.sh("h1", "cat /root/.ssh/id_ed25519_mesosctl")
    sound.sh("h5", f"umask 077; cat >/root/.ssh/private <<'END'\n{private}END")
    try:
        refused = {("h4", "test_nodes_key"), *((master, "test_masters_reach_all") for master in MASTERS)}
        sound.comes_to_break({*refused, ("h5", "test_agents_hold_no_private_key")})
    finally:
        sound.sh("h5", "rm /root/.ssh/private")
        undo(sound, "h4", item)


def test_a_lost_zookeeper(sound: Cluster) -> None:
    lost = next(host for host in MASTERS if host != sound.leader())
    sound.sh(lost, "systemctl stop zookeeper")
    try:
        sound.comes_to_break(
            {
                (lost, "test_zookeeper_runs"),
                (lost, "test_zookeeper_takes_part"),
                ("cluster", "test_one_zookeeper_leads"),
                ("cluster", "test_quorum_survives_a_loss"),
            }
        )
    finally:
        sound.sh(lost, "systemctl start zookeeper")


def test_no_marathon(sound: Cluster) -> None:
    for host in MASTERS:
        sound.sh(host, "systemctl stop marathon")
    try:
        of_hosts = {(host, "test_marathon_answers") for host in MASTERS}
        of_all = {("cluster", "test_one_marathon_leads"), ("cluster", "test_marathon_framework")}
        sound.comes_to_break(of_hosts | of_all)
    finally:
        for host in MASTERS:
            sound.sh(host, "systemctl start marathon")


def test_no_master(sound: Cluster) -> None:
    for host in MASTERS:
        sound.sh(host, "systemctl stop mesos-master")
    try:
        of_masters = {(host, test) for host in MASTERS for test in ("test_master_runs", "test_redirects")}
        of_agents = {(host, "test_registered") for host in AGENTS}
        of_all = {
            ("cluster", test) for test in ("test_one_leading_master", "test_masters_agree", "test_marathon_framework")
        }
        sound.comes_to_break(of_masters | of_agents | of_all)
    finally:
        for host in MASTERS:
            sound.sh(host, "systemctl start mesos-master")
