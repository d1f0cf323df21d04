"""What goes wrong on real hosts: each fault drops its own host only and is named with its cause and what to do; once it
is repaired the next run completes."""

from __future__ import annotations

import ipaddress
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mesosctl.lab import ImageKind
from tests.cluster.conftest import Cluster, srvr_mode
from tests.cluster.labs import cluster_of, leftovers
from tests.conftest import LabFactory

MESOS = "/usr/local/etc/mesos"
FORGET_JAVA = "dpkg --force-depends --remove default-jre-headless"
"""The package without content that stands for the runtime."""
JAVA_STATUS = "dpkg-query -W -f '${db:Status-Status}' default-jre-headless"
HOLD = """
import fcntl, pathlib, time
lock = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
print("held", flush=True)
seen = set()
while True:
    for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().split(b"\\0")
        except OSError:
            continue
        if words[0] == b"apt-get" and b"install" in words and file not in seen:
            seen.add(file)
            print(*words, flush=True)
    time.sleep(0.2)
"""
"""Holds the lock that every package manager of Debian takes, and tells of each that wants it."""


@pytest.fixture(scope="module")
def three(make_lab: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server and two agents."""
    roles = {"h1": "zookeeper master marathon", "h2": "agent", "h3": "agent"}
    folder = tmp_path_factory.mktemp("faults")
    with cluster_of(make_lab, "faults", roles, ImageKind.BAKED, folder) as cluster:
        yield cluster


@pytest.fixture
def ready(three: Cluster) -> Cluster:
    """The same hosts, as the inventory has them."""
    three.mesosctl("bootstrap", "--yes")
    return three


def failures(report: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {name: host["failure"] for name, host in report["hosts"].items() if host["failure"]}


def causes(report: dict[str, Any]) -> dict[str, str]:
    return {name: failure["cause"] for name, failure in failures(report).items()}


def another_address(cluster: Cluster, host: str, plus: int) -> str:
    """Gives a host one more address: to the controller, another machine."""
    address = str(ipaddress.IPv4Address(cluster.lab.host(host).address) + plus)
    cluster.sh(host, f"ip address add {address}/24 dev eth0")
    return address


@contextmanager
def full(cluster: Cluster, host: str, path: str, options: str) -> Iterator[None]:
    """A file system with no room left in the place of a folder, with what that held. Room is made at the end."""
    away = f"cp -a {path} /tmp/kept &&"
    back = f"&& cp -a /tmp/kept/. {path} && rm -r /tmp/kept"
    cluster.sh(host, f"mkdir -p {path} && {away} mount -t tmpfs -o {options} small {path} {back}")
    fill = f"cd {path}; for i in $(seq 300); do touch filler$i || break; done; cat /dev/zero >>filler1"
    cluster.lab.exec(host, ["sh", "-c", f"{fill}; [ -s filler1 ]"])
    try:
        yield
    finally:
        cluster.sh(host, f"rm -f {path}/filler* && {away} umount {path} {back}")


def test_every_fault_is_named_and_the_others_finish(
    three: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "unknown")], check=True)
    monkeypatch.setenv("OPW_PASSWORD", "not-the-password")
    login = {
        "user": "opw",
        "key": str(tmp_path / "unknown"),
        "password": "env:OPW_PASSWORD",
        "sudo": True,
        "sudo_password": "env:OPW_PASSWORD",
    }
    swapped, barred = another_address(three, "h2", 50), another_address(three, "h2", 60)

    def add(document: dict[str, Any]) -> None:
        keys = {name: host["host_keys"] for name, host in document["hosts"].items()}
        document["hosts"]["swapped"] = {"address": swapped, "roles": ["agent"], "host_keys": keys["h1"]}
        document["hosts"]["barred"] = {"address": barred, "roles": ["agent"], "host_keys": keys["h2"], "ssh": login}

    three.edit(add)
    three.lab.stop("h3")
    with full(three, "h2", MESOS, "size=4k"):
        report = three.report("bootstrap", "--yes", expect=1)
        found = causes(report)
        assert found.pop("h3") in ("unreachable", "timeout")
        assert found == {"h2": "no-space", "swapped": "host-key-changed", "barred": "authentication"}
        assert srvr_mode(three.lab.host("h1").address), "the others finish"
        assert three.sh("h1", f"ls {MESOS}/mesos-master-env.sh")
        assert leftovers(three, "h1") + leftovers(three, "h2") == []
        assert not three.sh("h2", f"ls -A {MESOS} | grep -v -e filler -e template || :"), "nothing half-written"

        messages = {name: failure["message"] for name, failure in failures(report).items()}
        assert MESOS in messages["h2"]
        assert "No space left on device" in messages["h2"]
        assert f"{three.lab.host('h3').address} port 22" in messages["h3"]
        assert "CHANGED" in messages["swapped"]
        assert "password" in messages["barred"]
        assert all(failure["fix"] for failure in failures(report).values())

        screen = three.mesosctl("bootstrap", "--yes", expect=1).stdout
        assert "4 of 5 hosts failed" in screen
        for name, failure in failures(report).items():
            assert f"{name}: {failure['cause']}: " in screen
            assert f"→ {failure['fix']}" in screen
        assert "not-the-password" not in screen

    three.lab.start("h3")
    monkeypatch.setenv("OPW_PASSWORD", "opw-lab")
    three.edit(lambda document: document["hosts"]["swapped"].update(host_keys=document["hosts"]["h2"]["host_keys"]))
    three.report("bootstrap", "--yes", "--limit", "h1,h2,h3")
    three.report("bootstrap", "--yes", "--limit", "swapped")
    three.report("bootstrap", "--yes", "--limit", "barred")
    for name in ("h2", "h3"):
        assert three.sh(name, f"ls {MESOS}/mesos-agent-env.sh")

    def remove(document: dict[str, Any]) -> None:
        del document["hosts"]["swapped"], document["hosts"]["barred"]

    three.edit(remove)
    three.report("bootstrap", "--yes")
    assert three.changed("bootstrap", "--yes") == []


@pytest.mark.parametrize("options", ["size=64k", "size=1m,nr_inodes=60"], ids=["no block left", "no inode left"])
def test_no_room_for_what_is_remembered_of_a_host(ready: Cluster, options: str) -> None:
    look = "cat /etc/wgetrc /var/lib/mesosctl/manifest; ls -A /etc/profile.d /etc/apt/apt.conf.d /etc/sudoers.d"
    # The next note on the host begins in the last bytes of a block, and has no room for the rest.
    pad = "printf 'user %s\\n' $(head -c $(((8166 - $(wc -c <manifest) % 4096) % 4096)) /dev/zero | tr '\\0' x)"
    ready.sh("h2", f"cd /var/lib/mesosctl && {pad} >>manifest")
    before = ready.sh("h2", look)
    with full(ready, "h2", "/var/lib/mesosctl", options):
        ready.edit(lambda document: document.update(proxy={"http": "http://192.0.2.1:3128"}))
        report = ready.report("bootstrap", "--yes", "--limit", "h2,prepare", expect=1)
        assert causes(report) == {"h2": "no-space"}
        assert "/var/lib/mesosctl" in failures(report)["h2"]["message"]
        assert ready.sh("h2", look) == before
        assert leftovers(ready, "h2") == []
    assert ready.changed("bootstrap", "--yes", "--limit", "h2,prepare")
    with full(ready, "h2", "/var/lib/mesosctl", options):
        ready.edit(lambda document: document.pop("proxy"))
        report = ready.report("bootstrap", "--yes", "--limit", "h2,prepare", expect=1)
        assert causes(report) == {"h2": "no-space"}
    ready.report("bootstrap", "--yes")
    assert ready.changed("bootstrap", "--yes") == []
    assert ready.sh("h2", look) == before


def test_a_file_system_that_became_read_only(ready: Cluster) -> None:
    ready.edit(lambda document: document.update(mesos={"agent": {"attributes": {"rack": "r1"}}}))
    before = ready.sh("h3", f"cat {MESOS}/*")
    ready.sh("h3", f"mount --bind {MESOS} {MESOS} && mount -o remount,bind,ro {MESOS}")
    try:
        report = ready.report("bootstrap", "--yes", expect=1)
        assert causes(report) == {"h3": "read-only"}
        assert ready.sh("h3", f"cat {MESOS}/*") == before
    finally:
        ready.sh("h3", f"umount {MESOS}")
    ready.report("bootstrap", "--yes")
    assert "r1" in ready.sh("h3", f"cat {MESOS}/mesos-agent-env.sh")
    assert ready.changed("bootstrap", "--yes") == []


def test_package_sources_out_of_reach(ready: Cluster) -> None:
    ready.sh("h1", f"{FORGET_JAVA}; rm -rf /var/lib/apt/lists/*")
    ready.edit(lambda document: document.update(proxy={"http": "http://127.0.0.1:9"}))
    report = ready.report("bootstrap", "--yes", "--limit", "h1", expect=1)
    assert causes(report) == {"h1": "package-download"}
    assert "127.0.0.1:9" in failures(report)["h1"]["message"]
    ready.edit(lambda document: document.pop("proxy"))
    ready.report("bootstrap", "--yes")
    assert ready.sh("h1", JAVA_STATUS) == "installed"


def test_another_package_manager_at_work(ready: Cluster) -> None:
    ready.sh("h1", FORGET_JAVA)
    holder = subprocess.Popen(
        ready.lab.docker.command("exec", ready.lab.host("h1").container, "python3", "-c", HOLD), stdout=subprocess.PIPE
    )
    assert holder.stdout
    assert holder.stdout.readline() == b"held\n"
    try:
        ready.edit(lambda document: document.update(limits={"nofile": 70000}))
        started = time.monotonic()
        report = ready.report("bootstrap", "--yes", expect=1)
        assert causes(report) == {"h1": "package-lock"}
        assert "/var/lib/dpkg/lock" in failures(report)["h1"]["message"]
        assert "wait" in failures(report)["h1"]["fix"]
        assert time.monotonic() - started > 60, "a lock that is held for a moment is waited for"
    finally:
        ready.sh("h1", "pkill -f '[l]ock-frontend'")
        wanted, _ = holder.communicate(timeout=30)
    assert len(wanted.splitlines()) == 1, "and only once"
    ready.report("bootstrap", "--yes")
    assert ready.sh("h1", JAVA_STATUS) == "installed"
    assert ready.changed("bootstrap", "--yes") == []
