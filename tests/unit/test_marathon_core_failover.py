"""What a new leader does not take for granted, and news that come late or twice."""

from __future__ import annotations

from mesosctl.runtime.marathon.core.outside import ProbeResult
from mesosctl.runtime.protocol.tasks import TaskState
from tests.unit.marathon_core import World
from tests.unit.test_marathon_core_recovery import SLEEP, successor


def test_a_new_leader_asks_how_the_old_ones_are_before_it_kills_any() -> None:
    check = {"protocol": "HTTP", "path": "/", "portIndex": 0, "delaySeconds": 15, "maxConsecutiveFailures": 0}
    world = World()
    strategy = {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}
    world.put({**SLEEP, "instances": 4, "healthChecks": [check], "upgradeStrategy": strategy})
    world.settle()
    world.clock.advance(60)
    world.answer(200)
    assert not world.marathon.deployments
    world.outside.waiting = []  # the leader dies when the deployment is stored
    world.put({**SLEEP, "cmd": "v2"})
    after = successor(world)
    after.clock.advance(0)
    assert after.outside.kills == []
    probes, after.outside.probes = after.outside.probes, []
    ill, well = probes[:2], probes[2:]
    assert len(well) == 2  # asked at once: the tasks are older than the delay
    for probe in (*ill, *well):
        after.marathon.probed(probe, ProbeResult(connected=True, status=200 if probe in well else 500))
    after.clock.advance(400)  # the grace period, too
    for probe in after.outside.probes:
        after.marathon.probed(probe, ProbeResult(connected=True, status=200 if probe.task_id in str(well) else 500))
    after.clock.advance(0)
    assert {task for task, _, _ in after.outside.kills} == {probe.task_id for probe in ill}


def test_a_new_leader_knows_what_agents_told_of_their_checks() -> None:
    world = World()
    world.put({**SLEEP, "healthChecks": [{"protocol": "COMMAND", "command": {"value": "true"}}]})
    world.settle()
    (instance,) = world.running("/sleep")
    world.status(instance.task_id, healthy=True)
    after = successor(world)
    assert after.marathon.healthy(after.running("/sleep")[0]) is True


def test_news_that_were_overtaken_change_nothing() -> None:
    world = World()
    world.put(SLEEP)
    world.settle()
    (instance,) = world.running("/sleep")
    world.outside.acknowledged.clear()
    world.status(instance.task_id, TaskState.TASK_STARTING)
    assert world.running("/sleep") == [instance]
    assert len(world.outside.acknowledged) == 1


def test_a_launch_on_its_way_is_not_asked_for() -> None:
    """The master would not know it yet, and call it gone."""
    world = World()
    world.clock.advance(590)
    world.put(SLEEP)
    world.settle(run=False)
    world.outside.reconciled.clear()
    world.clock.advance(25)
    assert world.outside.reconciled == [None]
