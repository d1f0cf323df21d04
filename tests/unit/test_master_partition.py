"""Agents and schedulers that cannot be reached for a while, and what becomes of their tasks.

The situations are those of Apache Mesos' own tests of partitions (see tests/mesos-tests.d).
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.master.views.frameworks import framework_view
from mesosctl.runtime.protocol.basics import ExecutorID, FrameworkID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.errors import Refusal
from tests.unit.master_cluster import AGENT, FRAMEWORK, INFO, OLD_INFO, Cluster, running

PARTITION_SECONDS = 76
KINDS = pytest.mark.parametrize("info", [INFO, OLD_INFO], ids=["partition aware", "not aware"])


def launched(info: dict[str, Any], *task_ids: str, **options: Any) -> Cluster:
    """Tasks that run, on an agent that answers no more from now on."""
    cluster = Cluster(**options)
    cluster.register()
    cluster.subscribe(**info)
    cluster.launch(*task_ids)
    for task_id in task_ids:
        cluster.update(task_id, "TASK_RUNNING")
    cluster.take("s1")
    return cluster


def partitioned(info: dict[str, Any], *task_ids: str, **options: Any) -> Cluster:
    cluster = launched(info, *task_ids, **options)
    cluster.clock.advance(PARTITION_SECONDS)
    cluster.take("s1")
    return cluster


def reconcile(cluster: Cluster, task_id: str, stream: str = "s1", agent_id: str | None = AGENT) -> tuple[str, bool]:
    """The state that the master answers with, and whether it says since when that is so."""
    asked = {"task_id": {"value": task_id}, **({"agent_id": {"value": agent_id}} if agent_id else {})}
    cluster.take(stream)
    cluster.call(stream, "RECONCILE", tasks=[asked])
    (event,) = cluster.take(stream, "UPDATE")
    assert event.update
    assert event.update.status.reason == "REASON_RECONCILIATION"
    return event.update.status.state.value, event.update.status.unreachable_time is not None


def tasks_of(cluster: Cluster) -> dict[str, list[tuple[str, str]]]:
    """What `/state` shows of the framework's tasks."""
    view: Any = msgspec.to_builtins(framework_view(cluster.master.state.frameworks[FRAMEWORK]))
    kinds = ("tasks", "unreachable_tasks", "completed_tasks")
    return {kind: [(each["id"], each["state"]) for each in view[kind]] for kind in kinds if view[kind]}


@KINDS
def test_an_agent_that_comes_back_has_its_tasks_still(info: dict[str, Any]) -> None:
    cluster = partitioned(info, "t")
    lost = "TASK_UNREACHABLE" if info is INFO else "TASK_LOST"
    assert reconcile(cluster, "t") == (lost, True)
    assert tasks_of(cluster) == {"unreachable_tasks": [("t", lost)]}
    cluster.register("a2", AGENT, (running("t"),))
    assert cluster.statuses() == [("t", "TASK_RUNNING", "REASON_AGENT_REREGISTERED")]
    assert not cluster.messages(internal.KillTask, "a2")
    assert not cluster.messages(internal.ShutdownFramework, "a2")
    assert reconcile(cluster, "t") == ("TASK_RUNNING", False)
    assert tasks_of(cluster) == {"tasks": [("t", "TASK_RUNNING")]}


@KINDS
def test_a_task_that_finished_meanwhile(info: dict[str, Any]) -> None:
    """The master tells at once, the agent tells what has to be acknowledged."""
    cluster = partitioned(info, "t")
    cluster.register("a2", AGENT, (running("t", "TASK_FINISHED"),))
    uuid = cluster.update("t", "TASK_FINISHED", stream="a2")
    told = [event.update.status for event in cluster.take("s1", "UPDATE") if event.update]
    assert [(each.state, each.source) for each in told] == [
        ("TASK_FINISHED", "SOURCE_MASTER"),
        ("TASK_FINISHED", "SOURCE_EXECUTOR"),
    ]
    assert [each.uuid for each in told] == [None, uuid]
    acknowledge(cluster, uuid)
    assert reconcile(cluster, "t") == ("TASK_GONE" if info is INFO else "TASK_LOST", False)
    assert tasks_of(cluster) == {"completed_tasks": [("t", "TASK_FINISHED")]}
    assert not cluster.master.state.agents[AGENT].used


def acknowledge(cluster: Cluster, uuid: bytes, task_id: str = "t") -> None:
    body = {"agent_id": {"value": AGENT}, "task_id": {"value": task_id}, "uuid": uuid}
    cluster.call("s1", "ACKNOWLEDGE", **body)


@KINDS
def test_a_task_that_had_ended_keeps_its_state(info: dict[str, Any]) -> None:
    """Its framework knows the end, though it has not acknowledged it: there is nothing more to tell."""
    cluster = launched(info, "t")
    cluster.update("t", "TASK_FINISHED")
    cluster.take("s1")
    cluster.clock.advance(PARTITION_SECONDS)
    assert cluster.statuses() == []
    assert tasks_of(cluster) == {"unreachable_tasks": [("t", "TASK_FINISHED")]}


@pytest.mark.parametrize(("info", "told"), [(INFO, [("t", "TASK_GONE", "REASON_RECONCILIATION")]), (OLD_INFO, [])])
def test_a_task_that_does_not_come_back_with_its_agent(info: dict[str, Any], told: list[object]) -> None:
    """Its launch never arrived: nobody waits for it any more. To the older frameworks it is lost already."""
    cluster = partitioned(info, "t")
    cluster.register("a2", AGENT)
    assert cluster.statuses() == told
    assert list(tasks_of(cluster)) == ["completed_tasks"]


def test_a_launch_that_was_under_way() -> None:
    """The agent comes back without a task that the master sent: it never arrived."""
    cluster = Cluster()
    cluster.register()
    cluster.subscribe()
    cluster.launch("t")
    cluster.clock.advance(PARTITION_SECONDS)
    assert cluster.statuses() == [("t", "TASK_UNREACHABLE", "REASON_AGENT_REMOVED")]
    cluster.register("a2", AGENT)
    assert reconcile(cluster, "t") == ("TASK_GONE", False)
    assert cluster.master.state.agents[AGENT].used == {}


def test_what_a_partitioned_agent_says_is_not_heard() -> None:
    cluster = partitioned(INFO, "t")
    with pytest.raises(Refusal):
        cluster.update("t", "TASK_FINISHED")
    with pytest.raises(Refusal):
        cluster.send("a1", internal.ExecutorExited(FrameworkID(FRAMEWORK), ExecutorID("e"), 9))
    with pytest.raises(Refusal):
        cluster.send("a1", internal.Pong())
    assert [event for event in cluster.take("s1") if event.type != "HEARTBEAT"] == []
    cluster.register("a2", AGENT, (running("t"),))
    cluster.take("s1")
    cluster.update("t", "TASK_FINISHED", stream="a2")
    assert cluster.statuses() == [("t", "TASK_FINISHED", None)]


@KINDS
def test_an_agent_that_connects_anew_without_need(info: dict[str, Any]) -> None:
    cluster = launched(info, "t")
    cluster.register("a2", AGENT, (running("t"),))
    assert cluster.statuses() == []
    assert cluster.closed == {"a1"}
    assert reconcile(cluster, "t") == ("TASK_RUNNING", False)
    cluster.pass_with_pongs(100, "a2")
    assert AGENT in cluster.master.state.agents


@KINDS
def test_a_framework_that_was_away_when_its_agent_was_lost(info: dict[str, Any]) -> None:
    cluster = launched({**info, "failover_timeout": 1000.0}, "t")
    cluster.master.scheduler_disconnected("s1")
    cluster.clock.advance(PARTITION_SECONDS)
    cluster.subscribe("s2", **{**info, "failover_timeout": 1000.0})
    assert reconcile(cluster, "t", "s2") == ("TASK_UNREACHABLE" if info is INFO else "TASK_LOST", True)


@KINDS
def test_a_task_whose_framework_is_over_is_shut_down_when_the_agent_is_back(info: dict[str, Any]) -> None:
    cluster = partitioned(info, "t")
    cluster.call("s1", "TEARDOWN")
    cluster.register("a2", AGENT, (running("t"),))
    assert len(cluster.messages(internal.ShutdownFramework, "a2")) == 1
    assert not cluster.master.state.agents[AGENT].tasks
    assert not cluster.master.state.agents[AGENT].used


@KINDS
def test_a_new_master_knows_who_was_unreachable(info: dict[str, Any]) -> None:
    before = partitioned(info, "t")
    cluster = Cluster(before.registry)
    cluster.subscribe(**info)
    assert reconcile(cluster, "t") == ("TASK_UNREACHABLE" if info is INFO else "TASK_LOST", True)
    framework = msgspec.convert({**info, "id": {"value": FRAMEWORK}}, FrameworkInfo)
    cluster.register("a1", AGENT, (running("t"),), (framework,))
    assert not cluster.messages(internal.KillTask)
    assert not cluster.messages(internal.ShutdownFramework)
    assert reconcile(cluster, "t") == ("TASK_RUNNING", False)
    assert tasks_of(cluster) == {"tasks": [("t", "TASK_RUNNING")]}
    assert AGENT not in cluster.master.state.unreachable


def test_one_loss_is_told_once() -> None:
    cluster = launched(INFO, "t")
    cluster.clock.advance(10 * PARTITION_SECONDS)
    assert cluster.statuses() == [("t", "TASK_UNREACHABLE", "REASON_AGENT_REMOVED")]


def test_a_scheduler_that_hears_nothing_is_not_forgotten_while_its_stream_is_open() -> None:
    """The master cannot know of it: the scheduler misses heartbeats and subscribes anew."""
    cluster = launched(INFO, "t")
    cluster.pass_with_pongs(600, "a1")
    cluster.subscribe("s2")
    assert [event.type for event in cluster.take("s1")][-1] == "ERROR"
    cluster.take("s2")
    assert reconcile(cluster, "t", "s2") == ("TASK_RUNNING", False)


def test_an_agent_that_hears_nothing_is_not_offered_from() -> None:
    """It answers no pings, and connects anew when it has missed them."""
    cluster = launched(INFO)
    cluster.clock.advance(PARTITION_SECONDS)
    assert "a1" in cluster.closed
    assert not cluster.master.state.offers
    cluster.register("a2", AGENT)
    cluster.offer()


def test_an_agent_that_comes_back_while_it_would_be_forgotten_is_not() -> None:
    cluster = Cluster(registry_max_agent_age=600.0, registry_gc_interval=900.0)
    cluster.register()
    cluster.clock.advance(899)
    assert AGENT in cluster.master.state.unreachable
    cluster.holds_writes = True
    cluster.register("a2", AGENT)
    cluster.clock.advance(2)
    cluster.holds_writes = False
    cluster.write()
    assert AGENT in cluster.master.state.agents
    assert list(cluster.registry) == [f"agents/{AGENT}"]


def test_a_registration_that_was_overtaken_by_a_newer_one_is_void() -> None:
    """What a connection that is over still brings is older than what the agent said since."""
    cluster = launched(INFO, "t")
    cluster.register("a2", AGENT, (running("t"),), order=(1, 2))
    cluster.register("a3", AGENT, order=(1, 1))
    assert "a3" in cluster.closed
    assert "a2" not in cluster.closed
    cluster.holds_writes = True
    cluster.clock.advance(PARTITION_SECONDS)
    cluster.write()
    cluster.register("a4", AGENT, order=(1, 3))
    cluster.register("a5", AGENT, (running("t"),), order=(2, 1))
    cluster.write()
    cluster.write()
    assert list(cluster.master.state.agents_by_stream) == ["a5"]
    cluster.register("a6", AGENT, order=(1, 4))
    assert list(cluster.master.state.agents_by_stream) == ["a5"]
