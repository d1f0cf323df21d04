"""Masters elected by a real ZooKeeper: what a task, its agent and its framework see when the leader goes."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.programs import Scheduler
from tests.integration.zookeeper import ZooKeeper
from tests.ports import TASK_PORTS_FLAG, free_port

WAIT_SECONDS = 60.0
SESSION_SECONDS = 4.0
GRACE_SECONDS = 40.0
"""For the successor's election, its recovery and a busy machine, on top of the session timeout."""


class Cluster:
    """Two masters and an agent on one ZooKeeper. Masters are named by their ports."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.masters = [free_port(), free_port()]
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start_master(self, port: int) -> None:
        arguments = [
            f"--port={port}",
            f"--zk={self.url}",
            "--quorum=1",
            f"--zk_session_timeout={SESSION_SECONDS}secs",
            f"--work_dir={self.folder / str(port)}",
        ]
        self._start(str(port), "master", arguments)
        self.wait(lambda: self.ask(port, "/health")[0] == 200)

    def start_agent(self) -> None:
        (self.folder / "url").write_text(f"{self.url}\n")
        arguments = [
            f"--port={free_port()}",
            f"--master=file://{self.folder / 'url'}",
            f"--zk_session_timeout={SESSION_SECONDS}secs",
            f"--work_dir={self.folder / 'agent'}",
            f"--resources=cpus:2;mem:512;disk:1024;{TASK_PORTS_FLAG}",
            "--registration_backoff_factor=10ms",
            *([] if os.geteuid() == 0 else ["--no-switch_user"]),
        ]
        self._start("agent", "agent", arguments)
        self.wait(lambda: self.slaves(self.leader()))

    def leader(self) -> int:
        """The port of the master that leads, waiting for it."""
        found: list[int] = []

        def look() -> bool:
            found[:] = [port for port in self.masters if self.ask(port, "/state")[0] == 200]
            return bool(found)

        self.wait(look)
        assert len(found) == 1
        return found[0]

    def slaves(self, port: int) -> list[dict[str, Any]]:
        status, _, body = self.ask(port, "/slaves")
        return [each for each in json.loads(body)["slaves"] if each["active"]] if status == 200 else []

    def ask(self, port: int, path: str) -> tuple[int, str | None, bytes]:
        """Status (0 for no answer), Location and body of a GET."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Location"), answer.read()
        except (OSError, http.client.HTTPException):
            return 0, None, b""
        finally:
            connection.close()

    def send(self, name: object, number: signal.Signals) -> None:
        self._running[str(name)].send_signal(number)

    def ended(self, name: object) -> int:
        """The exit status, waiting for it."""
        status = self._running.pop(str(name)).wait(WAIT_SECONDS)
        assert isinstance(status, int)
        return status

    def log(self, name: object) -> str:
        return (self.folder / f"{name}.log").read_text()

    def wait(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > end:
                raise AssertionError("\n".join(path.read_text() for path in self.folder.glob("*.log")))
            time.sleep(0.02)

    def stop(self) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self._running.values():
            process.wait(WAIT_SECONDS)

    def _start(self, name: str, program: str, arguments: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", f"mesosctl.runtime.{program}", "--ip=127.0.0.1", *arguments]
            self._running[name] = subprocess.Popen(command, stdout=log, stderr=log)


@pytest.fixture
def cluster(tmp_path: Path, zookeeper: ZooKeeper) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path, zookeeper.url(tmp_path.name, "mesos:secret"))
    for port in cluster.masters:
        cluster.start_master(port)
    cluster.start_agent()
    yield cluster
    cluster.stop()


def other(cluster: Cluster, port: int) -> int:
    (found,) = [each for each in cluster.masters if each != port]
    return found


def counted(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_a_killed_leader_is_followed_without_loss(cluster: Cluster, tmp_path: Path) -> None:
    first = cluster.leader()
    second = other(cluster, first)
    assert cluster.ask(second, "/state")[:2] == (307, f"//localhost:{first}/state")
    assert cluster.ask(second, "/redirect")[:2] == (307, f"//localhost:{first}")
    assert cluster.ask(second, "/flags")[0] == 200
    assert b"secret" not in cluster.ask(second, "/flags")[2]

    ticks, go_on = tmp_path / "ticks", tmp_path / "go_on"
    scheduler = Scheduler(first)
    scheduler.launch("long", f"while [ ! -e {go_on} ]; do echo >> {ticks}; sleep 0.1; done")
    scheduler.until("TASK_RUNNING")
    (agent,) = cluster.slaves(first)

    cluster.send(first, signal.SIGKILL)
    killed = time.monotonic()
    cluster.ended(first)
    go_on.touch()  # the task ends while nobody leads
    assert cluster.leader() == second
    assert time.monotonic() - killed < SESSION_SECONDS + GRACE_SECONDS
    cluster.wait(lambda: cluster.slaves(second))
    (back,) = cluster.slaves(second)
    assert (back["id"], back["pid"]) == (agent["id"], agent["pid"])
    assert "reregistered_time" in back

    again = Scheduler(second, scheduler.framework_id)
    assert again.framework_id == scheduler.framework_id
    assert again.until("TASK_FINISHED") == ["TASK_FINISHED"]
    again.call("RECONCILE", tasks=[{"task_id": {"value": "long"}, "agent_id": {"value": agent["id"]}}])
    assert again.status()["state"] == "TASK_LOST"  # gone, to a framework that is not PARTITION_AWARE: not told twice

    cluster.start_master(first)
    assert cluster.leader() == second
    cluster.wait(lambda: cluster.ask(first, "/redirect")[1] == f"//localhost:{second}")
    again.call("TEARDOWN")


def test_a_leader_that_stood_still_stops_and_disturbs_nobody(cluster: Cluster, tmp_path: Path) -> None:
    first = cluster.leader()
    second = other(cluster, first)
    ticks = tmp_path / "ticks"
    scheduler = Scheduler(first)
    scheduler.launch("long", f"while sleep 0.1; do echo >> {ticks}; done")
    scheduler.until("TASK_RUNNING")

    cluster.send(first, signal.SIGSTOP)
    stopped = time.monotonic()
    cluster.wait(lambda: cluster.ask(second, "/state")[0] == 200)
    assert time.monotonic() - stopped < SESSION_SECONDS + GRACE_SECONDS
    cluster.wait(lambda: cluster.slaves(second))
    again = Scheduler(second, scheduler.framework_id)
    again.call("RECONCILE", tasks=[])
    assert again.status()["state"] == "TASK_RUNNING"

    cluster.send(first, signal.SIGCONT)
    assert cluster.ended(first) == 1
    assert "Stopping: Lost" in cluster.log(first)
    with pytest.raises((EOFError, OSError, http.client.HTTPException)):
        scheduler.event("NEVER")
    assert cluster.slaves(second)
    seen = counted(ticks)
    cluster.wait(lambda: counted(ticks) > seen)
    again.call("KILL", task_id={"value": "long"})
    assert again.until("TASK_KILLED")[-1] == "TASK_KILLED"
    again.call("TEARDOWN")


def test_a_leader_that_loses_zookeeper_stops(tmp_path: Path) -> None:
    (tmp_path / "zookeeper").mkdir()
    zookeeper = ZooKeeper(tmp_path / "zookeeper")
    zookeeper.start()
    cluster = Cluster(tmp_path, zookeeper.url("mesos"))
    try:
        cluster.start_master(cluster.masters[0])
        first = cluster.leader()
        zookeeper.kill()
        assert cluster.ended(first) == 1
        assert "Stopping: Lost" in cluster.log(first)
    finally:
        zookeeper.kill()
        cluster.stop()
