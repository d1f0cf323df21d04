"""The registry and the agents: nothing is told before it is durable, and what a new master makes of what it finds."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from mesosctl.runtime import internal
from mesosctl.runtime.master.views.metrics import metrics_view
from mesosctl.runtime.protocol.basics import FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from tests.unit.master_cluster import AGENT, FRAMEWORK, INFO, Cluster, running

OTHER = f"{AGENT[:-1]}1"


def framework() -> FrameworkInfo:
    return msgspec.convert({**INFO, "id": {"value": FRAMEWORK}}, FrameworkInfo)


def left_behind(agents: int = 1, unreachable: int = 0) -> dict[str, bytes]:
    """The registry of a master that admitted agents, of which the first ones are unreachable."""
    cluster = Cluster()
    for number in range(agents):
        cluster.register(f"a{number}", port=6000 + number)
    cluster.pass_with_pongs(90, *(f"a{number}" for number in range(unreachable, agents)))
    assert len(cluster.master.state.unreachable) == unreachable
    return cluster.registry


def successor(registry: dict[str, bytes], **options: Any) -> Cluster:
    return Cluster(registry, **options)


# Durable first.


def test_an_agent_is_admitted_once_the_registry_holds_it() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.holds_writes = True
    cluster.register()
    cluster.clock.advance(5)
    assert not cluster.told
    assert not cluster.take("s1", "OFFERS")
    cluster.write()
    cluster.clock.advance(1)
    assert cluster.messages(internal.Registered)
    assert cluster.take("s1", "OFFERS")
    assert list(cluster.registry) == [f"agents/{AGENT}"]


def test_an_agent_that_left_before_it_was_admitted_is_disconnected() -> None:
    cluster = Cluster()
    cluster.holds_writes = True
    cluster.register("a1")
    cluster.master.agent_disconnected("a1")
    cluster.register("a2")
    cluster.holds_writes = False
    cluster.write()
    assert list(cluster.master.state.agents) == [OTHER]
    assert cluster.master.state.agents[OTHER].stream == "a2"
    assert list(cluster.registry) == [f"agents/{OTHER}"]


def test_an_agent_that_connects_anew_needs_no_write() -> None:
    cluster = Cluster()
    cluster.register("a1")
    cluster.holds_writes = True
    cluster.master.agent_disconnected("a1")
    cluster.register("a2", AGENT)
    assert cluster.messages(internal.Registered, "a2")
    cluster.register("a3", AGENT, resources="cpus:4;mem:64")
    assert not cluster.messages(internal.Registered, "a3")
    cluster.write()
    assert cluster.messages(internal.Registered, "a3")


def test_tasks_are_unreachable_once_the_registry_says_so() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.register()
    cluster.launch("t")
    cluster.update("t", "TASK_RUNNING")
    cluster.take("s1")
    cluster.holds_writes = True
    cluster.clock.advance(80)
    assert "a1" in cluster.closed
    assert not cluster.statuses()
    cluster.register("a2", AGENT, (running("t"),))
    assert "a2" in cluster.closed
    assert "a2" not in cluster.told
    cluster.write()
    assert cluster.statuses() == [("t", "TASK_UNREACHABLE", "REASON_AGENT_REMOVED")]
    cluster.register("a3", AGENT, (running("t"),))
    assert not cluster.messages(internal.Registered, "a3")
    cluster.write()
    assert cluster.messages(internal.Registered, "a3")
    assert cluster.statuses() == [("t", "TASK_RUNNING", "REASON_AGENT_REREGISTERED")]


def test_an_agent_is_removed_once_the_registry_has_forgotten_it() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.register()
    cluster.launch("t")
    cluster.take("s1")
    cluster.holds_writes = True
    cluster.send("a1", internal.Unregister())
    assert not cluster.statuses()
    cluster.call("s1", "TEARDOWN")
    cluster.write()
    assert not cluster.master.state.agents
    assert not cluster.registry


def test_agents_time_out_at_the_rate_that_is_allowed() -> None:
    cluster = Cluster(agent_removal_interval=600.0)
    for number in range(3):
        cluster.register(f"a{number}", port=6000 + number)
    cluster.clock.advance(80)
    assert len(cluster.master.state.unreachable) == 1
    cluster.send("a1", internal.Pong())
    cluster.pass_with_pongs(1300, "a1")
    assert len(cluster.master.state.unreachable) == 2
    assert [*cluster.master.state.agents] == [OTHER]


# A new master.


def test_a_new_master_waits_for_the_agents_that_it_finds() -> None:
    cluster = successor(left_behind(2))
    assert [*cluster.master.state.recovered] == [AGENT, OTHER]
    cluster.register("a1", AGENT, (running("t"),), (framework(),), port=6000)
    assert cluster.messages(internal.Registered)
    assert [*cluster.master.state.agents] == [AGENT]
    assert [*cluster.master.state.recovered] == [OTHER]
    cluster.subscribe()
    cluster.call("s1", "RECONCILE", tasks=[])
    assert cluster.statuses() == [("t", "TASK_RUNNING", "REASON_RECONCILIATION")]


def ask(cluster: Cluster, agent_id: str | None) -> list[tuple[str, str, str | None]]:
    asked: dict[str, Any] = {"task_id": {"value": "nope"}}
    if agent_id:
        asked["agent_id"] = {"value": agent_id}
    cluster.take("s1")
    cluster.call("s1", "RECONCILE", tasks=[asked])
    return cluster.statuses()


@pytest.mark.parametrize("agent_id", [AGENT, None])
def test_nothing_is_said_of_tasks_that_may_come_back(agent_id: str | None) -> None:
    cluster = successor(left_behind())
    cluster.subscribe()
    assert ask(cluster, agent_id) == []
    cluster.register("a1", AGENT, port=6000)
    expected = "TASK_GONE" if agent_id else "TASK_UNKNOWN"
    assert ask(cluster, agent_id) == [("nope", expected, "REASON_RECONCILIATION")]


def test_agents_that_do_not_come_back_are_unreachable() -> None:
    cluster = successor(left_behind(3), agent_removal_interval=60.0)
    cluster.subscribe()
    cluster.register("a1", AGENT, port=6000)
    cluster.pass_with_pongs(599, "a1")
    assert len(cluster.master.state.recovered) == 2
    assert not cluster.take("s1", "FAILURE")
    cluster.pass_with_pongs(30, "a1")
    assert [*cluster.master.state.unreachable] == [OTHER]
    assert len(cluster.take("s1", "FAILURE")) == 1
    assert ask(cluster, OTHER) == [("nope", "TASK_UNREACHABLE", "REASON_RECONCILIATION")]
    cluster.pass_with_pongs(60, "a1")
    assert len(cluster.master.state.unreachable) == 2
    again = successor(cluster.registry)
    assert [*again.master.state.recovered] == [AGENT]
    assert len(again.master.state.unreachable) == 2
    again.register("a2", OTHER, port=6001)
    assert again.messages(internal.Registered, "a2")
    assert len(again.master.state.unreachable) == 1


def test_a_master_that_misses_too_many_agents_stops() -> None:
    cluster = successor(left_behind(4), recovery_agent_removal_limit=0.5)
    cluster.register("a1", AGENT, port=6000)
    cluster.pass_with_pongs(601, "a1")
    assert cluster.aborted == (
        "3 of 4 agents did not come back after the failover, more than recovery_agent_removal_limit (50%) allows"
    )
    assert not cluster.master.state.unreachable


def test_an_agent_that_is_gone_stays_gone() -> None:
    before = Cluster()
    before.register()
    before.master.commit(before.master.draining.mark_gone(AGENT))
    assert [*before.registry] == [f"gone/{AGENT}"]
    cluster = successor(before.registry)
    assert not cluster.master.state.recovered
    cluster.register("a1", AGENT)
    assert isinstance(cluster.told["a1"][0], internal.Refused)
    cluster.subscribe()
    assert ask(cluster, AGENT) == [("nope", "TASK_GONE_BY_OPERATOR", "REASON_RECONCILIATION")]


def test_an_agent_that_no_registry_knows_is_admitted_under_its_id() -> None:
    cluster = successor({})
    cluster.register("a1", OTHER)
    assert [*cluster.master.state.agents] == [OTHER]
    cluster.register("a2", port=6000)
    cluster.register("a3", port=6001)
    assert sorted(cluster.master.state.agents) == [AGENT, OTHER, f"{AGENT[:-1]}2"]


def test_agents_that_are_away_for_long_are_forgotten() -> None:
    cluster = Cluster(registry_max_agent_age=3600.0, registry_gc_interval=900.0)
    cluster.register("a1")
    cluster.register("a2", port=6000)
    cluster.master.commit(cluster.master.draining.mark_gone(AGENT))
    cluster.clock.advance(3500)
    assert ([*cluster.master.state.gone], [*cluster.master.state.unreachable]) == ([AGENT], [OTHER])
    cluster.clock.advance(1100)
    assert not cluster.master.state.gone
    assert not cluster.master.state.unreachable
    assert not cluster.registry


def test_the_oldest_of_too_many_are_forgotten() -> None:
    cluster = Cluster(registry_max_agent_count=2, registry_gc_interval=900.0)
    for number in range(4):
        cluster.register(f"a{number}", port=6000 + number)
        cluster.clock.advance(100)
    assert len(cluster.master.state.unreachable) == 4
    cluster.clock.advance(900)
    assert sorted(cluster.registry) == [f"agents/{AGENT[:-1]}2", f"agents/{AGENT[:-1]}3"]


def test_an_agent_declared_gone_while_it_becomes_unreachable_is_gone() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.register()
    cluster.launch("t")
    cluster.take("s1")
    cluster.holds_writes = True
    cluster.clock.advance(80)
    cluster.master.commit(cluster.master.draining.mark_gone(AGENT))
    cluster.holds_writes = False
    cluster.write()
    assert [each[1] for each in cluster.statuses()] == ["TASK_UNREACHABLE", "TASK_GONE_BY_OPERATOR"]
    assert [*cluster.registry] == [f"gone/{AGENT}"]
    assert not cluster.master.state.unreachable
    assert not cluster.master.state.agents


def test_an_acknowledged_update_that_comes_again_is_between_master_and_agent() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.register()
    cluster.launch("t")
    uuid = cluster.update("t", "TASK_RUNNING")
    ids = {"agent_id": {"value": AGENT}, "task_id": {"value": "t"}}
    cluster.call("s1", "ACKNOWLEDGE", **ids, uuid=base64.b64encode(uuid).decode())
    cluster.take("s1")
    status = TaskStatus(task_id=TaskID("t"), state=TaskState.TASK_RUNNING, uuid=uuid)
    cluster.send("a1", internal.StatusUpdate(FrameworkID(FRAMEWORK), status))
    assert not cluster.statuses()
    assert [each.uuid for each in cluster.messages(internal.Acknowledge)] == [uuid, uuid]


def test_an_acknowledgement_waits_for_an_agent_that_is_away() -> None:
    cluster = Cluster()
    cluster.subscribe()
    cluster.register()
    cluster.launch("t")
    ids = {"agent_id": {"value": AGENT}, "task_id": {"value": "t"}}
    first = cluster.update("t", "TASK_RUNNING")
    cluster.call("s1", "ACKNOWLEDGE", **ids, uuid=base64.b64encode(first).decode())
    last = cluster.update("t", "TASK_FINISHED")
    cluster.master.agent_disconnected("a1")
    cluster.clock.advance(80)
    assert AGENT in cluster.master.state.unreachable
    cluster.call("s1", "ACKNOWLEDGE", **ids, uuid=base64.b64encode(last).decode())
    back = running("t", "TASK_FINISHED")
    cluster.register("a2", AGENT, (replace(back, status=replace(back.status, uuid=last)),))
    cluster.take("s1")
    for uuid, state in ((first, TaskState.TASK_RUNNING), (last, TaskState.TASK_FINISHED)):
        cluster.send("a2", internal.StatusUpdate(FrameworkID(FRAMEWORK), TaskStatus(TaskID("t"), state, uuid=uuid)))
    assert not cluster.statuses()
    assert [each.uuid for each in cluster.messages(internal.Acknowledge, "a2")] == [first, last]
    assert not cluster.master.state.frameworks[FRAMEWORK].tasks


def test_metrics_of_the_registry_and_the_allocator() -> None:
    cluster = Cluster()
    cluster.holds_writes = True
    cluster.register()
    cluster.register("a2", port=5052)
    shown = metrics_view(cluster.master.state)
    assert shown["registrar/queued_operations"] == 1
    assert shown["registrar/registry_size_bytes"] > 100
    cluster.write()
    cluster.write()
    cluster.subscribe()
    cluster.clock.advance(1)
    for offer in list(cluster.master.state.offers):
        cluster.call("s1", "DECLINE", offer_ids=[{"value": offer}], filters={"refuse_seconds": 60})
    before = metrics_view(cluster.master.state)
    assert before["registrar/queued_operations"] == 0
    assert before["registrar/registry_size_bytes"] == sum(map(len, cluster.registry.values()))
    assert before["allocator/mesos/offer_filters/roles/*/active"] == 2
    assert before["allocator/mesos/allocation_run_latency_ms"] == 0
    cluster.pass_with_pongs(61, "a1", "a2")
    after = metrics_view(cluster.master.state)
    assert after["allocator/mesos/offer_filters/roles/*/active"] == 0
    assert after["allocator/mesos/allocation_runs"] >= before["allocator/mesos/allocation_runs"] + 60
    assert after["allocator/mesos/allocation_run_ms/count"] == after["allocator/mesos/allocation_runs"]
