"""Hosts that are not as the baked ones: without systemd, with ZooKeeper from a release, and as bare as Debian comes."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mesosctl import lab
from mesosctl.lab import ImageKind
from tests.cluster import zookeeper_release
from tests.cluster.conftest import Cluster, eventually, srvr_mode
from tests.cluster.labs import cluster_of, leftovers
from tests.conftest import LabFactory

SSHD = (
    "ssh-keygen -A >/dev/null && install -d -m 0700 /root/.ssh /run/sshd && "
    'echo "$KEY" >/root/.ssh/authorized_keys && chmod 0600 /root/.ssh/authorized_keys && exec /usr/sbin/sshd -D'
)
"""The whole boot of a host without systemd."""

USERS = re.compile("/etc/(passwd|shadow|group|gshadow)-?")
"""Users stay: files may belong to them."""
MADE_BY_PACKAGES = re.compile(
    "/etc/(alternatives|[.]java|cni|fonts|ssl/certs/java|systemd/system/[^/]*[.]wants)(/|$)"
    "|/etc/rc.[.]d/...docker|/etc/docker/key.json|/etc/ld.so.cache|/usr/local/share/fonts"
)
"""What the scripts of Java's and Docker's packages made. What they depend on stays, as `apt-get remove` leaves it."""


@pytest.fixture(scope="module")
def baked(make_lab: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("other")
    with cluster_of(make_lab, "other", {"h1": "zookeeper"}, ImageKind.BAKED, folder) as cluster:
        yield cluster


@pytest.fixture
def without_systemd(baked: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """A host where sshd is the first process; it belongs to the same lab, and goes with it if a test is killed."""
    docker, network = baked.lab.docker, f"mesosctl-{baked.lab.name}"
    image = docker.run("inspect", "--format", "{{.Config.Image}}", baked.lab.hosts[0].container)
    name, address = f"{network}-h9", baked.lab.hosts[0].address.rpartition(".")[0] + ".90"
    key = baked.sh("h1", "tail -n 1 /root/.ssh/authorized_keys").strip()
    labels = {"": baked.lab.name, ".host": "h9", ".address": address, ".image": "baked"}
    docker.run(
        *["run", "--detach", "--init", f"--name={name}", "--hostname=h9", f"--network={network}", f"--ip={address}"],
        *(f"--label=mesosctl.lab{part}={value}" for part, value in labels.items()),
        *[f"--env=KEY={key}", "--tmpfs=/run", image, "sh", "-c", SSHD],
    )
    found = lab.find(baked.lab.name)
    cluster = Cluster(found, tmp_path / "inventory.yaml")
    eventually(lambda: found.exec("h9", ["test", "-e", "/run/sshd.pid"]).returncode == 0, 30)
    public = cluster.sh("h9", "cut -d ' ' -f 1,2 /etc/ssh/ssh_host_*_key.pub").splitlines()
    cluster.inventory.write_text(baked.inventory.read_text())

    def replace(document: dict[str, Any]) -> None:
        roles = ["zookeeper", "master", "agent", "marathon"]
        host = {"address": address, "roles": roles, "zookeeper_id": 1, "host_keys": public}
        document.update(name="scripts", hosts={"h9": host}, docker={"source": "none"})
        document.update(mesos={"agent": {"containerizers": ["mesos"]}}, limits={"nofile": 4096})

    cluster.edit(replace)
    yield cluster
    docker.run("rm", "--force", "--volumes", name)


def snapshot(cluster: Cluster, host: str) -> dict[str, str]:
    """What there is in /etc and other places where mesosctl writes: type, mode, owner and content by path."""
    look = (
        "find /etc /usr/local /opt /root/.ssh /root/.m2 /root/.wgetrc /usr/bin/gitproxy "
        "-printf '%p\\t%y %m %u:%g %l\\n' 2>/dev/null; find /etc /usr/local /opt -type f -exec sha256sum {} +"
    )
    found: dict[str, str] = {}
    for line in cluster.sh(host, f"{{ {look}; }} || :").splitlines():
        if "\t" in line:
            path, text = line.split("\t")
        else:
            text, path = line.split(maxsplit=1)
        found[path] = f"{found.get(path, '')} {text}"
    return found


def test_a_host_without_systemd(without_systemd: Cluster) -> None:
    cluster, address = without_systemd, without_systemd.lab.host("h9").address
    assert cluster.sh("h9", "ps -p 1 -o comm=").strip() != "systemd"
    before = snapshot(cluster, "h9")
    cluster.mesosctl("bootstrap", "--yes")
    assert srvr_mode(address)
    assert "runs as process" in cluster.sh("h9", "/etc/init.d/zookeeper status")
    assert cluster.sh("h9", "ls /etc/rc3.d/S??zookeeper"), "it starts after a reboot"
    assert "zookeeper" in cluster.sh("h9", "ps -C java -o user:20=")
    assert not cluster.sh("h9", "ls /etc/systemd/system/zookeeper.service 2>/dev/null || :")
    assert cluster.changed("bootstrap", "--yes") == []
    cluster.mesosctl("start-cluster")
    cluster.mesosctl("status")
    for service in ("mesos-agent", "marathon"):
        assert "runs as process" in cluster.sh("h9", f"/etc/init.d/{service} status")
    assert cluster.status()["marathon"]["leaders"] == ["h9"]
    assert "This Marathon leads" in cluster.mesosctl("logs", "marathon").stdout
    verified(cluster)

    process = cluster.sh("h9", "pgrep java")
    cluster.edit(lambda document: document.update(zookeeper={"max_client_connections": 99}))
    assert cluster.changed("bootstrap", "--yes") == ["h9 file /etc/zookeeper/conf/zoo.cfg", "h9 service zookeeper"]
    assert cluster.sh("h9", "pgrep java") != process
    assert srvr_mode(address)

    cluster.mesosctl("reset", "--yes-really", "scripts")
    assert srvr_mode(address) == ""
    assert cluster.sh("h9", "pgrep java || pgrep -f '[m]esosctl.runtime' || :") == ""
    after = snapshot(cluster, "h9")
    assert {path: text for path, text in after.items() if before.get(path) != text and not USERS.fullmatch(path)} == {}
    assert before.keys() - after.keys() == set()


def verified(cluster: Cluster) -> None:
    """`verify` asks whatever can be asked of a host without systemd, and finds what is broken by hand."""
    promises = cluster.report("verify")["promises"]
    assert {each["test"] for each in promises if each["status"] == "not-applicable"} == {
        *(f"test_{service}_starts_again" for service in ("zookeeper", "master", "agent", "marathon")),
        *("test_agents_hold_no_private_key", "test_selinux_now", "test_selinux_after_a_boot"),
    }
    few = "prlimit --pid $(pgrep -x mesos-agent) --nofile"
    files = cluster.sh("h9", f"{few} --noheadings --output=SOFT").strip()
    link = cluster.sh("h9", "ls -d /etc/rc3.d/S??zookeeper").strip()
    cluster.sh("h9", f"/etc/init.d/marathon stop; mv {link} /root/link; {few}=64:")
    try:
        expected = {
            *(("h9", f"test_{test}") for test in ("marathon_answers", "zookeeper_starts_with_the_host", "agent_runs")),
            *(("cluster", f"test_{test}") for test in ("one_marathon_leads", "marathon_framework")),
        }
        cluster.comes_to_break(expected)
    finally:
        cluster.sh("h9", f"/etc/init.d/marathon start; mv /root/link {link}; {few}={files}:")


def test_zookeeper_from_a_release(baked: Cluster, tmp_path: Path) -> None:
    release = zookeeper_release.make(tmp_path)
    baked.sh("h1", "dpkg --force-depends --remove libzookeeper-java")
    digest = hashlib.sha256(release.read_bytes()).hexdigest()

    tarball = {"location": str(release), "sha256": digest[::-1]}
    baked.edit(lambda document: document.update(zookeeper={"tarball": tarball}))
    refused = baked.mesosctl("bootstrap", "--yes", expect=1).stderr
    assert digest in refused
    assert str(release) in refused
    assert baked.sh("h1", "ls -d /var/lib/mesosctl /opt/zookeeper 2>/dev/null || :") == "", "no host was touched"

    tarball["sha256"] = digest
    baked.edit(lambda document: document.update(zookeeper={"tarball": tarball}))
    baked.mesosctl("bootstrap", "--yes")
    assert srvr_mode(baked.lab.host("h1").address)
    assert "/opt/zookeeper/lib" in baked.sh("h1", "tr '\\0' ' ' </proc/$(pgrep java)/cmdline")
    assert baked.sh("h1", "stat -c %U /opt/zookeeper/lib/zookeeper.jar").strip() == "root"
    assert "INFO" in baked.sh("h1", "cat /var/log/zookeeper/zookeeper.log"), "it logs"
    assert baked.changed("bootstrap", "--yes") == []
    assert leftovers(baked, "h1") == []
    baked.mesosctl("reset", "--yes-really", baked.lab.name)
    assert baked.sh("h1", "ls -d /opt/zookeeper 2>/dev/null || :") == ""


@pytest.fixture(scope="module")
def plain(make_lab: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A host as Debian leaves it, with all roles: every package comes from the network."""
    roles = {"h1": "zookeeper master marathon agent"}
    with cluster_of(make_lab, "bare", roles, ImageKind.PLAIN, tmp_path_factory.mktemp("bare")) as cluster:
        yield cluster


def test_all_roles_on_a_plain_host_and_back(plain: Cluster) -> None:
    before = snapshot(plain, "h1")
    plain.mesosctl("bootstrap", "--yes")
    assert srvr_mode(plain.lab.host("h1").address)
    plain.sh("h1", "docker version")
    assert plain.sh("h1", "systemctl is-active docker zookeeper").split() == ["active", "active"]
    assert plain.changed("bootstrap", "--yes") == []
    plain.mesosctl("start-cluster")
    plain.mesosctl("status")

    master = f"{plain.lab.host('h1').address}:5050"
    example = [sys.executable, "-m", "mesosctl.runtime.framework.example", master, "sleep 4711"]
    with subprocess.Popen(example, stderr=subprocess.DEVNULL) as framework:
        eventually(lambda: plain.sh("h1", "pgrep -fx 'sleep 4711' || :") != "", 30)
        plain.mesosctl("reset", "--yes-really", plain.lab.name)
        framework.kill()
    assert plain.sh("h1", "pgrep -fx 'sleep 4711' || :") == "", "no task is left"
    assert srvr_mode(plain.lab.host("h1").address) == ""
    assert plain.sh("h1", "pgrep -f '[m]esosctl.runtime' || :") == ""
    after = snapshot(plain, "h1")
    assert before.keys() - after.keys() == set()
    changed = [path for path in after if before.get(path) != after[path]]
    ours = [path for path in changed if not of_a_package(plain, path)]
    assert not ours, "\n".join(f"{path}: {before.get(path)} -> {after[path]}" for path in ours)


def of_a_package(cluster: Cluster, path: str) -> bool:
    """Whether a path is one that packages leave: listed by one, or made by their scripts."""
    if USERS.fullmatch(path) or MADE_BY_PACKAGES.match(path):
        return True
    return cluster.lab.exec("h1", ["dpkg", "-S", path]).returncode == 0
