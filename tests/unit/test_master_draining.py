"""Agents that operators deactivate, drain, take back or declare gone; against a simulated clock."""

from __future__ import annotations

from typing import Any

import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.master.draining import Draining
from mesosctl.runtime.protocol.basics import DurationInfo
from mesosctl.runtime.protocol.cluster import DrainState
from mesosctl.runtime.protocol.errors import Refusal
from tests.unit.master_cluster import AGENT, FRAMEWORK, OLD_INFO, Cluster, running


@pytest.fixture
def cluster() -> Cluster:
    """One agent and one subscribed framework with a task on it."""
    return with_task()


def with_task(**info: Any) -> Cluster:
    cluster = Cluster()
    cluster.register()
    cluster.subscribe(**info)
    cluster.launch("t")
    cluster.update("t", "TASK_RUNNING")
    cluster.clock.advance(1)
    cluster.take("s1")
    return cluster


def draining(cluster: Cluster) -> Draining:
    return cluster.master.draining


def drain(cluster: Cluster, seconds: int | None = None, *, mark_gone: bool = False) -> None:
    grace = None if seconds is None else DurationInfo(seconds * 10**9)
    cluster.master.commit(draining(cluster).drain(AGENT, grace, mark_gone=mark_gone))


def state(cluster: Cluster) -> DrainState | None:
    info = cluster.master.state.agents[AGENT].drain
    return info.state if info else None


def acknowledge(cluster: Cluster, uuid: bytes) -> None:
    fields = {"agent_id": {"value": AGENT}, "task_id": {"value": "t"}, "uuid": uuid}
    cluster.raw("s1", {"type": "ACKNOWLEDGE", "framework_id": {"value": FRAMEWORK}, "acknowledge": fields})


def refusal(make: Any) -> tuple[int, str]:
    with pytest.raises(Refusal) as caught:
        make()
    return caught.value.status, caught.value.text


def test_a_deactivated_agent_is_in_no_offers_and_keeps_its_tasks(cluster: Cluster) -> None:
    cluster.master.commit(draining(cluster).deactivate(AGENT))
    assert [event.type for event in cluster.take("s1")] == ["RESCIND"]
    cluster.pass_with_pongs(5, "a1")
    assert not cluster.take("s1", "OFFERS")
    assert not cluster.messages(internal.KillTask)
    cluster.register("a2", AGENT, (running("t"),))
    cluster.clock.advance(2)
    assert not cluster.take("s1", "OFFERS")
    cluster.master.commit(draining(cluster).reactivate(AGENT))
    cluster.clock.advance(0)
    assert cluster.take("s1", "OFFERS")


def test_a_drained_agent(cluster: Cluster) -> None:
    drain(cluster)
    assert [event.type for event in cluster.take("s1")] == ["RESCIND"]
    assert cluster.messages(internal.KillTask)[0].kill_policy is None
    assert state(cluster) is DrainState.DRAINING
    assert refusal(lambda: draining(cluster).reactivate(AGENT)) == (400, "Agent is still in the DRAINING state")
    uuid = cluster.update("t", "TASK_KILLED")
    assert cluster.statuses() == [("t", "TASK_KILLED", "REASON_AGENT_DRAINING")]
    assert state(cluster) is DrainState.DRAINING
    acknowledge(cluster, uuid)
    assert state(cluster) is DrainState.DRAINED
    cluster.pass_with_pongs(3, "a1")
    assert not cluster.take("s1", "OFFERS")
    cluster.master.commit(draining(cluster).reactivate(AGENT))
    cluster.clock.advance(0)
    assert cluster.take("s1", "OFFERS")


def test_an_agent_without_tasks_is_drained_at_once() -> None:
    cluster = Cluster()
    cluster.register()
    drain(cluster)
    assert state(cluster) is DrainState.DRAINED


@pytest.mark.parametrize(("most", "expected"), [(1, 1), (60, 3)])
def test_tasks_get_no_more_than_the_grace_period(cluster: Cluster, most: int, expected: int) -> None:
    drain(cluster, most)
    (kill,) = cluster.messages(internal.KillTask)
    assert kill.kill_policy.grace_period.nanoseconds == expected * 10**9


@pytest.mark.parametrize(("info", "told"), [({}, "TASK_GONE_BY_OPERATOR"), (OLD_INFO, "TASK_KILLED")])
def test_drained_and_gone(info: dict[str, Any], told: str) -> None:
    cluster = with_task(**info)
    drain(cluster, mark_gone=True)
    uuid = cluster.update("t", "TASK_KILLED")
    assert cluster.statuses() == [("t", told, "REASON_AGENT_DRAINING")]
    acknowledge(cluster, uuid)
    assert AGENT in cluster.master.state.gone
    assert cluster.messages(internal.Refused)
    assert "a1" in cluster.closed


def test_an_agent_that_comes_back_goes_on_draining(cluster: Cluster) -> None:
    cluster.clock.advance(75)
    assert AGENT in cluster.master.state.unreachable
    drain(cluster)
    cluster.register("a2", AGENT, (running("t"),))
    assert cluster.messages(internal.KillTask, "a2")
    assert state(cluster) is DrainState.DRAINING


def test_a_disconnected_agent_is_drained_when_it_is_back(cluster: Cluster) -> None:
    cluster.master.agent_disconnected("a1")
    drain(cluster)
    assert not cluster.messages(internal.KillTask)
    cluster.register("a2", AGENT, (running("t"),))
    assert cluster.messages(internal.KillTask, "a2")


def test_a_disconnected_agent_without_tasks_is_drained_when_it_is_back() -> None:
    cluster = Cluster()
    cluster.register()
    cluster.master.agent_disconnected("a1")
    drain(cluster)
    cluster.clock.advance(20)
    assert state(cluster) is DrainState.DRAINING
    cluster.register("a2", AGENT)
    cluster.send("a2", internal.Pong())
    assert state(cluster) is DrainState.DRAINED


def test_a_disconnected_agent_that_is_taken_back_is_offered_when_it_is_back(cluster: Cluster) -> None:
    cluster.master.commit(draining(cluster).deactivate(AGENT))
    cluster.master.agent_disconnected("a1")
    cluster.take("s1")
    cluster.master.commit(draining(cluster).reactivate(AGENT))
    cluster.clock.advance(2)
    assert not cluster.take("s1", "OFFERS")
    cluster.register("a2", AGENT, (running("t"),))
    cluster.clock.advance(0)
    assert cluster.take("s1", "OFFERS")


def test_the_next_master_goes_on(cluster: Cluster) -> None:
    drain(cluster)
    after = Cluster(cluster.registry)
    after.register("a1", AGENT, (running("t"),), (cluster.master.state.frameworks[FRAMEWORK].info,))
    assert after.messages(internal.KillTask)
    assert state(after) is DrainState.DRAINING


def test_an_agent_that_is_expected_back_can_be_drained_and_gone(cluster: Cluster) -> None:
    after = Cluster(cluster.registry)
    assert AGENT in after.master.state.recovered
    drain(after)
    after.master.commit(draining(after).mark_gone(AGENT))
    assert not after.master.state.recovered


def test_what_cannot_be_decided(cluster: Cluster) -> None:
    assert refusal(lambda: draining(cluster).drain("nope", None, mark_gone=False)) == (400, "Unknown agent")
    assert refusal(lambda: draining(cluster).deactivate("nope")) == (400, "Unknown agent")
    assert refusal(lambda: draining(cluster).reactivate(AGENT)) == (400, "Agent is not deactivated")
    assert refusal(lambda: draining(cluster).mark_gone("nope")) == (404, "Agent 'nope' not found")


@pytest.mark.parametrize(("info", "told"), [({}, "TASK_GONE_BY_OPERATOR"), (OLD_INFO, "TASK_LOST")])
@pytest.mark.parametrize("unreachable", [False, True])
def test_a_gone_agent(info: dict[str, Any], told: str, unreachable: bool) -> None:
    cluster = with_task(**info)
    if unreachable:
        cluster.clock.advance(75)
        cluster.take("s1")
    cluster.master.commit(draining(cluster).mark_gone(AGENT))
    assert cluster.statuses() == [("t", told, "REASON_AGENT_REMOVED_BY_OPERATOR")]
    assert not cluster.master.state.unreachable
    assert [task.id for task in cluster.master.state.frameworks[FRAMEWORK].completed] == ["t"]
    cluster.register("a2", AGENT)
    assert cluster.messages(internal.Refused, "a2")
    cluster.master.commit(draining(cluster).mark_gone(AGENT))
    assert AGENT in Cluster(cluster.registry).master.state.gone
