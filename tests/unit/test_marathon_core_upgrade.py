"""Rolling upgrades: what is decided in a moment, and that whole upgrades keep within their limits."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from mesosctl.runtime.marathon.core.records import Condition, Goal, Instance
from mesosctl.runtime.marathon.core.wanted import View, Wanted, decide
from mesosctl.runtime.marathon.model import App, UpgradeStrategy, VersionInfo
from mesosctl.runtime.protocol.tasks import TaskState
from tests.unit.marathon_core import World

OLD, NEW = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
WEB: dict[str, Any] = {"id": "web", "cmd": "v1", "cpus": 0.1, "mem": 32, "instances": 4}


def app(version: str, count: int, minimum: float, over: float) -> App:
    strategy = UpgradeStrategy(maximumOverCapacity=over, minimumHealthCapacity=minimum)
    return App(
        "/web", cmd="x", instances=count, upgradeStrategy=strategy, version=version,
        versionInfo=VersionInfo(version, version),
    )  # fmt: skip


def instances(letters: str, minimum: float, over: float) -> list[Instance]:
    """`o` old and running; the same: `u` unhealthy, `q` nothing was heard of; `s` old and staging, `w` old and waiting,
    `x` old and given up, `l` old and leaving, `n` new and ready, `p` new and not ready."""
    conditions = {"s": Condition.STAGING, "w": Condition.SCHEDULED, "x": Condition.UNREACHABLE_INACTIVE}
    return [
        Instance(
            id=f"{letter}{number}",
            app=app(NEW if letter in "np" else OLD, 4, minimum, over),
            since=0,
            created=number,
            condition=conditions.get(letter, Condition.RUNNING),
            goal=Goal.DECOMMISSIONED if letter == "l" else Goal.RUNNING,
        )
        for number, letter in enumerate(letters)
    ]


VIEW = View(
    healthy=lambda i: False if i.id[0] == "u" else None, ready=lambda i: i.id[0] in "no", heard=lambda i: i.id[0] != "q"
)


@pytest.mark.parametrize(
    ("minimum", "over", "there", "launch", "kill"),
    [
        (1, 1, "oooo", 4, ""),
        (1, 1, "oooopppp", 0, ""),
        (1, 1, "oooonnpp", 0, "oo"),
        (1, 1, "oooonnnn", 0, "oooo"),
        (1, 1, "llllnnnn", 0, ""),
        (1, 0, "oooo", 1, ""),
        (1, 0, "oooon", 0, "o"),
        (1, 0, "ooonl", 0, ""),
        (1, 0, "ooon", 1, ""),
        (0.5, 0, "oooo", 0, "oo"),
        (0.5, 0, "ooll", 0, ""),
        (0.5, 0, "oo", 2, ""),
        (0.5, 0, "oonp", 0, "o"),
        (0, 0, "oooo", 0, "oooo"),
        (0, 1, "oooo", 4, "oooo"),
        (0.75, 0.25, "oooo", 1, "o"),
        (1, 0.25, "oooo", 1, ""),
        (1, 1, "oouu", 4, "uu"),
        (1, 1, "ooos", 4, "s"),
        (1, 1, "ooow", 4, "w"),
        (1, 1, "o", 4, ""),
        (1, 0, "oooooo", 0, "oo"),
        (1, 1, "onnnnn", 0, "on"),
        (0.5, 0, "qqqq", 0, ""),
        (0.5, 0, "ooqq", 0, ""),
        (0.5, 0, "oooq", 0, "q"),
        (1, 1, "qqnnnn", 0, "qq"),
        (1, 1, "xnnnn", 0, "x"),
    ],
)
def test_what_is_done_at_once(minimum: float, over: float, there: str, launch: int, kill: str) -> None:
    wanted = Wanted(app(NEW, 4, minimum, over), 4, replace=True, since=0)
    decision = decide(wanted, instances(there, minimum, over), VIEW)
    assert (decision.launch, "".join(i.id[0] for i in decision.kill)) == (launch, kill)
    assert not decision.done or set(there) <= set("n")


def test_it_is_done_when_the_new_ones_are_ready_and_the_old_ones_gone() -> None:
    wanted = Wanted(app(NEW, 4, 1, 1), 4, replace=True, since=0)
    for there, done in (("nnnn", True), ("nnnp", False), ("nnnnl", False), ("nnn", False)):
        assert decide(wanted, instances(there, 1, 1), VIEW).done is done, there


@pytest.mark.parametrize(
    ("count", "minimum", "over", "seed"),
    [(*strategy, seed) for strategy in itertools.product((1, 2, 5, 10), (0, 0.5, 1), (0, 0.2, 1)) for seed in range(2)],
)
def test_a_whole_upgrade_stays_within_its_limits(count: int, minimum: float, over: float, seed: int) -> None:
    """Task by task, in an order that the seed gives."""
    world = World(seed=seed)
    strategy = {"minimumHealthCapacity": minimum, "maximumOverCapacity": over}
    world.put({**WEB, "instances": count, "upgradeStrategy": strategy})
    world.settle()
    world.clock.advance(100)
    world.put({"id": "web", "cmd": "v2"})
    random = world.marathon._random
    least = math.ceil(count * minimum)
    most = max(count + math.floor(count * over), least + 1)
    staging: list[str] = []
    for _ in range(1000):
        if not world.marathon.deployments:
            break
        staging += [task.task_id.value for host in ("a1", "a2") for task in world.offer(host)]
        killed = [task for task, _, _ in world.outside.kills]
        both = [*((task, TaskState.TASK_RUNNING) for task in staging), *((t, TaskState.TASK_KILLED) for t in killed)]
        if both:
            task, state = random.choice(both)
            (staging.remove(task) if state is TaskState.TASK_RUNNING else None)
            world.outside.kills = [kill for kill in world.outside.kills if kill[0] != task]
            world.status(task, state)
        there = world.marathon.instances("/web")
        serving = [i for i in there if i.condition is Condition.RUNNING and i.goal is Goal.RUNNING]
        assert len(serving) >= least
        assert len(there) <= most
    assert not world.marathon.deployments
    assert [i.app.cmd for i in world.running("/web")] == ["v2"] * count


def test_restart() -> None:
    world = World()
    world.put(WEB)
    world.settle()
    before = {i.id for i in world.running("/web")}
    world.clock.advance(1)
    deployment = world.marathon.update_root(lambda root: root, restart=["/web"])
    assert [[a.name for a in step.actions] for step in deployment.steps] == [["RestartApplication"]]
    world.settle()
    after = {i.id for i in world.running("/web")}
    assert len(after) == 4
    assert not after & before
    info = world.marathon.apps["/web"].versionInfo
    assert info == VersionInfo(deployment.version, deployment.version)


def test_a_rollback_keeps_what_is_still_there_and_removes_the_rest() -> None:
    world = World()
    world.put({**WEB, "upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0.5}})
    world.settle()
    world.clock.advance(10)
    update = world.put({"id": "web", "cmd": "v2"})
    world.settle(run=False)  # two of the old ones are left, none of the new ones runs
    left = {i.id for i in world.running("/web")}
    assert len(left) == 2

    back = world.marathon.cancel(update.id)
    assert back
    assert back.version > update.version
    world.settle()
    assert not world.marathon.deployments
    assert left < {i.id for i in world.running("/web")}
    assert [i.app.cmd for i in world.running("/web")] == ["v1"] * 4
    assert world.marathon.apps["/web"].cmd == "v1"


def test_forcing_a_smaller_number_ends_an_upgrade_that_is_stuck() -> None:
    world = World()
    world.put({**WEB, "upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}})
    world.settle()
    world.clock.advance(10)
    world.put({"id": "web", "cmd": "v2"})
    world.settle(run=False)
    deployment = world.put({"id": "web", "instances": 2}, force=True)
    assert [[a.name for a in step.actions] for step in deployment.steps] == [["RestartApplication"]]
    for task in world.outside.tasks()[-2:]:
        world.status(task.task_id.value)
    world.settle()
    assert [i.app.cmd for i in world.running("/web")] == ["v2"] * 2


def test_after_a_stopped_upgrade_both_versions_stay() -> None:
    world = World()
    world.put({**WEB, "upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}})
    world.settle()
    world.clock.advance(10)
    update = world.put({"id": "web", "cmd": "v2"})
    world.settle(run=False)
    world.marathon.cancel(update.id, force=True)
    world.clock.advance(600)
    assert [i.app.cmd for i in world.running("/web")] == ["v1"] * 2
    assert len(world.marathon.instances("/web")) == 4
