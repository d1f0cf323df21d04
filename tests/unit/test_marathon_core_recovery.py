"""What becomes of instances when things go wrong: failing tasks, lost agents, lost masters, other leaders."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mesosctl.runtime.marathon.core.backoff import Backoff
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.outside import (
    DeploymentAdded,
    DeploymentRemoved,
    InstanceChanged,
    InstanceRemoved,
    RootChanged,
)
from mesosctl.runtime.marathon.core.records import Condition, Goal, Snapshot
from mesosctl.runtime.marathon.core.statuses import condition_of
from mesosctl.runtime.marathon.model import App, VersionInfo
from mesosctl.runtime.protocol.basics import TaskID, TimeInfo
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from tests.unit.marathon_core import World

SLEEP: dict[str, Any] = {"id": "sleep", "cmd": "sleep 1000", "cpus": 0.1, "mem": 32}
V1, V2 = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
_Reason = TaskStatus.Reason


def app(config: str = V1, **more: Any) -> App:
    return App("/a", cmd="x", versionInfo=VersionInfo(config, config), **more)


def test_backoff_grows_to_its_maximum() -> None:
    backoff = Backoff()
    one = app(backoffSeconds=2, backoffFactor=3.0, maxLaunchDelaySeconds=20)
    delays = []
    now = 100.0
    for _ in range(4):
        delays.append(backoff.failed(one, now) - now)
        now = backoff.until(one)
    assert delays == [2, 6, 18, 20]
    assert backoff.failed(one, now + 21) == now + 21 + 2  # all was well for long enough


def test_backoff_belongs_to_a_configuration() -> None:
    backoff = Backoff()
    backoff.failed(app(), 100.0)
    scaled = msgspec.structs.replace(app(), instances=3, version=V2)
    assert backoff.until(scaled) == 101.0
    assert backoff.until(app(V2)) == 0
    backoff.reset("/a")
    assert backoff.until(app()) == 0


def test_a_failing_app_is_launched_ever_more_seldom() -> None:
    world = World()
    world.put({**SLEEP, "backoffSeconds": 10, "backoffFactor": 2})
    for incarnation, delay in enumerate((0, 10, 20, 40)):
        world.clock.advance(delay)
        [task] = world.offer()
        assert task.task_id.value.endswith(f"._app.{incarnation + 1}")
        world.status(task.task_id.value, TaskState.TASK_FAILED, message="it broke")
        assert not world.offer()
    [item] = world.marathon.queue()
    assert item.delayed_until == world.clock.now() + 80
    assert item.last_unused_offers == ()

    revives = world.outside.revives
    world.marathon.reset_delay("/sleep")
    world.clock.advance(5)
    assert world.outside.revives > revives
    assert world.offer()


@pytest.mark.parametrize(("change", "delayed"), [({"instances": 2}, True), ({"cmd": "other"}, False)])
def test_another_configuration_starts_at_once(change: dict[str, Any], delayed: bool) -> None:
    world = World()
    world.put({**SLEEP, "backoffSeconds": 100})
    [task] = world.offer()
    world.status(task.task_id.value, TaskState.TASK_FAILED)
    world.clock.advance(1)
    world.put({"id": "sleep", **change}, force=True)
    assert bool(world.offer()) is not delayed


def test_a_restart_starts_at_once() -> None:
    world = World()
    world.put({**SLEEP, "backoffSeconds": 100})
    [task] = world.offer()
    world.status(task.task_id.value)
    world.status(task.task_id.value, TaskState.TASK_FAILED)
    assert not world.offer()
    world.clock.advance(1)
    world.marathon.update_root(lambda root: root, restart=["/sleep"])
    assert world.offer()


@pytest.mark.parametrize(
    ("state", "reason", "condition"),
    [
        (TaskState.TASK_STAGING, None, Condition.STAGING),
        (TaskState.TASK_KILLING, None, Condition.KILLING),
        (TaskState.TASK_FINISHED, None, Condition.FINISHED),
        (TaskState.TASK_GONE_BY_OPERATOR, None, Condition.GONE),
        (TaskState.TASK_UNKNOWN, None, Condition.UNKNOWN),
        (TaskState.TASK_LOST, _Reason.REASON_AGENT_REMOVED, Condition.UNREACHABLE),
        (TaskState.TASK_LOST, _Reason.REASON_INVALID_OFFERS, Condition.DROPPED),
        (TaskState.TASK_LOST, _Reason.REASON_GC_ERROR, Condition.GONE),
        (TaskState.TASK_LOST, None, Condition.GONE),
    ],
)
def test_what_a_status_means(state: TaskState, reason: TaskStatus.Reason | None, condition: Condition) -> None:
    assert condition_of(TaskStatus(TaskID("t"), state, reason=reason)) is condition


def test_every_state_means_something() -> None:
    assert {condition_of(TaskStatus(TaskID("t"), state)) for state in TaskState}


def unreachable(world: World, strategy: Any, instances: int = 1) -> str:
    """The id of a task that has become unreachable."""
    world.put({**SLEEP, "instances": instances, "unreachableStrategy": strategy})
    world.settle()
    task = world.running("/sleep")[0].task
    assert task
    world.status(task.id, TaskState.TASK_UNREACHABLE)
    return task.id


def test_an_unreachable_instance_is_replaced_and_then_given_up() -> None:
    world = World()
    task = unreachable(world, {"inactiveAfterSeconds": 60, "expungeAfterSeconds": 120})
    world.clock.advance(59)
    assert world.conditions("/sleep") == [Condition.UNREACHABLE]
    world.clock.advance(2)
    assert Condition.UNREACHABLE_INACTIVE in world.conditions("/sleep")
    world.clock.advance(15 + 300)  # the scale check at the latest
    world.settle()
    assert world.conditions("/sleep") == [Condition.RUNNING]

    world.status(task)  # it comes back
    assert [kill[0] for kill in world.outside.kills] == [task]


@pytest.mark.parametrize(("constraints", "region"), [([], "home"), ([["@region", "IS", "far"]], "far")])
def test_it_is_replaced_in_the_same_region(constraints: list[list[str]], region: str) -> None:
    other = {"home": "far", "far": "home"}[region]
    world = World()
    world.marathon.connected("home")
    strategy = {"inactiveAfterSeconds": 60, "expungeAfterSeconds": 1000}
    world.put({**SLEEP, "constraints": constraints, "unreachableStrategy": strategy})
    [task] = world.offer("a1", domain=(region, "z1"))
    world.status(task.task_id.value)
    world.status(task.task_id.value, TaskState.TASK_UNREACHABLE)
    world.clock.advance(61 + 315)  # the scale check at the latest
    assert not world.offer("a2", domain=(other, "z1"))
    assert len(world.offer("a3", domain=(region, "z2"))) == 1


def test_its_replacement_waits_from_the_moment_that_it_is_inactive() -> None:
    world = World()
    unreachable(world, {"inactiveAfterSeconds": 60, "expungeAfterSeconds": 120})
    world.clock.advance(60)
    assert sorted(world.conditions("/sleep")) == [Condition.SCHEDULED, Condition.UNREACHABLE_INACTIVE]


def test_zero_replaces_at_once() -> None:
    world = World()
    unreachable(world, {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0})
    assert world.conditions("/sleep") == [Condition.SCHEDULED]


def test_disabled_waits_for_ever() -> None:
    world = World()
    task = unreachable(world, "disabled")
    world.clock.advance(10**6)
    assert world.conditions("/sleep") == [Condition.UNREACHABLE]
    world.status(task)
    assert world.conditions("/sleep") == [Condition.RUNNING]


def test_who_comes_back_after_being_replaced_is_one_too_many() -> None:
    world = World()
    task = unreachable(world, {"inactiveAfterSeconds": 10, "expungeAfterSeconds": 1000})
    world.clock.advance(10)
    world.settle()
    assert len(world.running("/sleep")) == 1
    world.status(task)
    assert len(world.outside.kills) == 1
    world.settle()
    assert world.conditions("/sleep") == [Condition.RUNNING]


def test_the_time_counts_from_what_the_master_says() -> None:
    world = World()
    world.put({**SLEEP, "unreachableStrategy": {"inactiveAfterSeconds": 60, "expungeAfterSeconds": 120}})
    world.settle()
    task = world.running("/sleep")[0].task
    assert task
    since = TimeInfo(int((world.clock.now() - 50) * 1e9))
    world.status(task.id, TaskState.TASK_UNREACHABLE, unreachable_time=since)
    world.clock.advance(10)
    assert Condition.UNREACHABLE_INACTIVE in world.conditions("/sleep")


def test_scaling_down_prefers_the_unreachable_and_does_not_wait_for_them() -> None:
    world = World()
    unreachable(world, {"inactiveAfterSeconds": 1000, "expungeAfterSeconds": 2000}, instances=2)
    world.put({"id": "sleep", "instances": 1})
    assert world.outside.kills == []
    assert world.conditions("/sleep") == [Condition.RUNNING]
    assert not world.marathon.deployments


def test_killing_the_unreachable_gives_them_up() -> None:
    world = World()
    task = unreachable(world, {"inactiveAfterSeconds": 1000, "expungeAfterSeconds": 2000})
    world.marathon.kill([task], wipe=True)
    assert world.conditions("/sleep") == [Condition.SCHEDULED]


def test_an_agent_that_is_gone() -> None:
    world = World()
    world.put(SLEEP)
    world.settle()
    task = world.running("/sleep")[0].task
    assert task
    world.status(task.id, TaskState.TASK_GONE_BY_OPERATOR)
    world.clock.advance(1)
    [new] = world.offer()
    assert new.task_id.value != task.id


def test_a_launch_that_nothing_was_heard_of_is_tried_again() -> None:
    world = World(Options(confirm_timeout=60))
    world.put(SLEEP)
    [task] = world.offer()
    world.clock.advance(100)
    assert world.conditions("/sleep") == [Condition.SCHEDULED]
    world.status(task.task_id.value)  # it was only late
    assert [kill[0] for kill in world.outside.kills] == [task.task_id.value]


def test_a_task_that_stages_for_too_long_is_killed() -> None:
    world = World(Options(launch_timeout=60))
    world.put(SLEEP)
    [task] = world.offer()
    world.status(task.task_id.value, TaskState.TASK_STAGING)
    world.clock.advance(100)
    assert [kill[0] for kill in world.outside.kills][:1] == [task.task_id.value]


@pytest.mark.parametrize(
    ("state", "killed", "told"),
    [
        (TaskState.TASK_RUNNING, True, False),
        (TaskState.TASK_STAGING, True, False),
        (TaskState.TASK_UNREACHABLE, False, False),
        (TaskState.TASK_FAILED, False, True),
    ],
)
def test_a_task_that_nobody_knows(state: TaskState, killed: bool, told: bool) -> None:
    world = World()
    world.status("shop_db.instance-1._app.1", state)
    assert bool(world.outside.kills) is killed
    assert len(world.outside.acknowledged) == 1
    assert [event["runSpecId"] for event in world.outside.events] == (["/shop/db"] if told else [])


def test_reconciliation() -> None:
    world = World()
    assert world.outside.reconciled == [None]
    world.put({**SLEEP, "instances": 2})
    world.settle(("a1",))
    world.outside.reconciled.clear()
    world.clock.advance(600)
    tasks = [(i.task.id, "agent-a1") for i in world.running("/sleep") if i.task]
    assert world.outside.reconciled == [tasks, None]

    world.marathon.disconnected()
    world.clock.advance(600)
    assert len(world.outside.reconciled) == 2
    world.marathon.connected()
    assert world.outside.reconciled[2:] == [tasks, None]


def test_the_same_news_again_is_no_news() -> None:
    world = World()
    world.put(SLEEP)
    world.settle()
    before = len(world.outside.events)
    task = world.running("/sleep")[0].task
    assert task
    world.status(task.id, reason=_Reason.REASON_RECONCILIATION)
    assert len(world.outside.events) == before
    assert len(world.running("/sleep")) == 1


def stored(world: World) -> Snapshot:
    """What a store that was told all changes holds."""
    root, instances, deployments = world.marathon.root, {}, {}
    for change in world.outside.changes:
        match change:
            case RootChanged():
                root = change.new
            case InstanceChanged(instance):
                instances[instance.id] = instance
            case InstanceRemoved(id):
                instances.pop(id, None)
            case DeploymentAdded(deployment):
                deployments[deployment.id] = deployment
            case DeploymentRemoved(id):
                deployments.pop(id, None)
    return Snapshot(root, tuple(instances.values()), tuple(deployments.values()))


def successor(world: World) -> World:
    """Another leader, at the same time."""
    return World(snapshot=stored(world), seed=2, start=world.clock.now())


def test_another_leader_knows_everything() -> None:
    world = World()
    world.put({**SLEEP, "instances": 3})
    world.settle(run=False)
    world.status(world.outside.tasks()[0].task_id.value)
    after = successor(world)
    assert after.marathon.instances() == world.marathon.instances()
    assert [p.deployment.id for p in after.marathon.deployments] == [
        p.deployment.id for p in world.marathon.deployments
    ]
    for task in world.outside.tasks():
        after.status(task.task_id.value)
    assert not after.marathon.deployments
    assert not after.outside.tasks()
    assert not after.outside.kills


@pytest.mark.parametrize("rounds", range(8))
def test_an_upgrade_goes_on_under_another_leader(rounds: int) -> None:
    world = World()
    world.put({**SLEEP, "instances": 4, "upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0.5}})
    world.settle()
    world.clock.advance(10)
    world.put({"id": "sleep", "cmd": "sleep 2000"})
    world.settle(rounds=rounds)
    after = successor(world)
    assert len([i for i in after.running("/sleep") if i.goal is Goal.RUNNING]) >= 2
    after.settle()
    for instance in after.marathon.instances():  # what was launched last and is not known to run
        if instance.condition is Condition.PROVISIONED and instance.task:
            after.status(instance.task.id)
    after.settle()
    assert [i.app.cmd for i in after.running("/sleep")] == ["sleep 2000"] * 4
    assert not after.marathon.deployments
    assert len(after.marathon.instances()) == 4


def test_kills_go_on_under_another_leader() -> None:
    world = World()
    world.put(SLEEP)
    world.settle()
    world.delete("/sleep")
    after = successor(world)
    assert after.outside.kills
    after.settle()
    assert not after.marathon.instances()
    assert not after.marathon.deployments


CHECK = {"protocol": "HTTP", "path": "/", "portIndex": 0, "delaySeconds": 1, "intervalSeconds": 10}


def test_with_one_ready_and_one_not_the_deployment_goes_on_where_it_was() -> None:
    world = World()
    world.put({**SLEEP, "instances": 2, "healthChecks": [CHECK]})
    world.settle()
    first, second = world.running("/sleep")
    world.clock.advance(1)
    world.answer(200, app=first.id)
    world.answer(500, app=second.id)
    after = successor(world)
    after.clock.advance(1)
    after.answer(200, app=first.id)
    after.answer(500, app=second.id)
    assert after.marathon.deployments
    assert not after.outside.kills
    assert not after.outside.tasks()
    after.clock.advance(10)
    after.answer(200)
    assert not after.marathon.deployments
    assert {i.id for i in after.running("/sleep")} == {first.id, second.id}


def test_with_two_unhealthy_the_upgrade_goes_on_where_it_was() -> None:
    world = World()
    world.put({**SLEEP, "instances": 2, "healthChecks": [CHECK]})
    world.settle()
    world.clock.advance(1)
    world.answer(200)
    old = {i.id for i in world.running("/sleep")}
    world.put({"id": "sleep", "cmd": "sleep 2000"})
    world.settle()
    assert len(world.running("/sleep")) == 4
    after = successor(world)
    after.clock.advance(1)
    for id in old:
        after.answer(200, app=id)
    after.answer(500)
    assert len(after.running("/sleep")) == 4
    assert not after.outside.kills
    assert not after.outside.tasks()
    after.clock.advance(10)
    after.answer(200)
    after.settle()
    assert not after.marathon.deployments
    assert not old & {i.id for i in after.running("/sleep")}
    assert len(after.running("/sleep")) == 2
