"""The master's state machine: frameworks, offers, tasks, agents, reconciliation, against a simulated clock."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.protocol.basics import ExecutorID, FrameworkID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.errors import Refusal
from tests.unit.master_cluster import AGENT, FRAMEWORK, INFO, OLD_INFO, Cluster, running, task


@pytest.fixture
def cluster() -> Cluster:
    """One agent and one subscribed framework."""
    cluster = Cluster()
    cluster.register()
    cluster.subscribe()
    cluster.clock.advance(0)
    return cluster


def types(cluster: Cluster, stream: str = "s1") -> list[str]:
    return [event.type.value for event in cluster.take(stream) if event.type]


# Frameworks.


def test_subscription_is_followed_by_heartbeat_and_offers(cluster: Cluster) -> None:
    assert types(cluster) == ["SUBSCRIBED", "HEARTBEAT", "OFFERS"]


def test_heartbeats_come_every_15_seconds(cluster: Cluster) -> None:
    cluster.take("s1")
    cluster.pass_with_pongs(46, "a1")
    assert types(cluster) == ["HEARTBEAT"] * 3


def test_a_new_framework_gets_an_id() -> None:
    cluster = Cluster()
    cluster.subscribe("s1", framework_id=None)
    cluster.subscribe("s2", framework_id=None)
    ids = [cluster.take(stream)[0].subscribed.framework_id.value for stream in ("s1", "s2")]
    assert ids == [FRAMEWORK, FRAMEWORK[:-1] + "1"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"roles": ["/bad role"]},
            "'FrameworkInfo.roles' contains invalid role: Role '/bad role' cannot start with a slash",
        ),
        ({"role": "a"}, "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"),
        ({"roles": ["a", "b", "a"]}, "'FrameworkInfo.roles' contains duplicate items: { a }"),
        (
            {"capabilities": [], "roles": ["a"]},
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
        ),
        (
            {"capabilities": [], "roles": [], "role": "-a"},
            "'FrameworkInfo.role' is not a valid role: Role component '-a' is invalid because it begins with a dash",
        ),
        ({"failover_timeout": 1e300}, "The framework failover_timeout (1e+300) is invalid"),
    ],
)
def test_an_invalid_framework_gets_one_error(changes: dict[str, Any], problem: str) -> None:
    cluster = Cluster()
    cluster.subscribe("s1", **changes)
    (event,) = cluster.take("s1")
    assert event.error
    assert event.error.message == problem
    assert "s1" in cluster.closed
    assert not cluster.master.state.frameworks


def test_a_second_scheduler_displaces_the_first(cluster: Cluster) -> None:
    cluster.launch("t")
    cluster.take("s1")
    cluster.subscribe("s2")
    cluster.clock.advance(0)
    (event,) = cluster.take("s1")
    assert event.error
    assert event.error.message == "Framework failed over"
    assert "s1" in cluster.closed
    assert types(cluster, "s2") == ["SUBSCRIBED", "HEARTBEAT", "OFFERS"]
    assert list(cluster.master.state.frameworks[FRAMEWORK].tasks) == ["t"]
    with pytest.raises(Refusal, match="didn't match the stream ID"):
        cluster.call("s1", "SUPPRESS")


def test_the_displaced_stream_breaking_later_changes_nothing(cluster: Cluster) -> None:
    cluster.subscribe("s2")
    cluster.master.scheduler_disconnected("s1")
    cluster.clock.advance(0)
    assert cluster.master.state.frameworks[FRAMEWORK].connected


def test_a_scheduler_that_comes_back_in_time_keeps_its_tasks(cluster: Cluster) -> None:
    cluster.launch("t")
    cluster.master.scheduler_disconnected("s1")
    with pytest.raises(Refusal, match="Framework is not subscribed") as refusal:
        cluster.call("s1", "SUPPRESS")
    assert refusal.value.status == 403
    cluster.pass_with_pongs(59, "a1")
    cluster.subscribe("s2")
    cluster.pass_with_pongs(120, "a1")
    assert list(cluster.master.state.frameworks[FRAMEWORK].tasks) == ["t"]


def test_after_the_failover_timeout_a_framework_is_over(cluster: Cluster) -> None:
    cluster.launch("t")
    cluster.master.scheduler_disconnected("s1")
    cluster.pass_with_pongs(61, "a1")
    assert cluster.messages(internal.ShutdownFramework) == [internal.ShutdownFramework(FrameworkID(FRAMEWORK))]
    assert [each.state for each in cluster.master.state.completed[FRAMEWORK].completed] == ["TASK_KILLED"]
    cluster.subscribe("s2")
    (event,) = cluster.take("s2")
    assert event.error
    assert event.error.message == "Framework has been removed"


def test_offers_of_a_disconnected_framework_go_to_others(cluster: Cluster) -> None:
    cluster.subscribe("s2", "other")
    cluster.clock.advance(1)
    assert types(cluster, "s2") == ["SUBSCRIBED", "HEARTBEAT"]
    cluster.master.scheduler_disconnected("s1")
    cluster.clock.advance(1)
    assert types(cluster, "s2") == ["OFFERS"]


def test_teardown_ends_the_stream(cluster: Cluster) -> None:
    assert cluster.call("s1", "TEARDOWN") == 202
    assert "s1" in cluster.closed
    with pytest.raises(Refusal, match="Framework cannot be found"):
        cluster.call("s1", "SUPPRESS")


def test_update_framework_reaches_agents_with_its_tasks(cluster: Cluster) -> None:
    cluster.launch("t")
    info = {**INFO, "name": "renamed", "id": {"value": FRAMEWORK}}
    assert cluster.call("s1", "UPDATE_FRAMEWORK", framework_info=info) == 200
    (message,) = cluster.messages(internal.UpdateFramework)
    assert message.framework.name == "renamed"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"user": "other"}, "Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'root' to 'other'"),
        (
            {"checkpoint": False},
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'true' to 'false'",
        ),
        ({"principal": "p"}, "Changing framework's principal is not allowed."),
    ],
)
def test_what_update_framework_cannot_change(cluster: Cluster, change: dict[str, Any], problem: str) -> None:
    info = {**INFO, "id": {"value": FRAMEWORK}, **change}
    with pytest.raises(Refusal) as refusal:
        cluster.call("s1", "UPDATE_FRAMEWORK", framework_info=info)
    assert (refusal.value.status, refusal.value.text) == (400, problem)


def test_inverse_offers_that_are_not_there_are_passed_over(cluster: Cluster) -> None:
    assert cluster.call("s1", "DECLINE_INVERSE_OFFERS", inverse_offer_ids=[{"value": "nope"}]) == 202


# Offers.


def test_offers_hide_allocations_from_frameworks_without_multi_role() -> None:
    cluster = Cluster()
    cluster.register()
    cluster.subscribe(**OLD_INFO)
    cluster.clock.advance(0)
    (event,) = cluster.take("s1", "OFFERS")
    assert event.offers
    (offer,) = event.offers.offers
    assert offer.allocation_info is None
    assert all(each.allocation_info is None and each.role == "*" for each in offer.resources)


def test_a_declined_offer_comes_again_after_the_filter(cluster: Cluster) -> None:
    cluster.take("s1")
    cluster.call("s1", "DECLINE", offer_ids=[{"value": cluster.offer()}], filters={"refuse_seconds": 3.5})
    cluster.clock.advance(3)
    assert types(cluster) == []
    cluster.clock.advance(2)
    assert types(cluster) == ["OFFERS"]


def test_an_offer_that_is_not_used_in_time_is_rescinded() -> None:
    cluster = Cluster(offer_timeout=10.0)
    cluster.register()
    cluster.subscribe()
    cluster.clock.advance(0)
    cluster.take("s1")
    cluster.clock.advance(9)
    assert types(cluster) == []
    cluster.clock.advance(2)
    assert types(cluster) == ["RESCIND", "OFFERS"]


def test_suppress_and_revive(cluster: Cluster) -> None:
    cluster.take("s1")
    offer = cluster.offer()
    cluster.call("s1", "SUPPRESS", roles=["*"])
    cluster.call("s1", "DECLINE", offer_ids=[{"value": offer}], filters={"refuse_seconds": 0})
    cluster.clock.advance(5)
    assert types(cluster) == []
    cluster.call("s1", "REVIVE", roles=["not-mine"])
    cluster.clock.advance(5)
    assert types(cluster) == []
    cluster.call("s1", "REVIVE")
    cluster.clock.advance(0)
    assert types(cluster) == ["OFFERS"]


def test_an_accept_without_tasks_declines(cluster: Cluster) -> None:
    cluster.take("s1")
    offer = cluster.offer()
    operation = {"type": "LAUNCH", "launch": {"task_infos": []}}
    cluster.call("s1", "ACCEPT", offer_ids=[{"value": offer}], operations=[operation])
    cluster.clock.advance(4)
    assert types(cluster) == []
    cluster.clock.advance(2)
    assert types(cluster) == ["OFFERS"]


def test_reserving_gives_the_agent_something_to_keep(cluster: Cluster) -> None:
    cluster.subscribe("s2", "other", roles=["eng"])
    cluster.call("s1", "DECLINE", offer_ids=[{"value": cluster.offer()}])
    cluster.clock.advance(1)
    resource = {
        "name": "cpus",
        "type": "SCALAR",
        "scalar": {"value": 1.0},
        "role": "eng",
        "reservation": {"principal": "p"},
    }
    operation = {"type": "RESERVE", "id": {"value": "op"}, "reserve": {"resources": [resource]}}
    cluster.take("s2")
    cluster.call("s2", "ACCEPT", "other", offer_ids=[{"value": cluster.offer("other")}], operations=[operation])
    (event,) = cluster.take("s2", "UPDATE_OPERATION_STATUS")
    assert event.update_operation_status
    assert event.update_operation_status.status.state == "OPERATION_FINISHED"
    (message,) = cluster.messages(internal.Checkpoint)
    assert [(each.name, each.reservations[0].role) for each in message.resources] == [("cpus", "eng")]
    assert cluster.master.state.agents[AGENT].total.reserved("eng").scalar("cpus") == 1


# Tasks.


def test_a_task_from_launch_to_history(cluster: Cluster) -> None:
    cluster.launch("t")
    (message,) = cluster.messages(internal.RunTasks)
    assert [each.task_id.value for each in message.tasks] == ["t"]
    assert message.executor is None
    cluster.take("s1")
    for state in ("TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"):
        uuid = cluster.update("t", state)
        assert cluster.statuses() == [("t", state, None)]
        fields: dict[str, Any] = {"agent_id": {"value": AGENT}, "task_id": {"value": "t"}}
        cluster.raw(
            "s1",
            {
                "type": "ACKNOWLEDGE",
                "framework_id": {"value": FRAMEWORK},
                "acknowledge": msgspec.to_builtins(fields) | {"uuid": uuid},
            },
        )
    assert [each.uuid for each in cluster.messages(internal.Acknowledge)] == [n.to_bytes(16, "big") for n in (1, 2, 3)]
    framework = cluster.master.state.frameworks[FRAMEWORK]
    assert not framework.tasks
    assert [each.state for each in framework.completed[0].statuses] == [
        "TASK_STARTING",
        "TASK_RUNNING",
        "TASK_FINISHED",
    ]


def test_an_ended_task_frees_its_resources_before_it_is_acknowledged(cluster: Cluster) -> None:
    cluster.launch("t", cpus=2)
    cluster.clock.advance(3)
    cluster.take("s1")
    cluster.update("t", "TASK_FAILED")
    cluster.clock.advance(1)
    offers = [event.offers for event in cluster.take("s1", "OFFERS")]
    assert "cpus" in {each.name for found in offers if found for each in found.offers[0].resources}
    assert list(cluster.master.state.frameworks[FRAMEWORK].tasks) == ["t"]


@pytest.mark.parametrize(
    ("info", "change", "expected"),
    [
        (INFO, {"agent_id": {"value": "S9"}}, f"Task uses invalid agent S9 while agent {AGENT} is expected"),
        (INFO, {"resources": []}, "Task uses no resources"),
        (
            INFO,
            {"command": None},
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
        ),
        (INFO, {"task_id": {"value": "a/b"}}, "'a/b' contains invalid characters"),
        (
            INFO,
            {"kill_policy": {"grace_period": {"nanoseconds": -1}}},
            "Task's 'kill_policy.grace_period' must be non-negative",
        ),
        (INFO, {"health_check": {}}, "Task uses invalid health check: HealthCheck must specify 'type'"),
    ],
)
def test_an_invalid_task(cluster: Cluster, info: dict[str, Any], change: dict[str, Any], expected: str) -> None:
    body = {name: value for name, value in (task("t") | change).items() if value is not None}
    operation = {"type": "LAUNCH", "launch": {"task_infos": [body]}}
    cluster.call("s1", "ACCEPT", offer_ids=[{"value": cluster.offer()}], operations=[operation])
    (event,) = cluster.take("s1", "UPDATE")
    assert event.update
    status = event.update.status
    assert (status.state, status.reason, status.message) == ("TASK_ERROR", "REASON_TASK_INVALID", expected)
    assert status.uuid is None
    assert not cluster.messages(internal.RunTasks)


def test_several_tasks_share_an_offer_and_the_last_does_not_fit(cluster: Cluster) -> None:
    cluster.launch("a", "b", "c", cpus=0.9)
    assert cluster.statuses() == [("c", "TASK_ERROR", "REASON_TASK_INVALID")]
    assert list(cluster.master.state.frameworks[FRAMEWORK].tasks) == ["a", "b"]


@pytest.mark.parametrize(("info", "state"), [(INFO, "TASK_DROPPED"), (OLD_INFO, "TASK_LOST")])
def test_a_stale_offer(info: dict[str, Any], state: str) -> None:
    cluster = Cluster()
    cluster.register()
    cluster.subscribe(**info)
    offer = cluster.offer()
    cluster.call("s1", "DECLINE", offer_ids=[{"value": offer}])
    operation = {"type": "LAUNCH", "launch": {"task_infos": [task("t")]}}
    cluster.call("s1", "ACCEPT", offer_ids=[{"value": offer}], operations=[operation])
    assert cluster.statuses() == [("t", state, "REASON_INVALID_OFFERS")]


def test_an_executor_is_paid_once_and_its_exit_is_told(cluster: Cluster) -> None:
    executor = {
        "executor_id": {"value": "e"},
        "command": {"value": "run"},
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}}],
    }
    tasks = [{**task(name), "executor": executor} for name in ("a", "b")]
    for body in tasks:
        del body["command"]
    operation = {"type": "LAUNCH", "launch": {"task_infos": tasks}}
    filters = {"refuse_seconds": 0}
    offer = cluster.offer()
    cluster.call("s1", "ACCEPT", offer_ids=[{"value": offer}], operations=[operation], filters=filters)
    framework = cluster.master.state.frameworks[FRAMEWORK]
    assert framework.used.scalar("cpus") == 0.7
    cluster.take("s1")
    cluster.send("a1", internal.ExecutorExited(FrameworkID(FRAMEWORK), ExecutorID("e"), 9))
    (event,) = cluster.take("s1", "FAILURE")
    assert event.failure
    assert (event.failure.executor_id, event.failure.status) == (ExecutorID("e"), 9)
    assert framework.used.scalar("cpus") == 0.2


def test_messages_pass_both_ways(cluster: Cluster) -> None:
    cluster.raw(
        "s1",
        {
            "type": "MESSAGE",
            "framework_id": {"value": FRAMEWORK},
            "message": {"agent_id": {"value": AGENT}, "executor_id": {"value": "e"}, "data": b"\x00hi"},
        },
    )
    (message,) = cluster.messages(internal.SchedulerMessage)
    assert message.data == b"\x00hi"
    cluster.take("s1")
    cluster.send("a1", internal.ExecutorMessage(FrameworkID(FRAMEWORK), ExecutorID("e"), b"yo"))
    (event,) = cluster.take("s1", "MESSAGE")
    assert event.message
    assert event.message.data == b"yo"


# Reconciliation and kills.


@pytest.mark.parametrize("info", [INFO, OLD_INFO])
@pytest.mark.parametrize(
    ("task_id", "agent_id", "state"),
    [
        ("t", AGENT, "TASK_RUNNING"),
        ("t", None, "TASK_RUNNING"),
        ("nope", AGENT, "TASK_GONE"),
        ("nope", None, "TASK_UNKNOWN"),
        ("nope", "S9", "TASK_UNKNOWN"),
        ("cut", None, "TASK_UNREACHABLE"),
        ("nope", f"{AGENT[:-1]}1", "TASK_UNREACHABLE"),
        ("nope", f"{AGENT[:-1]}2", "TASK_GONE_BY_OPERATOR"),
    ],
)
def test_explicit_reconciliation(info: dict[str, Any], task_id: str, agent_id: str | None, state: str) -> None:
    cluster = Cluster()
    cluster.subscribe(**info)
    cluster.register("a1")
    cluster.launch("t")
    cluster.update("t", "TASK_RUNNING")
    cluster.call("s1", "SUPPRESS")
    for offer in list(cluster.master.state.frameworks[FRAMEWORK].offers):
        cluster.call("s1", "DECLINE", offer_ids=[{"value": offer}])
    cluster.register("a2", port=5052)
    cluster.call("s1", "REVIVE")
    cluster.clock.advance(0)
    (offer,) = [each.id for each in cluster.master.state.offers.values() if each.agent_id == f"{AGENT[:-1]}1"]
    operation = {"type": "LAUNCH", "launch": {"task_infos": [task("cut", agent_id=f"{AGENT[:-1]}1")]}}
    cluster.call("s1", "ACCEPT", offer_ids=[{"value": offer}], operations=[operation])
    cluster.register("a3", port=5053)
    cluster.master.commit(cluster.master.draining.mark_gone(f"{AGENT[:-1]}2"))
    cluster.pass_with_pongs(90, "a1")
    cluster.take("s1")
    asked: dict[str, Any] = {"task_id": {"value": task_id}}
    if agent_id:
        asked["agent_id"] = {"value": agent_id}
    cluster.call("s1", "RECONCILE", tasks=[asked])
    expected = state if info is INFO or state == "TASK_RUNNING" else "TASK_LOST"
    assert cluster.statuses() == [(task_id, expected, "REASON_RECONCILIATION")]


def test_implicit_reconciliation_tells_of_all_that_has_not_ended(cluster: Cluster) -> None:
    cluster.launch("a", "b")
    cluster.update("a", "TASK_RUNNING")
    cluster.update("b", "TASK_FAILED")
    cluster.take("s1")
    cluster.call("s1", "RECONCILE", tasks=[])
    assert cluster.statuses() == [("a", "TASK_RUNNING", "REASON_RECONCILIATION")]


def test_a_kill_goes_to_the_agent(cluster: Cluster) -> None:
    cluster.launch("t")
    cluster.call("s1", "KILL", task_id={"value": "t"}, kill_policy={"grace_period": {"nanoseconds": 5}})
    (message,) = cluster.messages(internal.KillTask)
    assert message.kill_policy.grace_period.nanoseconds == 5


# Agents.


def test_an_agent_that_answers_pings_stays(cluster: Cluster) -> None:
    cluster.pass_with_pongs(1000, "a1")
    assert AGENT in cluster.master.state.agents


@pytest.mark.parametrize(("info", "state"), [(INFO, "TASK_UNREACHABLE"), (OLD_INFO, "TASK_LOST")])
def test_an_agent_that_does_not_answer_is_unreachable_after_75_seconds(info: dict[str, Any], state: str) -> None:
    cluster = Cluster()
    start = cluster.clock.now()
    cluster.register()
    cluster.subscribe(**info)
    cluster.launch("t")
    cluster.offer()
    cluster.take("s1")
    cluster.clock.advance(start + 74.5 - cluster.clock.now())
    assert not cluster.statuses()
    cluster.clock.advance(0.5)
    events = [event for event in cluster.take("s1") if event.type != "HEARTBEAT"]
    assert [event.type for event in events] == ["UPDATE", "RESCIND", "FAILURE"]
    status = next(event.update.status for event in events if event.update)
    assert (status.state, status.reason) == (state, "REASON_AGENT_REMOVED")
    assert status.message == "health check timed out"
    assert status.unreachable_time
    assert AGENT in cluster.master.state.unreachable


def test_an_unreachable_agent_comes_back_with_its_tasks(cluster: Cluster) -> None:
    cluster.launch("t")
    cluster.update("t", "TASK_RUNNING")
    cluster.clock.advance(80)
    cluster.take("s1")
    cluster.register("a2", AGENT, (running("t"),))
    assert cluster.statuses() == [("t", "TASK_RUNNING", "REASON_AGENT_REREGISTERED")]
    framework = cluster.master.state.frameworks[FRAMEWORK]
    assert list(framework.tasks) == ["t"]
    assert not framework.unreachable
    assert framework.used.scalar("cpus") == 0.1
    assert AGENT not in cluster.master.state.unreachable


def test_a_disconnected_agent_is_in_no_offer_until_it_is_back(cluster: Cluster) -> None:
    cluster.take("s1")
    cluster.master.agent_disconnected("a1")
    assert types(cluster) == ["RESCIND"]
    cluster.clock.advance(5)
    assert types(cluster) == []
    cluster.register("a2", AGENT)
    cluster.clock.advance(0)
    assert types(cluster) == ["OFFERS"]


def test_a_launch_that_never_arrived_is_dropped(cluster: Cluster) -> None:
    cluster.launch("t", "u")
    cluster.master.agent_disconnected("a1")
    cluster.take("s1")
    cluster.register("a2", AGENT, (running("u"),))
    assert cluster.statuses() == [("t", "TASK_DROPPED", "REASON_RECONCILIATION")]
    assert cluster.master.state.agents[AGENT].used[FRAMEWORK].scalar("cpus") == 0.1


def test_a_kill_that_was_missed_is_repeated(cluster: Cluster) -> None:
    cluster.launch("t")
    cluster.master.agent_disconnected("a1")
    cluster.call("s1", "KILL", task_id={"value": "t"})
    cluster.register("a2", AGENT, (running("t"),))
    assert [each.task_id.value for each in cluster.messages(internal.KillTask, "a2")] == ["t"]


def test_tasks_that_only_agents_know_wait_for_their_framework() -> None:
    cluster = Cluster()
    info = msgspec.convert({**INFO, "id": {"value": FRAMEWORK}}, FrameworkInfo)
    cluster.register("a1", AGENT, (running("t"),), (info,))
    framework = cluster.master.state.frameworks[FRAMEWORK]
    assert framework.recovered
    cluster.pass_with_pongs(600, "a1")
    cluster.subscribe()
    cluster.call("s1", "RECONCILE", tasks=[])
    assert cluster.statuses() == [("t", "TASK_RUNNING", "REASON_RECONCILIATION")]
    assert not framework.recovered


def test_an_agent_is_told_to_shut_down_what_is_over(cluster: Cluster) -> None:
    cluster.launch("t")
    cluster.master.agent_disconnected("a1")
    cluster.call("s1", "TEARDOWN")
    cluster.register("a2", AGENT, (running("t"),))
    assert len(cluster.messages(internal.ShutdownFramework, "a2")) == 1
    assert not cluster.master.state.agents[AGENT].tasks


def test_an_agent_that_unregisters_is_removed(cluster: Cluster) -> None:
    cluster.launch("t")
    cluster.take("s1")
    cluster.send("a1", internal.Unregister())
    (event,) = [each for each in cluster.take("s1", "UPDATE") if each.update]
    assert event.update
    assert event.update.status.message == "Agent localhost removed: the agent unregistered"
    assert event.update.status.state == "TASK_LOST"
    assert not cluster.master.state.agents
    assert not cluster.registry


def test_a_new_agent_at_the_same_address_replaces_the_old(cluster: Cluster) -> None:
    cluster.register("a2")
    assert list(cluster.master.state.agents) == [f"{AGENT[:-1]}1"]


def test_nothing_is_held_twice_or_lost(cluster: Cluster) -> None:
    """After much coming and going an idle cluster offers all it has."""
    for turn in range(1, 6):
        cluster.launch(f"a{turn}", f"b{turn}", stream=f"s{turn}")
        cluster.update(f"a{turn}", "TASK_FAILED", stream=f"a{turn}")
        cluster.subscribe(f"s{turn + 1}")
        cluster.master.agent_disconnected(f"a{turn}")
        cluster.register(f"a{turn + 1}", AGENT, (running(f"b{turn}"),))
        cluster.update(f"b{turn}", "TASK_FINISHED", stream=f"a{turn + 1}")
    cluster.clock.advance(10)
    (offer,) = cluster.master.state.offers.values()
    assert offer.resources.scalar("cpus") == 2
    assert offer.resources.scalar("mem") == 23081
