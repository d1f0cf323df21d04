"""The launch queue: which apps have their turn, what offers are asked for and refused, and whom to kill."""

from __future__ import annotations

from typing import Any

import pytest

from mesosctl.runtime.marathon.core.constraints import agent_of
from mesosctl.runtime.marathon.core.kill_selection import select
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.records import Condition, Instance
from mesosctl.runtime.marathon.model import App, Constraint
from tests.unit.marathon_core import World, offer

APP: dict[str, Any] = {"cmd": "x", "cpus": 1, "mem": 10, "portDefinitions": []}


def test_apps_take_turns() -> None:
    world = World()
    world.put({**APP, "id": "a", "instances": 3}, {**APP, "id": "b", "instances": 3})
    tasks = world.offer(resources="cpus:4;mem:1000")
    assert sorted(task.name for task in tasks) == ["a", "a", "b", "b"]
    assert len({task.agent_id for task in tasks}) == 1


def test_so_many_of_an_offer_and_no_more() -> None:
    world = World(Options(max_instances_per_offer=2))
    world.put({**APP, "id": "a", "instances": 5})
    assert len(world.offer()) == 2


def test_one_that_does_not_fit_does_not_hold_up_the_others() -> None:
    world = World()
    world.put({**APP, "id": "big", "cpus": 100}, {**APP, "id": "small"})
    assert [task.name for task in world.offer()] == ["small"]
    [item] = world.marathon.queue()
    assert item.app.id == "/big"


def test_what_the_queue_tells() -> None:
    world = World()
    world.put({**APP, "id": "a", "cpus": 4, "constraints": [["rack", "LIKE", "r1"]]})
    began = world.clock.now()
    world.clock.advance(3)
    world.offer("a1", resources="cpus:1;mem:1")
    world.offer("a2", resources="cpus:1;mem:100", attributes={"rack": "r1"})
    world.offer("a2", resources="cpus:2;mem:100", attributes={"rack": "r1"})
    [item] = world.marathon.queue()
    assert (item.count, item.since, item.processed, item.unused) == (1, began, 3, 3)
    assert (item.last_unused_at, item.last_used_at) == (began + 3, None)
    assert [u.reasons for u in item.last_unused_offers] == [
        ("UnfulfilledConstraint", "InsufficientCpus", "InsufficientMemory"),
        ("InsufficientCpus",),
    ]
    assert list(item.reject_launch_attempt.items())[:5] == [
        ("UnfulfilledRole", (0, 3)),
        ("UnfulfilledConstraint", (1, 3)),
        ("NoCorrespondingReservationFound", (0, 2)),
        ("AgentMaintenance", (0, 2)),
        ("InsufficientCpus", (2, 2)),
    ]
    assert item.reject_last_offers["InsufficientCpus"] == (1, 1)

    world.offer("a3", resources="cpus:4;mem:100", attributes={"rack": "r1"})
    assert world.marathon.queue() == []


def test_offers_are_declined_and_when_nothing_waits_none_are_wanted() -> None:
    world = World(Options(revive_seconds=5))
    world.offer()
    assert (len(world.outside.declined), world.outside.suppressed, world.outside.revives) == (1, 1, 0)
    world.offer()
    assert world.outside.suppressed == 1

    world.put({**APP, "id": "a"})
    assert world.outside.revives == 1
    world.put({**APP, "id": "b"})
    assert world.outside.revives == 1
    world.clock.advance(5)
    assert world.outside.revives == 2
    world.clock.advance(100)
    assert world.outside.revives == 2


def test_without_a_master_nothing_is_asked() -> None:
    world = World()
    world.marathon.disconnected()
    world.put({**APP, "id": "a"})
    world.clock.advance(100)
    assert world.outside.revives == 0
    world.marathon.connected()
    assert world.outside.revives == 1


RACKS = {name: agent_of(offer(name, attributes={"rack": f"r{name[1]}"})) for name in ("a1", "a2", "a3")}


def instance(id: str, created: float, host: str, condition: Condition = Condition.RUNNING) -> Instance:
    return Instance(id, App("/a"), since=0, condition=condition, created=created, agent=RACKS[host])


@pytest.mark.parametrize(
    ("selection", "count", "preferred", "chosen"),
    [
        ("YOUNGEST_FIRST", 2, (), "staging young"),
        ("OLDEST_FIRST", 2, (), "staging old"),
        ("YOUNGEST_FIRST", 1, ("old",), "old"),
        ("YOUNGEST_FIRST", 3, ("old",), "old staging young"),
        ("YOUNGEST_FIRST", 9, (), "staging young middle old"),
        ("YOUNGEST_FIRST", 0, (), ""),
    ],
)
def test_whom_to_kill(selection: Any, count: int, preferred: tuple[str, ...], chosen: str) -> None:
    there = [
        instance("old", 1, "a1"),
        instance("middle", 2, "a1"),
        instance("young", 3, "a1"),
        instance("staging", 0, "a1", Condition.STAGING),
    ]
    found = select(App("/a", killSelection=selection), there, count, preferred)
    assert [i.id for i in found] == chosen.split()


def test_the_unhealthy_go_first() -> None:
    there = [instance("ill", 1, "a1"), instance("well", 2, "a1")]
    found = select(App("/a"), there, 1, (), lambda i: i.id == "well")
    assert [i.id for i in found] == ["ill"]


def test_groups_stay_even() -> None:
    spread = App("/a", constraints=(Constraint("rack", "GROUP_BY", "3"),))
    there = [
        instance("1", 1, "a1"),
        instance("2", 2, "a1"),
        instance("3", 3, "a1"),
        instance("4", 4, "a2"),
        instance("5", 5, "a2"),
        instance("6", 6, "a3"),
    ]
    assert [i.id for i in select(spread, there, 3)] == ["3", "5", "2"]
