"""The leading Marathon, the leading master and an agent's host are lost in the middle of a rolling deploy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.integration.marathon import Marathon
from tests.integration.marathon_site import Site, Watch, serving
from tests.integration.zookeeper import ZooKeeper

INSTANCES, LEAST = 20, 16
APP: dict[str, Any] = {
    "id": "/rolling",
    "cmd": "exec socat TCP-LISTEN:$PORT0,fork,reuseaddr SYSTEM:true",
    "cpus": 0.01,
    "mem": 16,
    "instances": INSTANCES,
    "portDefinitions": [{"port": 0}],
    "upgradeStrategy": {"minimumHealthCapacity": LEAST / INSTANCES, "maximumOverCapacity": 0.2},
    "healthChecks": [
        {
            "protocol": "TCP",
            "portIndex": 0,
            "delaySeconds": 0,
            "intervalSeconds": 1,
            "timeoutSeconds": 5,
            "gracePeriodSeconds": 60,
            "maxConsecutiveFailures": 3,
        }
    ],
}


FLAGS = ("--max_tasks_per_offer", "4")
SESSION_SECONDS = 6.0


class Rolling:
    """Twenty instances, and a deployment of them that has begun."""

    def __init__(self, site: Site, marathons: list[Marathon]) -> None:
        self.site = site
        self.marathons = marathons
        self._number = 0

    @property
    def leader(self) -> Marathon:
        """Waits for one. Who has lost its leadership, and so has ended, is started again as its service would."""
        return self.once(lambda _: True)

    def deploy(self) -> None:
        """Returns when some of the new instances run, and some of the old."""
        self._number += 1
        version = self.leader.change("PUT", "/v2/apps/rolling", {"env": {"ROUND": str(self._number)}})["version"]
        leader = self.once(lambda it: sum(task["version"] == version for task in it.running("/rolling")) >= 4)
        assert leader.get("/v2/deployments").json

    def end(self) -> None:
        """The deployment ends, and there is what was asked for and nothing else."""
        leader = self.once(lambda it: it.get("/v2/deployments").json == [])
        app = leader.get("/v2/apps/rolling").json["app"]
        tasks = app["tasks"]
        assert len(tasks) == INSTANCES
        assert {task["version"] for task in tasks} == {app["version"]}
        wanted = {task["id"]: "TASK_RUNNING" for task in tasks}
        self.site.wait(lambda: self.site.tasks() == wanted, lambda: f"{self.site.tasks()} instead of {wanted}")
        ports = {task["ports"][0] for task in tasks}
        self.site.wait(lambda: serving() == ports, lambda: f"{serving()} instead of {ports}")
        self.once(lambda it: len(_healthy(it)) == INSTANCES)

    def once(self, condition: Callable[[Marathon], bool]) -> Marathon:
        """The leader, as soon as this is so for it."""
        found: list[Marathon] = []

        def look() -> bool:
            for each in self.marathons:
                if each.has_ended:
                    each.start(*FLAGS)
                with suppress(OSError):
                    if _leads(each) and condition(each):
                        found.append(each)
            return bool(found)

        self.site.wait(look)
        return found[0]


@pytest.fixture(scope="module")
def rolling(tmp_path_factory: pytest.TempPathFactory, zookeeper: ZooKeeper) -> Iterator[Rolling]:
    folder = tmp_path_factory.mktemp("faults")
    site = Site(folder, zookeeper.url(f"{folder.name}/mesos"))
    marathons = [
        Marathon(folder, site.master, zookeeper.url(f"{folder.name}/marathon"), SESSION_SECONDS) for _ in range(2)
    ]
    try:
        for _ in range(2):
            site.start_master()
        for number in (1, 2):
            site.start_agent(number)
        for each in marathons:
            each.start(*FLAGS)
        rolling = Rolling(site, marathons)
        rolling.leader.change("POST", "/v2/apps", APP)
        rolling.end()
        yield rolling
    finally:
        for each in marathons:
            each.kill()
        site.stop()


def test_the_leading_marathon_is_killed(rolling: Rolling) -> None:
    with Watch() as watch:
        rolling.deploy()
        leader = rolling.leader
        leader.kill()
        rolling.end()
    assert rolling.leader is not leader
    assert watch.least() >= LEAST
    leader.start(*FLAGS)


def test_the_leading_master_is_killed(rolling: Rolling) -> None:
    with Watch() as watch:
        rolling.deploy()
        port = rolling.site.leader()
        rolling.site.kill(f"master-{port}")
        rolling.end()
    assert watch.least() >= LEAST
    rolling.site.start_master(port)


def test_an_agents_host_is_lost(rolling: Rolling) -> None:
    """What it takes along is gone. From when Marathon knows, nothing more goes until there is enough again."""
    site, host = rolling.site, rolling.site.host(2)
    with Watch() as watch:
        rolling.deploy()
        site.lose_host(2)
        leader = rolling.once(lambda it: host not in {task["host"] for task in _healthy(it)})
        known, left = time.monotonic(), len(serving())
        rolling.end()
    assert watch.least(known) >= min(LEAST, left)
    assert {task["host"] for task in leader.tasks("/rolling")} == {site.host(1)}
    site.start_agent(2)
    rolling.end()


def _leads(marathon: Marathon) -> bool:
    if not marathon.answers or marathon.get("/v2/leader").json.get("leader") != marathon.address:
        return False
    return marathon.get("/v2/deployments").status == 200


def _healthy(marathon: Marathon) -> list[dict[str, Any]]:
    return [
        task
        for task in marathon.running("/rolling")
        if all(result["alive"] for result in task.get("healthCheckResults", [{"alive": False}]))
    ]
