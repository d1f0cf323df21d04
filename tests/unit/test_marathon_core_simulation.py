"""Seeded lives of a Marathon: apps change, tasks fail, agents vanish and return, statuses get lost, leaders follow each
other. Whatever happened, in the end each app has what was last asked for, and no task runs that nobody knows.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from mesosctl.runtime.marathon.core.errors import LockedError
from mesosctl.runtime.marathon.core.outside import ProbeResult, Purpose
from mesosctl.runtime.marathon.core.records import Condition, Goal
from mesosctl.runtime.protocol.tasks import TaskState
from tests.unit.marathon_core import World
from tests.unit.test_marathon_core_recovery import stored

HOSTS = ("a1", "a2", "a3")
APPS = ("one", "two", "g/three")
STEPS = 150
CHECK = {"protocol": "HTTP", "path": "/", "portIndex": 0, "delaySeconds": 1, "intervalSeconds": 5}
RUNNING, UNREACHABLE = TaskState.TASK_RUNNING, TaskState.TASK_UNREACHABLE


class Cluster:
    """What the master knows: the state of each task that has not ended, and where it is."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.seed = seed
        self.world = World(seed=seed)
        self.tasks: dict[str, tuple[TaskState, str]] = {}
        self.away: set[str] = set()
        self.wanted: dict[str, dict[str, Any]] = {}

    def act(self) -> None:
        self.random.choice(
            (
                self.offer,
                self.offer,
                self.run,
                self.run,
                self.end,
                self.end,
                self.fail,
                self.vanish,
                self.come_back,
                self.change,
                self.kill,
                self.cancel,
                self.succeed,
                self.probe,
                self.probe,
                self.wait,
            )
        )()

    # The cluster.

    def offer(self) -> None:
        host = self.random.choice(HOSTS)
        if host not in self.away:
            for task in self.world.offer(host, resources="cpus:2;mem:2000;ports:[31000-31999]"):
                self.tasks[task.task_id.value] = (TaskState.TASK_STAGING, host)

    def run(self) -> None:
        self._news(TaskState.TASK_STAGING, RUNNING)

    def fail(self) -> None:
        self._news(RUNNING, TaskState.TASK_FAILED)

    def end(self) -> None:
        """Kills that were sent are done, but for those on agents that are away, or that got lost."""
        sent, self.world.outside.kills = self.world.outside.kills, []
        for task, _, _ in sent:
            if task in self.tasks and self.tasks[task][1] not in self.away and self.random.random() < 0.8:
                self._ended(task, TaskState.TASK_KILLED)

    def vanish(self) -> None:
        host = self.random.choice(HOSTS)
        if not self.away:
            self.away.add(host)
            for task in self._on(host):
                self.world.status(task, UNREACHABLE)

    def come_back(self) -> None:
        for host in self.away.copy():
            self.away.remove(host)
            for task in self._on(host):
                self.world.status(task, self.tasks[task][0])

    def probe(self) -> None:
        probes, self.world.outside.probes = self.world.outside.probes, []
        for probe in probes:
            good = probe.purpose is Purpose.READINESS or self.random.random() < 0.9
            self.world.marathon.probed(probe, ProbeResult(True, 200 if good else 500))

    def wait(self) -> None:
        self.world.clock.advance(self.random.choice((1, 7, 40)))

    # The users and the machines that Marathon runs on.

    def change(self) -> None:
        id = self.random.choice(APPS)
        raw: dict[str, Any] = {
            "id": id,
            "cmd": self.random.choice(("v1", "v2")),
            "cpus": 0.1,
            "mem": 10,
            "instances": self.random.randrange(5),
            "upgradeStrategy": {"minimumHealthCapacity": self.random.choice((0, 0.5, 1)), "maximumOverCapacity": 0.5},
            "healthChecks": [CHECK] if id == "two" else [],
            "unreachableStrategy": {"inactiveAfterSeconds": 30, "expungeAfterSeconds": 60}
            if id == "one"
            else "disabled",
        }
        try:
            if self.random.random() < 0.15:
                self.world.delete("/" + id, force=True)
                self.wanted.pop(id, None)
            else:
                self.world.put(raw, force=self.random.random() < 0.5)
                self.wanted[id] = raw
        except LockedError:
            pass

    def kill(self) -> None:
        ids = [i.id for i in self.world.marathon.instances() if i.task]
        if ids:
            self.world.marathon.kill([self.random.choice(ids)], wipe=self.random.random() < 0.5)

    def cancel(self) -> None:
        deployments = self.world.marathon.deployments
        if deployments and self.random.random() < 0.3:
            self.world.marathon.cancel(deployments[0].deployment.id, force=self.random.random() < 0.5)
            self._note_wanted()

    def succeed(self) -> None:
        """Another leader, who is told of all tasks that there are."""
        if self.random.random() < 0.5:
            start = self.world.clock.now()
            self.world = World(snapshot=stored(self.world), seed=self.random.randrange(10**6), start=start)
            self.reconcile()

    def reconcile(self) -> None:
        asked = [tasks for tasks in self.world.outside.reconciled if tasks]
        self.world.outside.reconciled = []
        for task, _ in asked[-1] if asked else ():
            if task not in self.tasks:
                self.world.status(task, TaskState.TASK_GONE)
        for task, (state, host) in list(self.tasks.items()):
            self.world.status(task, UNREACHABLE if host in self.away else state)

    def _news(self, before: TaskState, after: TaskState) -> None:
        found = [task for task, (state, host) in self.tasks.items() if state is before and host not in self.away]
        if not found:
            return
        task = self.random.choice(found)
        if after is RUNNING:
            self.tasks[task] = (after, self.tasks[task][1])
            self.world.status(task, after)
        else:
            self._ended(task, after)

    def _ended(self, task: str, state: TaskState) -> None:
        del self.tasks[task]
        if self.random.random() < 0.95:  # else the news gets lost
            self.world.status(task, state)

    def _on(self, host: str) -> list[str]:
        return [task for task, (_, at) in self.tasks.items() if at == host]

    def _note_wanted(self) -> None:
        self.wanted = {
            id: {"cmd": app.cmd, "instances": app.instances}
            for id in APPS
            if (app := self.world.marathon.apps.get("/" + id))
        }

    def calm_down(self) -> None:
        """Nothing goes wrong any more; as long as it takes."""
        self.come_back()
        for _ in range(400):
            self.world.clock.advance(10)
            self.reconcile()
            for host in HOSTS:
                for launched in self.world.offer(host):
                    self.tasks[launched.task_id.value] = (RUNNING, host)
                    self.world.status(launched.task_id.value)
            for task, (state, host) in list(self.tasks.items()):
                if state is not RUNNING:
                    self.tasks[task] = (RUNNING, host)
                    self.world.status(task)
            sent, self.world.outside.kills = self.world.outside.kills, []
            for killed, _, _ in sent:
                if self.tasks.pop(killed, None):
                    self.world.status(killed, TaskState.TASK_KILLED)
            probes, self.world.outside.probes = self.world.outside.probes, []
            for probe in probes:
                self.world.marathon.probed(probe, ProbeResult(True, 200))


@pytest.mark.parametrize("seed", range(20))
def test_in_the_end_all_is_as_it_was_asked_for(seed: int) -> None:
    cluster = Cluster(seed)
    for _ in range(STEPS):
        cluster.act()
        assert set(cluster.world.marathon.apps) == {"/" + id for id in cluster.wanted}
    cluster.calm_down()
    marathon = cluster.world.marathon
    assert not marathon.deployments
    assert not marathon.queue()
    instances = marathon.instances()
    assert all(i.condition is Condition.RUNNING and i.goal is Goal.RUNNING for i in instances)
    assert {i.task_id for i in instances} == set(cluster.tasks)
    for id, raw in cluster.wanted.items():
        assert len(marathon.instances("/" + id)) == raw["instances"], id
