"""A framework on pymesos with tasks of which each must run once and end once, whatever happens to the cluster.

Every task writes a line on its host when it runs. Short ones then end; long ones go on until they are released, and
must live through everything. The framework is PARTITION_AWARE: what it is told says whether a task can still run.
"""

from __future__ import annotations

import http.client
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.clients.driver import Framework, task
from tests.cluster.conftest import Cluster

LIMIT_SECONDS = 300.0
RECONCILE_SECONDS = 5.0
LOOK_SECONDS = 0.5
MASTERS = ("h1", "h2", "h3")
AGENTS = ("h4", "h5")
NEVER_STARTED = {"TASK_DROPPED", "TASK_GONE", "TASK_UNKNOWN"}
"""What becomes of a task whose launch was lost with a master: it is launched again, by another id."""
ALIVE = {"TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_UNREACHABLE"}


class Campaign:
    """Keeps at it until all tasks have ended: asks for those it has launched, launches again those that were lost."""

    def __init__(self, cluster: Cluster, folder: Path, short: int, long: int) -> None:
        self._cluster = cluster
        self._witness = f"/var/tmp/tasks-{uuid.uuid4()}"
        self._long = [f"long{number}" for number in range(long)]
        self._attempts = dict.fromkeys((*self._long, *(f"t{number}" for number in range(short))), 1)
        self._launched: set[str] = set()
        """Ids of tasks that an offer was used for, and that have not ended."""
        self._running: set[str] = set()
        """Ids of tasks, as the framework was told."""
        self._ends: dict[str, set[str]] = {}
        """Task name: uuids of the updates that told of its end."""
        self._acknowledged: set[str] = set()
        self._reconciled = time.monotonic()
        self._closed = False
        self.agents = self._agents()
        """Agents' ids by host name, at the start."""
        self.unreachable = 0
        """How often a task was told to be unreachable."""
        self.framework = Framework(
            f"zk://{cluster.servers()}/mesos",
            folder / "pymesos.log",
            capabilities=[{"type": "PARTITION_AWARE"}],
            failover_timeout=600.0,
        )
        self._framework_id = ""

    def start(self) -> None:
        """Launch all; the long tasks run when this returns."""
        self._framework_id = self.framework.event("registered")["framework_id"]
        self.framework.order(launch=[self._task(name) for name in self._attempts])
        self.until(lambda: {f"{name}.{self._attempts[name]}" for name in self._long} <= self._running)

    @property
    def ended(self) -> int:
        """How many tasks have ended."""
        return len(self._ends)

    def until(self, holds: Callable[[], bool]) -> None:
        """Take what the framework tells until something holds."""
        end, look = time.monotonic() + LIMIT_SECONDS, 0.0
        while True:
            if time.monotonic() > look:
                if holds():
                    return
                look = time.monotonic() + LOOK_SECONDS
                assert look < end, f"{self.ended} of {len(self._attempts)} tasks have ended; alive: {self._launched}"
            if event := self.framework.poll(LOOK_SECONDS):
                self._take(event)
            if time.monotonic() - self._reconciled > RECONCILE_SECONDS and self._launched:
                self._reconciled = time.monotonic()
                self.framework.order(reconcile=sorted(self._launched))

    def finish(self) -> None:
        """Release the long tasks, and see that all that should have happened has, once."""
        self.until(lambda: self.ended == len(self._attempts) - len(self._long))
        self.until(lambda: self._agents() == self.agents)
        self.until(lambda: self._running == self._launched == self._state())
        for host in AGENTS:
            self._cluster.sh(host, f"touch {self._witness}.go")
        self.until(lambda: self.ended == len(self._attempts))
        self.until(lambda: not self._state())
        self.close()
        ran = Counter("".join(self._cluster.sh(host, f"cat {self._witness}") for host in AGENTS).split())
        assert {name: ran[name] for name in self._attempts if ran[name] != 1} == {}
        assert len(ran) == len(self._attempts)
        assert {name: ends for name, ends in self._ends.items() if len(ends) != 1} == {}

    def close(self) -> None:
        """End the framework, with what is left of its tasks."""
        if not self._closed:
            self._closed = True
            try:
                self.framework.stop(teardown=True)
            finally:
                self.framework.close()

    def _task(self, name: str) -> dict[str, object]:
        wait = f"; until [ -e {self._witness}.go ]; do sleep 1; done" if name in self._long else ""
        return task(f"{name}.{self._attempts[name]}", f"echo {name} >> {self._witness}{wait}")

    def _take(self, event: dict[str, Any]) -> None:
        assert event["event"] != "error", event
        if event["event"] == "launched":
            self._launched.update(event["tasks"])
        elif event["event"] == "acknowledged":
            self._acknowledged.add(event["uuid"])
        elif event["event"] == "update":
            self._updated(event["status"]["task_id"]["value"], event["status"])

    def _updated(self, task_id: str, status: dict[str, Any]) -> None:
        name, state, update = task_id.partition(".")[0], status["state"], status.get("uuid")
        assert update not in self._acknowledged, f"told again after it was acknowledged: {status}"
        self._running.discard(task_id)
        if state in NEVER_STARTED:
            if task_id in self._launched:
                self._launched.discard(task_id)
                self._attempts[name] += 1
                self.framework.order(launch=[self._task(name)])
        elif state == "TASK_FINISHED":
            self._launched.discard(task_id)
            ends = self._ends.setdefault(name, set())
            if update:  # an answer to a reconciliation has none
                ends.add(update)
        else:
            assert state in ALIVE, status
            self.unreachable += state == "TASK_UNREACHABLE"
            if state == "TASK_RUNNING":
                self._running.add(task_id)

    def _agents(self) -> dict[str, str]:
        """Ids of the agents that the leader has, by host name."""
        return {each["hostname"]: each["id"] for each in _slaves(self._cluster) if each["active"]}

    def _state(self) -> set[str]:
        """Ids of the tasks that the leader's /state calls running."""
        for host in MASTERS:
            if (state := ask(self._cluster, host, "/state")) is not None:
                frameworks = {each["id"]: each for each in state["frameworks"]}
                tasks = frameworks[self._framework_id]["tasks"] if self._framework_id in frameworks else []
                return {each["id"] for each in tasks if each["state"] == "TASK_RUNNING"}
        return {"nobody leads"}


def ask(cluster: Cluster, host: str, path: str) -> Any:
    """What the master of a host answers; None where it does not answer itself."""
    connection = http.client.HTTPConnection(cluster.lab.host(host).address, 5050, timeout=2)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return json.loads(answer.read()) if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def leaders(cluster: Cluster) -> list[str]:
    """The hosts whose masters answer for the cluster."""
    return [host for host in MASTERS if ask(cluster, host, "/slaves") is not None]


def _slaves(cluster: Cluster) -> list[dict[str, Any]]:
    for host in MASTERS:
        if found := ask(cluster, host, "/slaves"):
            slaves: list[dict[str, Any]] = found["slaves"]
            return slaves
    return []
