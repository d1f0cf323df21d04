"""Seeded lives of a Marathon: apps change, tasks fail, agents vanish and return, launches and statuses get lost or come
twice and late, leaders die before and after each write and follow each other. Whatever happened, in the end each app
has what was last asked for, and no task runs that nobody knows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from mesosctl.runtime.marathon.core.errors import LockedError
from mesosctl.runtime.marathon.core.outside import (
    Change,
    DeploymentAdded,
    DeploymentRemoved,
    InstanceChanged,
    InstanceRemoved,
    ProbeResult,
    Purpose,
    RootChanged,
)
from mesosctl.runtime.marathon.core.records import Condition, Deployment, Goal, Instance, Snapshot
from mesosctl.runtime.marathon.model import Group
from mesosctl.runtime.protocol.containers import KillPolicy
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from tests.unit.marathon_core import START, FakeOutside, World

HOSTS = ("a1", "a2", "a3")
APPS = ("one", "two", "g/three")
STEPS = 150
CHECK = {"protocol": "HTTP", "path": "/", "portIndex": 0, "delaySeconds": 1, "intervalSeconds": 5}
RUNNING, UNREACHABLE = TaskState.TASK_RUNNING, TaskState.TASK_UNREACHABLE


class Store:
    """What survives a leader."""

    def __init__(self) -> None:
        self.root = Group(version="2020-01-01T00:00:00.000Z")
        self.instances: dict[str, Instance] = {}
        self.deployments: dict[str, Deployment] = {}

    def write(self, changes: Sequence[Change]) -> None:
        for change in changes:
            match change:
                case RootChanged():
                    self.root = change.new
                case InstanceChanged(instance):
                    self.instances[instance.id] = instance
                case InstanceRemoved(id):
                    self.instances.pop(id, None)
                case DeploymentAdded(deployment):
                    self.deployments[deployment.id] = deployment
                case DeploymentRemoved(id):
                    self.deployments.pop(id, None)

    def snapshot(self) -> Snapshot:
        return Snapshot(self.root, tuple(self.instances.values()), tuple(self.deployments.values()))


class SlowOutside(FakeOutside):
    """What is to be stored waits until `write`. `launched` and `killed` are told what the master is."""

    def __init__(
        self, store: Store, launched: Callable[[Offer.Operation], None], killed: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.store = store
        self.pending: deque[tuple[Sequence[Change], Callable[[], None]]] = deque()
        self._launched = launched
        self._killed = killed

    def persist(self, changes: Sequence[Change], then: Callable[[], None]) -> None:
        self.pending.append((changes, then))

    def accept(self, offers: Sequence[Offer], operations: Sequence[Offer.Operation], refuse_seconds: float) -> None:
        super().accept(offers, operations, refuse_seconds)
        for operation in operations:
            self._launched(operation)

    def kill(self, task_id: str, agent_id: str | None, policy: KillPolicy | None) -> None:
        super().kill(task_id, agent_id, policy)
        self._killed(task_id)

    def write(self) -> None:
        """The first that waits, and all that follows on it."""
        changes, then = self.pending.popleft()
        self.store.write(changes)
        then()

    def write_all(self) -> None:
        while self.pending:
            self.write()


class Cluster:
    """What the master knows: the state of each task that has not ended, and where it is."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.store = Store()
        self.outside: SlowOutside
        self.world = self._world(START)
        self.tasks: dict[str, tuple[TaskState, str]] = {}
        self.away: set[str] = set()
        self.wanted: dict[str, dict[str, Any]] = {}
        self.recent: deque[TaskStatus] = deque(maxlen=10)
        self.loses = 0.05
        """How often a launch or the news of an end does not arrive."""

    def _world(self, start: float) -> World:
        self.outside = SlowOutside(self.store, self.launched, self.killed)
        snapshot, seed = self.store.snapshot(), self.random.randrange(10**6)
        return World(snapshot=snapshot, seed=seed, start=start, outside=self.outside)

    def launched(self, operation: Offer.Operation) -> None:
        if self.random.random() >= self.loses:
            for task in operation.launch.task_infos if operation.launch else ():
                host = task.agent_id.value.removeprefix("agent-")
                assert task.task_id.value not in self.tasks
                self.tasks[task.task_id.value] = (TaskState.TASK_STAGING, host)

    def killed(self, task_id: str) -> None:
        """A kill was sent."""

    def tell(self, task_id: str, state: TaskState = RUNNING) -> None:
        self.recent.append(self.world.status(task_id, state))

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
                self.repeat,
                self.write,
                self.write,
                self.write,
                self.probe,
                self.probe,
                self.wait,
            )
        )()

    # The cluster.

    def offer(self) -> None:
        host = self.random.choice(HOSTS)
        if host not in self.away:
            self.world.offer(host, resources="cpus:2;mem:2000;ports:[31000-31999]")

    def write(self) -> None:
        for _ in range(min(len(self.outside.pending), self.random.randrange(10))):
            self.outside.write()

    def repeat(self) -> None:
        """Something that was told already."""
        if self.recent:
            self.world.marathon.status(self.random.choice(self.recent))

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
                self.tell(task, UNREACHABLE)

    def come_back(self) -> None:
        for host in self.away.copy():
            self.away.remove(host)
            for task in self._on(host):
                self.tell(task, self.tasks[task][0])

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
        """Another leader, who is told of all tasks that there are. The last died at some point of its writing: what was
        written may not have been followed by anything."""
        if self.random.random() < 0.5:
            self.write()
            if self.outside.pending and self.random.random() < 0.5:
                self.store.write(self.outside.pending[0][0])
            self.world = self._world(self.world.clock.now())
            self.recent.clear()
            self.reconcile()
            self._note_wanted()

    def reconcile(self) -> None:
        asked = [tasks for tasks in self.world.outside.reconciled if tasks]
        self.world.outside.reconciled = []
        for task, _ in asked[-1] if asked else ():
            if task not in self.tasks:
                self.tell(task, TaskState.TASK_GONE)
        for task, (state, host) in list(self.tasks.items()):
            self.tell(task, UNREACHABLE if host in self.away else state)

    def _news(self, before: TaskState, after: TaskState) -> None:
        found = [task for task, (state, host) in self.tasks.items() if state is before and host not in self.away]
        if not found:
            return
        task = self.random.choice(found)
        if after is RUNNING:
            self.tasks[task] = (after, self.tasks[task][1])
            self.tell(task, after)
        else:
            self._ended(task, after)

    def _ended(self, task: str, state: TaskState) -> None:
        del self.tasks[task]
        if self.random.random() < 0.95:  # else the news gets lost
            self.tell(task, state)

    def _on(self, host: str) -> list[str]:
        return [task for task, (_, at) in self.tasks.items() if at == host]

    def _note_wanted(self) -> None:
        """As the leader has it."""
        self.wanted = {
            id: {"cmd": app.cmd, "instances": app.instances}
            for id in APPS
            if (app := self.world.marathon.apps.get("/" + id))
        }

    def calm_down(self) -> None:
        """Nothing goes wrong any more; as long as it takes."""
        self.loses = 0
        self.come_back()
        for _ in range(200):
            self.world.clock.advance(10)
            self.outside.write_all()
            self.reconcile()
            for host in HOSTS:
                self.world.offer(host)
                self.outside.write_all()
            for task, (state, host) in list(self.tasks.items()):
                if state is not RUNNING:
                    self.tasks[task] = (RUNNING, host)
                    self.tell(task)
            self.outside.write_all()
            sent, self.world.outside.kills = self.world.outside.kills, []
            for killed, _, _ in sent:
                if self.tasks.pop(killed, None):
                    self.tell(killed, TaskState.TASK_KILLED)
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
