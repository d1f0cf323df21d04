"""Masters and agents on five hosts, from the bundled runtime: started, killed, changed, upgraded and taken back, by
mesosctl and by the guide's own scripts."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Cluster, eventually, with_status

MASTERS = ("h1", "h2", "h3")
AGENTS = ("h4", "h5")
SBIN = "/usr/local/sbin"


def masters(cluster: Cluster) -> dict[str, Any]:
    """What `status` says of the masters."""
    found: dict[str, Any] = cluster.status()["masters"]
    return found


def green(cluster: Cluster) -> bool:
    return bool(cluster.status()["green"])


def main_pid(cluster: Cluster, host: str, service: str) -> str:
    return cluster.sh(host, f"systemctl show -p MainPID --value {service}").strip()


def run_tasks(cluster: Cluster, *commands: str) -> None:
    """Run commands as tasks, with the runtime's own example of a framework."""
    subprocess.run(
        [sys.executable, "-m", "mesosctl.runtime.framework.example", f"zk://{cluster.servers()}/mesos", *commands],
        capture_output=True,
        timeout=120,
        check=True,
    )


def releases(cluster: Cluster, host: str) -> set[str]:
    return set(cluster.sh(host, "ls /opt/mesos").split()) - {"current"}


def test_one_master_leads_and_all_agents_are_registered(cluster: Cluster) -> None:
    found = cluster.status()
    assert found["green"]
    assert len(found["masters"]["leaders"]) == 1
    assert len(found["masters"]["followers"]) == 2
    assert (found["masters"]["agents"], found["masters"]["agents_declared"]) == (2, 2)
    screen = cluster.mesosctl("status").stdout
    assert f"leads at {found['masters']['address']}, 2 of 2 others follow; 2 of 2 agents registered" in screen
    unit = cluster.sh("h4", "systemctl show -p KillMode -p Delegate -p Restart mesos-agent").split()
    assert set(unit) == {"KillMode=process", "Delegate=yes", "Restart=always"}


def test_tasks_run_in_the_installed_prefix(cluster: Cluster) -> None:
    run_tasks(cluster, "echo hello", "test -n $MESOS_SANDBOX", "! env | grep -i python")


def test_a_killed_leader_comes_back_and_another_leads(cluster: Cluster) -> None:
    [leader] = masters(cluster)["leaders"]
    pid = main_pid(cluster, leader, "mesos-master")
    cluster.sh(leader, f"kill -9 {pid}")

    def another_leads() -> bool:
        now = masters(cluster)["leaders"]
        return len(now) == 1 and now != [leader]

    eventually(another_leads, 60)
    eventually(lambda: green(cluster), 60)
    assert main_pid(cluster, leader, "mesos-master") not in ("0", pid), "its unit has started it again"
    run_tasks(cluster, "true")


def test_by_hand_with_the_guides_scripts(cluster: Cluster) -> None:
    cluster.sh("h2", f"{SBIN}/mesos-stop-cluster.sh")
    states = {one["state"] for host in cluster.status()["hosts"] for one in host["services"] if "mesos" in one["name"]}
    assert states == {"inactive"}
    said = cluster.sh("h3", f"{SBIN}/mesos-start-cluster.sh")
    assert said.splitlines()[0] == f"Starting mesos-master on {cluster.lab.host('h1').address}"
    eventually(lambda: green(cluster), 60)
    assert cluster.changed("bootstrap", "--yes") == []


def test_a_changed_flag_restarts_the_masters_one_at_a_time(cluster: Cluster) -> None:
    [leader] = masters(cluster)["leaders"]
    agents = {host: main_pid(cluster, host, "mesos-agent") for host in AGENTS}
    cluster.edit(lambda document: document.update(mesos={"master": {"flags": {"max_completed_frameworks": "7"}}}))
    assert sorted(cluster.changed("bootstrap", "--yes")) == [
        f"{host} {resource}"
        for host in MASTERS
        for resource in ("file /usr/local/etc/mesos/mesos-master-env.sh", "service mesos-master")
    ]
    show = "systemctl show -p ActiveEnterTimestampMonotonic --value mesos-master"
    since = {host: int(cluster.sh(host, show)) for host in MASTERS}
    assert max(since, key=lambda host: since[host]) == leader, "the leader goes last"
    assert agents == {host: main_pid(cluster, host, "mesos-agent") for host in AGENTS}
    eventually(lambda: green(cluster), 60)


def test_a_flag_that_is_refused_takes_down_one_agent_only(cluster: Cluster) -> None:
    before = main_pid(cluster, "h5", "mesos-agent")
    cluster.edit(lambda document: document.update(mesos={"agent": {"flags": {"credential": "/nowhere"}}}))
    try:
        hosts = cluster.report("bootstrap", "--yes", expect=1)["hosts"]
        assert hosts["h4"]["failure"]["cause"] == "keeps-ending"
        assert "/nowhere" in hosts["h4"]["failure"]["message"], "the end of its log"
        assert hosts["h5"]["failure"]["cause"] == "held-back"
        assert main_pid(cluster, "h5", "mesos-agent") == before, "it was left alone"
    finally:
        cluster.edit(lambda document: document.pop("mesos"))
        cluster.mesosctl("bootstrap", "--yes")
    eventually(lambda: green(cluster), 60)
    assert main_pid(cluster, "h5", "mesos-agent") != before


@pytest.fixture
def other_releases(cluster: Cluster, tmp_path: Path) -> list[dict[str, str]]:
    """Two tarballs of Mesos to name in the inventory: the bundle with one more file each."""
    present = cluster.sh("h1", "cat /opt/mesos/current/.mesosctl-archive").strip()
    [bundle] = Path(status_folder(cluster)).glob(f"bundles/{present}.tar.gz")
    found = []
    for number in (1, 2):
        path = tmp_path / f"mesos-{number}.tar.gz"
        extra = tarfile.TarInfo("mesos/share/mesos/extra")
        extra.size = 1
        data = io.BytesIO(gzip.decompress(bundle.read_bytes()))
        with tarfile.open(fileobj=data, mode="a") as archive:
            archive.addfile(extra, io.BytesIO(str(number).encode()))
        path.write_bytes(gzip.compress(data.getvalue(), 1))
        found.append({"tarball": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    return found


def status_folder(cluster: Cluster) -> str:
    """The controller's folder for the cluster."""
    from mesosctl.inventory.state import state_home

    return str(state_home() / cluster.lab.name)


def test_another_release_and_back(cluster: Cluster, other_releases: list[dict[str, str]]) -> None:
    [bundled] = releases(cluster, "h4")
    bootstrap = ("bootstrap", "--yes", "--limit", "h4")
    for number, release in enumerate(other_releases, 1):
        cluster.edit(lambda document, release=release: document.update(distribution=release))
        changed = cluster.changed(*bootstrap)
        name = release["sha256"][:12]
        assert {f"h4 archive /opt/mesos/{name}", "h4 service mesos-agent"} < set(changed)
        assert cluster.sh("h4", "cat /usr/local/share/mesos/extra") == str(number)
        program = cluster.sh("h4", f"tr '\\0' '\\n' </proc/{main_pid(cluster, 'h4', 'mesos-agent')}/cmdline")
        assert program.startswith(f"/opt/mesos/{name}/")
        before = bundled if number == 1 else other_releases[0]["sha256"][:12]
        assert releases(cluster, "h4") == {name, before}, "the one before is kept, what was before that is gone"
    cluster.edit(lambda document: document.update(distribution=other_releases[0]))
    changed = cluster.changed(*bootstrap)
    assert "h4 link /opt/mesos/current" in changed
    assert not [line for line in changed if "archive" in line], "nothing is sent again"
    cluster.edit(lambda document: document.pop("distribution"))
    cluster.mesosctl(*bootstrap)
    assert cluster.sh("h4", "readlink /opt/mesos/current").strip() == bundled
    assert not cluster.sh("h4", "ls -d /usr/local/share/mesos 2>/dev/null || :"), "links of other releases are gone"
    eventually(lambda: green(cluster), 60)


def test_a_program_that_cannot_start_is_told_of(cluster: Cluster) -> None:
    cluster.sh("h5", "systemctl stop mesos-agent")
    cluster.lab.exec("h5", ["systemd-run", "--unit=thief", "python3", "-m", "http.server", "5051"])
    try:
        report = cluster.report("start-cluster", "--limit", "h5", expect=1)
        assert "it ends each time it is started" in report["hosts"]["h5"]["failure"]["message"]
        assert "address already in use" in report["hosts"]["h5"]["failure"]["message"]
    finally:
        cluster.sh("h5", "systemctl stop thief")
    cluster.mesosctl("start-cluster", "--limit", "h5")
    eventually(lambda: green(cluster), 60)


def test_stop_and_start(cluster: Cluster) -> None:
    stopped = cluster.report("stop-cluster", "--yes")
    assert len(with_status(stopped, "changed")) == 11, "three servers of ZooKeeper, masters, Marathons, and two agents"
    assert not green(cluster)
    assert cluster.report("start-cluster")["counts"]["changed"] == 11
    assert green(cluster)
