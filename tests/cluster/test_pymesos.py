"""A thousand tasks of a framework on pymesos, unmodified, on five hosts, while a master and an agent are killed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.driver import Framework, task
from tests.cluster.conftest import Cluster

TASKS = 1000
WAIT_SECONDS = 400.0
RECONCILE_SECONDS = 10.0
NEVER_STARTED = {"TASK_LOST", "TASK_DROPPED"}
WITNESS = "/tmp/pymesos-tasks"


@pytest.fixture
def framework(cluster: Cluster, tmp_path: Path) -> Iterator[Framework]:
    framework = Framework(f"zk://{cluster.servers()}/mesos", tmp_path / "pymesos.log")
    framework.event("registered")
    yield framework
    framework.close()


class Campaign:
    """Keeps at it until every task has finished: asks for those it has launched, tries again those that were lost."""

    def __init__(self, framework: Framework) -> None:
        self._framework = framework
        self._attempts = {f"t{number}": 1 for number in range(TASKS)}
        self._unfinished = set(self._attempts)
        self._launched: set[str] = set()
        self.ends: Counter[str] = Counter()
        """How many different ends of a task were told."""
        self._seen: set[str] = set()

    def run(self, disturbances: dict[int, Callable[[], None]]) -> None:
        """Each disturbance is made when so many tasks have finished."""
        self._framework.order(launch=[self._task(name) for name in self._attempts])
        end = time.monotonic() + WAIT_SECONDS
        asked = time.monotonic()
        while self._unfinished:
            assert time.monotonic() < end, f"{len(self._unfinished)} tasks have not finished"
            for number in [each for each in disturbances if TASKS - len(self._unfinished) >= each]:
                disturbances.pop(number)()
            if time.monotonic() - asked > RECONCILE_SECONDS and self._launched:
                asked = time.monotonic()
                self._framework.order(reconcile=sorted(self._launched))
            event = self._framework.poll(1.0)
            if event and event["event"] == "launched":
                self._launched.update(event["tasks"])
            elif event and event["event"] == "update":
                self._updated(event["status"]["task_id"]["value"], event["status"])

    def _updated(self, task_id: str, status: dict[str, str]) -> None:
        name, state = task_id.partition(".")[0], status["state"]
        if state in NEVER_STARTED and task_id in self._launched:
            self._launched.discard(task_id)
            self._attempts[name] += 1
            self._framework.order(launch=[self._task(name)])
            return
        assert state not in ("TASK_FAILED", "TASK_KILLED", "TASK_ERROR"), status
        if state == "TASK_FINISHED":
            self._launched.discard(task_id)
            self._unfinished.discard(name)
            if "uuid" in status and status["uuid"] not in self._seen:
                self._seen.add(status["uuid"])
                self.ends[name] += 1

    def _task(self, name: str) -> dict[str, object]:
        return task(f"{name}.{self._attempts[name]}", f"echo {name} >> {WITNESS}")


def test_no_task_is_lost_or_run_twice(cluster: Cluster, framework: Framework) -> None:
    def kill_leader() -> None:
        (host,) = cluster.report("status")["masters"]["leaders"]
        cluster.sh(host, "systemctl kill --kill-whom=main --signal=KILL mesos-master")

    def kill_agent() -> None:
        cluster.sh("h4", "systemctl kill --kill-whom=main --signal=KILL mesos-agent")

    campaign = Campaign(framework)
    campaign.run({200: kill_leader, 600: kill_agent})
    framework.stop(teardown=True)
    ran = Counter("".join(cluster.sh(host, f"cat {WITNESS}") for host in ("h4", "h5")).split())
    assert len(ran) == TASKS
    assert {name: times for name, times in ran.items() if times != 1} == {}
    assert {name: times for name, times in campaign.ends.items() if times != 1} == {}
