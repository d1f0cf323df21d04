"""A controller that is killed or interrupted at any moment, and two controllers at once."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError

from mesosctl.lab import ImageKind
from tests.cluster.conftest import Cluster, eventually, with_status
from tests.cluster.labs import cluster_of, leftovers
from tests.conftest import LabFactory

KILLS = 20
SERVERS = ("h1", "h2", "h3")
LOCK = "/run/mesosctl.lock"
CONTENT = (
    "find /etc /root /usr/local /usr/bin/gitproxy /var/lib/zookeeper/myid -type f "
    "! -name '.*.mesosctl-new' ! -path '*/.cache/*' ! -path /etc/docker/key.json -exec sha256sum {} + 2>/dev/null || :"
)

Content = dict[str, str]
"""Checksums by path."""


@pytest.fixture(scope="module")
def three(make_lab: LabFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three servers, one of them an agent too; nothing was done to them yet."""
    roles = {"h1": "zookeeper master marathon", "h2": "zookeeper master", "h3": "zookeeper master agent"}
    with cluster_of(make_lab, "killed", roles, ImageKind.BAKED, tmp_path_factory.mktemp("killed")) as cluster:
        yield cluster


def plenty(document: dict[str, Any]) -> None:
    """One of two inventories that differ in much: files that come and go, lines in files of others, every service."""
    document.update(
        limits={"nofile": 70000},
        zookeeper={"max_client_connections": 99},
        mesos={"agent": {"attributes": {"rack": "r1"}}},
        proxy={"http": "http://192.0.2.1:3128", "username": "anna", "password": "env:PROXY_PASSWORD"},
    )


def little(document: dict[str, Any]) -> None:
    """The other."""
    for key in ("limits", "zookeeper", "mesos", "proxy"):
        document.pop(key, None)


def content(cluster: Cluster) -> dict[str, Content]:
    """What all files hold now, by host."""
    found = {}
    for host in SERVERS:
        lines = cluster.sh(host, CONTENT).splitlines()
        found[host] = {path: digest for digest, path in (line.split(maxsplit=1) for line in lines)}
    return found


def start(cluster: Cluster, *options: str, prefix: tuple[str, ...] = (), **environment: str) -> subprocess.Popen[str]:
    """`mesosctl bootstrap` in the background. A job of a script ignores SIGINT, and so would what it starts."""
    return subprocess.Popen(
        ["env", "--default-signal=INT", *prefix, sys.executable, "-m", "mesosctl", "bootstrap", "--yes", *options],
        env=cluster.environment() | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_line(process: subprocess.Popen[str], pattern: str) -> str:
    """What a run prints up to a line."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if re.search(pattern, line):
            return said
    raise AssertionError(f"it ended before it said {pattern}: {said}")


def write(cluster: Cluster, text: str) -> bool:
    """Write a node if the ensemble takes it right now."""
    client = KazooClient(cluster.servers(), timeout=5)
    try:
        client.start(timeout=5)
        client.create(f"/killed/{text}", b"", makepath=True)
    except (KazooException, KazooTimeoutError):
        return False
    finally:
        client.stop()
        client.close()
    return True


def holder(cluster: Cluster, host: str) -> str:
    """The run that holds a host's lock, "" for none."""
    return cluster.sh(host, f"cut -d ' ' -f 1 {LOCK} 2>/dev/null || :").strip()


@pytest.mark.timeout(2400)
def test_killed_at_twenty_moments(three: Cluster) -> None:
    """A moment is a while after some line of what a run says, so that it does not depend on the machine's speed."""
    seed = int(os.environ.get("MESOSCTL_TEST_SEED", "17"))
    print(f"MESOSCTL_TEST_SEED={seed}")
    moments = random.Random(seed)
    states = [content(three)]
    lengths: dict[Callable[[dict[str, Any]], None], int] = {}
    for change in (little, plenty, little):
        three.edit(change)
        lengths[change] = len(three.mesosctl("bootstrap", "--yes").stdout.splitlines())
        states.append(content(three))
    managed = {
        (host, path)
        for host in SERVERS
        for path in {path for state in states for path in state[host]}
        if len({state[host].get(path) for state in states}) > 1
    }
    assert len(managed) > 60

    acknowledged = []
    finished = 0
    for number in range(KILLS):
        change = (plenty, little)[number % 2]
        three.edit(change)
        process = start(three)
        lines, delay = moments.randrange(lengths[change]), moments.uniform(0, 0.5)
        assert process.stdout
        for _ in zip(range(lines), process.stdout, strict=False):
            pass
        time.sleep(delay)
        process.kill()
        process.communicate()
        finished += process.returncode != -signal.SIGKILL
        now = content(three)
        for host, path in managed:
            allowed = {state[host].get(path) for state in states}
            assert now[host].get(path) in allowed, f"after kill {number} of seed {seed}: {host} {path}"
        assert not {path for host in SERVERS for path in now[host].keys() - {p for s in states for p in s[host]}}
        if write(three, str(number)):
            acknowledged.append(str(number))
    print(f"{finished} of {KILLS} runs ended before their kill, {len(acknowledged)} writes in between")
    assert finished < KILLS / 2

    three.mesosctl("bootstrap", "--yes")
    assert with_status(three.report("bootstrap", "--yes"), "changed") == []
    assert three.mesosctl("plan").returncode == 0
    final = content(three)
    for host, path in managed:
        assert final[host].get(path) == states[-1][host].get(path), f"{host} {path}"
    for host in SERVERS:
        assert leftovers(three, host) == []
        assert holder(three, host) == ""
        assert three.sh(host, "ls -A /var/lib/mesosctl/dirty | grep -v apt-lists || :") == ""
        assert not three.sh(host, "grep -i 'corrupt\\|unable to load database' /var/log/zookeeper/*.log || :")
    eventually(lambda: sorted(three.modes().values()) == ["follower", "follower", "leader"])
    client = KazooClient(three.servers(), timeout=10)
    client.start(timeout=30)
    try:
        assert set(client.get_children("/killed")) >= set(acknowledged), "no acknowledged write was lost"
    finally:
        client.stop()
        client.close()


@pytest.fixture
def ready(three: Cluster) -> Cluster:
    """The same hosts, as the inventory has them."""
    three.edit(little)
    three.mesosctl("bootstrap", "--yes")
    return three


def test_the_lock_of_a_killed_run_is_taken_over(ready: Cluster) -> None:
    ready.edit(plenty)
    process = start(ready)
    wait_for_line(process, "^== prepare")
    killed = holder(ready, "h1")
    process.kill()
    process.communicate()
    assert killed
    assert holder(ready, "h1") == killed, "nobody gave it back"
    ready.mesosctl("bootstrap", "--yes", "--limit", "prepare")
    assert holder(ready, "h1") == ""


def test_ctrl_c_says_what_was_done(ready: Cluster) -> None:
    ready.edit(plenty)
    process = start(ready)
    said = wait_for_line(process, "^== configure")
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 130, said + rest
    summary = next(line for line in rest.splitlines() if line.startswith("bootstrap "))
    assert "interrupted" in summary
    assert int(re.search(r"(\d+) changes", summary)[1]) > 20  # type: ignore[index]
    assert "Traceback" not in said + rest
    for host in SERVERS:
        assert "nofile 70000" in re.sub(" +", " ", ready.sh(host, "cat /etc/security/limits.d/mesosctl.conf"))
    ready.mesosctl("bootstrap", "--yes")
    assert ready.changed("bootstrap", "--yes") == []


@pytest.fixture
def paused(ready: Cluster) -> Iterator[subprocess.Popen[str]]:
    """A run that has the locks and does not go on: the hosts give them back in its last stage, without it too."""
    ready.edit(plenty)
    process = start(ready)
    wait_for_line(process, "^== prepare")
    process.send_signal(signal.SIGSTOP)
    yield process
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=120)
    assert process.returncode == 0, "the first run was not disturbed"


def test_a_second_run_on_this_machine_is_refused(ready: Cluster, paused: subprocess.Popen[str]) -> None:
    before = content(ready)
    refused = ready.mesosctl("bootstrap", "--yes", expect=4).stderr
    assert f"process {paused.pid}" in refused
    assert f"@{socket.gethostname()}" in refused
    assert "bootstrap" in refused
    assert content(ready) == before
    ready.mesosctl("plan", expect=2)  # looking is allowed


def test_a_second_run_from_another_machine_is_refused(
    ready: Cluster, paused: subprocess.Popen[str], tmp_path: Path
) -> None:
    other = tmp_path / "machine-id"
    other.write_text("0123456789abcdef0123456789abcdef\n")
    elsewhere = ("unshare", "--mount", "sh", "-c", f'mount --bind {other} /etc/machine-id && exec "$@"', "sh")
    before = content(ready)
    process = start(ready, prefix=elsewhere, MESOSCTL_STATE=str(tmp_path / "state"))
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 4, said
    for host in SERVERS:
        assert re.search(
            rf"{host}: it is locked by \w+@{socket.gethostname()} \(run \S+\) for another \d+ seconds", said
        )
    assert content(ready) == before


def test_a_lock_of_another_machine_ends(ready: Cluster) -> None:
    ready.sh("h1", f"echo another-run another-machine $(($(date +%s) + 600)) 1 eve@elsewhere >{LOCK}")
    refused = ready.mesosctl("bootstrap", "--yes", expect=4).stderr
    assert "h1: it is locked by eve@elsewhere" in refused
    assert holder(ready, "h1") == "another-run"
    assert holder(ready, "h2") == "", "the other hosts' locks are given back"
    ready.sh("h1", f"echo another-run another-machine $(($(date +%s) - 1)) 1 eve@elsewhere >{LOCK}")
    ready.mesosctl("bootstrap", "--yes")
