"""Seeded upgrades while leaders die and agents come and go: none takes more from an app than it may."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mesosctl.runtime.marathon.core.outside import ProbeResult
from mesosctl.runtime.marathon.model import apps, config_version
from tests.unit.test_marathon_core_simulation import CHECK, RUNNING, STEPS, Cluster


class Upgrades(Cluster):
    """Nothing but upgrades of one app, as its leaders die and its agents come and go. No news gets lost."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.loses = 0
        self.count = self.random.choice((3, 10))
        self.least = 0
        self.killing: set[str] = set()
        """Tasks whose kill was sent."""
        self.raw: dict[str, Any] = {
            "id": "web",
            "cmd": "v0",
            "cpus": 0.1,
            "mem": 10,
            "instances": self.count,
            "healthChecks": [{**CHECK, "maxConsecutiveFailures": 0}],
            "unreachableStrategy": {"inactiveAfterSeconds": 20, "expungeAfterSeconds": 200},
        }
        self.versions = 0

    def act(self) -> None:
        several = (self.offer, self.run, self.write, self.write, self.probe, self.end, self.wait)
        self.random.choice((*several * 3, self.vanish, self.come_back, self.come_back, self.upgrade, self.succeed))()

    def upgrade(self) -> None:
        if not self.world.marathon.deployments:
            self.versions += 1
            minimum = self.random.choice((0.5, 0.8, 1))
            self.least = min(self.least, math.ceil(self.count * minimum)) or math.ceil(self.count * minimum)
            strategy = {"minimumHealthCapacity": minimum, "maximumOverCapacity": self.random.choice((0, 0.3))}
            self.world.put({**self.raw, "cmd": f"v{self.versions}", "upgradeStrategy": strategy})

    def probe(self) -> None:
        probes, self.world.outside.probes = self.world.outside.probes, []
        for probe in probes:
            answers = probe.task_id in self.tasks and self.tasks[probe.task_id][1] not in self.away
            self.world.marathon.probed(probe, ProbeResult(answers, 200 if answers else None))

    def wait(self) -> None:
        self.world.clock.advance(self.random.choice((1, 3)))

    def serving(self) -> int:
        """Tasks that run, on agents that are there, and that nobody was told to end."""
        return sum(
            state is RUNNING and host not in self.away and task not in self.killing
            for task, (state, host) in self.tasks.items()
        )

    def killed(self, task_id: str) -> None:
        """Of what serves, only so much that enough is left. The unhealthy go in any case, and those that were given up
        while they were away."""
        state, host = self.tasks.get(task_id, (None, ""))
        counts = state is RUNNING and host not in self.away and task_id not in self.killing
        self.killing.add(task_id)
        instance = self.world.marathon.instance_of(task_id)
        if counts and instance and self.world.marathon.healthy(instance) is not False:
            assert self.serving() >= self.least, f"{task_id} was killed: {self.serving()} of {self.least} are left"

    def vanish(self) -> None:
        """All is told at once: nobody can know what was not told."""
        advance = self.world.clock.advance
        self.world.clock.advance = lambda _: None  # type: ignore[method-assign]
        super().vanish()
        self.world.clock.advance = advance  # type: ignore[method-assign]
        self.world.clock.advance(0)

    def _note_wanted(self) -> None:
        pass


@pytest.mark.parametrize("seed", range(20))
def test_no_upgrade_takes_more_than_it_may(seed: int) -> None:
    cluster = Upgrades(seed)
    cluster.world.put(cluster.raw)
    cluster.outside.write_all()
    while len(cluster.world.running("/web")) < cluster.count or cluster.world.marathon.deployments:
        for act in (cluster.offer, cluster.run, cluster.write, cluster.probe, cluster.wait):
            act()
    for _ in range(STEPS):
        cluster.act()
    cluster.least = 0
    cluster.calm_down()
    running = cluster.world.running("/web")
    assert not cluster.world.marathon.deployments
    assert {i.task_id for i in running} == set(cluster.tasks)
    assert len(running) == cluster.count
    assert {config_version(i.app) for i in running} == {config_version(apps(cluster.store.root)["/web"])}
