"""From nothing to a running ensemble on five hosts, and the later days: nothing to do, drift, a lost host, a change."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from kazoo.client import KazooClient
from kazoo.retry import KazooRetry

from mesosctl.inventory.state import state_home
from tests.cluster.conftest import PASSWORD, Cluster, eventually, srvr_mode, with_status


@contextmanager
def client(cluster: Cluster) -> Iterator[KazooClient]:
    retry = KazooRetry(max_tries=-1, delay=0.1, max_delay=1, deadline=60)
    made = KazooClient(cluster.servers(), timeout=10, connection_retry=retry, command_retry=retry)
    made.start(timeout=30)
    try:
        yield made
    finally:
        made.stop()
        made.close()


def test_bootstrap_from_nothing(cluster: Cluster, first_run: dict[str, Any]) -> None:
    assert not any(host["failure"] for host in first_run["hosts"].values())
    assert len(with_status(first_run, "changed")) > 100
    assert sorted(cluster.modes().values()) == ["follower", "follower", "leader"]
    last = first_run["hosts"]["h4"]["stages"][-1]["results"][0]
    assert (last["resource"], last["message"]) == ("service mesos-agent", "enable"), "start-cluster starts it"
    assert [srvr_mode(cluster.lab.host(agent).address) for agent in ("h4", "h5")] == ["", ""], "no ZooKeeper on agents"


def test_the_proxys_password_is_nowhere_in_the_controllers_state(cluster: Cluster) -> None:
    for path in state_home().rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            assert PASSWORD.encode() not in text, path
            assert quote(PASSWORD, safe="").encode() not in text, path


def test_a_second_bootstrap_changes_nothing(cluster: Cluster) -> None:
    assert cluster.changed("bootstrap", "--yes") == []


def test_dry_wet_dry(cluster: Cluster) -> None:
    cluster.edit(lambda document: document.update(limits={"nofile": 70000}))
    pending = with_status(cluster.report("plan", expect=2), "pending")
    limits = {f"h{number} file /etc/security/limits.d/mesosctl.conf" for number in range(1, 6)}
    assert limits < set(pending)
    assert sorted(cluster.changed("bootstrap", "--yes")) == sorted(pending)
    assert with_status(cluster.report("plan"), "pending") == []


def test_a_hand_edited_file_is_seen_and_put_back(cluster: Cluster) -> None:
    before = cluster.sh("h2", "cat /etc/wgetrc /usr/local/etc/mesos/mesos-master-env.sh")
    cluster.sh("h2", "echo '# by hand' >>/usr/local/etc/mesos/mesos-master-env.sh; sed -i '/^http_proxy/d' /etc/wgetrc")
    screen = cluster.mesosctl("plan", expect=2).stdout
    assert "-# by hand" in screen
    assert PASSWORD not in screen
    put_back = cluster.changed("bootstrap", "--yes")
    assert sorted(put_back) == [
        "h2 block proxy in /etc/wgetrc",
        "h2 file /usr/local/etc/mesos/mesos-master-env.sh",
        "h2 service mesos-master",
    ]
    assert cluster.sh("h2", "cat /etc/wgetrc /usr/local/etc/mesos/mesos-master-env.sh") == before
    cluster.mesosctl("plan", expect=0)


def test_what_was_written_outlives_the_leader(cluster: Cluster) -> None:
    with client(cluster) as zookeeper:
        zookeeper.ensure_path("/test")
        zookeeper.create("/test/kept", b"before the power cut")
        leader = cluster.leader()
        cluster.lab.stop(leader)
        try:
            eventually(lambda: sorted(cluster.modes().values()) == ["", "follower", "leader"])
            value, _ = zookeeper.retry(zookeeper.get, "/test/kept")
            assert value == b"before the power cut"
            zookeeper.retry(zookeeper.create, "/test/without", b"2 of 3")
            status = cluster.mesosctl("status", expect=1)
            assert leader in status.stdout
        finally:
            cluster.lab.start(leader)
        eventually(lambda: sorted(cluster.modes().values()) == ["follower", "follower", "leader"])
        cluster.mesosctl("start-cluster")  # waits for all of it
        assert cluster.changed("bootstrap", "--yes") == [], "what a reboot needs was in place"


def test_a_changed_setting_restarts_one_member_at_a_time(cluster: Cluster) -> None:
    leader = cluster.leader()
    written: list[float] = []
    lows: list[dict[str, str]] = []
    stop = threading.Event()

    def write() -> None:
        with client(cluster) as zookeeper:
            zookeeper.ensure_path("/rolling")
            while not stop.is_set():
                zookeeper.retry(zookeeper.create, "/rolling/n-", b"", sequence=True)
                written.append(time.monotonic())
                time.sleep(0.05)

    def watch() -> None:
        while not stop.is_set():
            modes = cluster.modes()
            if sum(bool(mode) for mode in modes.values()) < 2:
                lows.append(modes)
            time.sleep(0.2)

    threads = [threading.Thread(target=work) for work in (write, watch)]
    for thread in threads:
        thread.start()
    try:
        cluster.edit(lambda document: document.update(zookeeper={"max_client_connections": 99}))
        begun = time.monotonic()
        changed = cluster.changed("bootstrap", "--yes")
        ended = time.monotonic()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert sorted(changed) == [
        f"h{number} {resource}"
        for number in (1, 2, 3)
        for resource in ("file /etc/zookeeper/conf/zoo.cfg", "service zookeeper")
    ]
    since = {
        host: int(cluster.sh(host, "systemctl show -p ActiveEnterTimestampMonotonic --value zookeeper"))
        for host in ("h1", "h2", "h3")
    }
    assert max(since, key=lambda host: since[host]) == leader, "the leader goes last"
    # Only while the leader itself is away do the two others elect, and say nothing until they have.
    assert not [modes for modes in lows if modes[leader]], lows
    during = [moment for moment in written if begun < moment < ended]
    assert during, "the client wrote all the while"
    with client(cluster) as zookeeper:
        assert len(zookeeper.get_children("/rolling")) >= len(written), "no write was lost"


def test_agents_are_left_in_peace_by_a_zookeeper_change(cluster: Cluster) -> None:
    docker = cluster.sh("h4", "systemctl show -p MainPID --value docker")
    cluster.edit(lambda document: document.update(zookeeper={"max_client_connections": 60}))
    cluster.mesosctl("bootstrap", "--yes")
    assert cluster.sh("h4", "systemctl show -p MainPID --value docker") == docker
