"""Schedulers that change places, and frameworks that change with them, as in Apache Mesos' tests of fault tolerance."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.master.views.overview import state_view
from mesosctl.runtime.protocol.basics import AgentID, ExecutorID, FrameworkID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.tasks import ExecutorInfo
from mesosctl.runtime.resources import Resources
from tests.unit.master_cluster import AGENT, FRAMEWORK, INFO, Cluster, running


@pytest.fixture
def cluster() -> Cluster:
    """A task that runs, and a second scheduler that has taken over."""
    cluster = Cluster()
    cluster.register()
    cluster.subscribe("s1")
    cluster.launch("t")
    cluster.update("t", "TASK_RUNNING")
    cluster.subscribe("s2")
    cluster.take("s1")
    cluster.take("s2")
    return cluster


def test_what_executors_say_goes_to_the_new_scheduler(cluster: Cluster) -> None:
    cluster.send("a1", internal.ExecutorMessage(FrameworkID(FRAMEWORK), ExecutorID("e"), b"hello"))
    (event,) = cluster.take("s2", "MESSAGE")
    assert event.message
    assert event.message.data == b"hello"
    assert not cluster.take("s1")


def test_the_new_scheduler_speaks_to_executors_and_the_old_one_does_not(cluster: Cluster) -> None:
    message = {"agent_id": {"value": AGENT}, "executor_id": {"value": "e"}, "data": b"hi"}
    cluster.call("s2", "MESSAGE", **message)
    assert [each.data for each in cluster.messages(internal.SchedulerMessage)] == [b"hi"]
    with pytest.raises(Refusal):
        cluster.call("s1", "MESSAGE", **message)
    assert len(cluster.messages(internal.SchedulerMessage)) == 1


def test_updates_go_to_the_new_scheduler_who_acknowledges_them(cluster: Cluster) -> None:
    uuid = cluster.update("t", "TASK_FINISHED")
    assert not cluster.take("s1")
    assert cluster.statuses("s2") == [("t", "TASK_FINISHED", None)]
    cluster.call("s2", "ACKNOWLEDGE", agent_id={"value": AGENT}, task_id={"value": "t"}, uuid=uuid)
    assert cluster.messages(internal.Acknowledge)[-1].uuid == uuid


def test_a_scheduler_that_subscribes_again_and_again_is_heard_on_its_last_stream(cluster: Cluster) -> None:
    for number in range(3, 6):
        cluster.subscribe(f"s{number}")
        assert f"s{number - 1}" in cluster.closed
    assert cluster.take("s5")[0].subscribed
    assert cluster.call("s5", "SUPPRESS") == 202
    assert list(cluster.master.state.frameworks[FRAMEWORK].tasks) == ["t"]


def test_a_framework_changes_with_its_scheduler(cluster: Cluster) -> None:
    cluster.subscribe("s3", name="renamed", failover_timeout=5.0, webui_url="http://w", labels={"labels": []})
    info = cluster.master.state.frameworks[FRAMEWORK].info
    assert (info.name, info.failover_timeout, info.webui_url) == ("renamed", 5.0, "http://w")
    (told,) = cluster.messages(internal.UpdateFramework)[-1:]
    assert told.framework.name == "renamed"
    cluster.master.scheduler_disconnected("s3")
    cluster.pass_with_pongs(6, "a1")
    assert FRAMEWORK in cluster.master.state.completed


def test_a_framework_changes_with_its_master(cluster: Cluster) -> None:
    """What an agent remembers of it gives way to what its scheduler says."""
    after = Cluster(cluster.registry)
    old = msgspec.convert({**INFO, "id": {"value": FRAMEWORK}}, FrameworkInfo)
    after.register("a1", AGENT, (running("t"),), (old,))
    after.subscribe("s1", name="renamed")
    assert after.master.state.frameworks[FRAMEWORK].info.name == "renamed"
    assert after.messages(internal.UpdateFramework)[-1].framework.name == "renamed"


@pytest.mark.parametrize(("before", "after"), [(None, "p"), ("p", None), ("p", "q")])
def test_a_framework_keeps_its_principal(before: str | None, after: str | None) -> None:
    cluster = Cluster()
    cluster.subscribe("s1", principal=before)
    cluster.subscribe("s2", principal=after)
    (event,) = cluster.take("s2")
    assert event.error
    assert event.error.message == "Changing framework's principal is not allowed."
    assert cluster.call("s1", "SUPPRESS") == 202


def test_a_framework_that_was_torn_down_does_not_come_back(cluster: Cluster) -> None:
    cluster.call("s2", "TEARDOWN")
    cluster.subscribe("s3")
    (event,) = cluster.take("s3")
    assert event.error
    assert event.error.message == "Framework has been removed"


def test_an_executor_that_ended_while_its_scheduler_was_away(cluster: Cluster) -> None:
    cluster.master.scheduler_disconnected("s2")
    uuid = cluster.update("t", "TASK_FAILED")
    cluster.subscribe("s3")
    call: dict[str, Any] = {"task_id": {"value": "t"}}
    cluster.take("s3")
    cluster.call("s3", "RECONCILE", tasks=[call])
    assert cluster.statuses("s3") == [("t", "TASK_FAILED", "REASON_RECONCILIATION")]
    cluster.call("s3", "ACKNOWLEDGE", agent_id={"value": AGENT}, task_id={"value": "t"}, uuid=uuid)
    assert not cluster.master.state.frameworks[FRAMEWORK].tasks


def test_an_executor_without_tasks_is_known_to_the_next_master() -> None:
    cluster = Cluster()
    framework = msgspec.convert({**INFO, "id": {"value": FRAMEWORK}}, FrameworkInfo)
    agent = AgentInfo(
        hostname="localhost", port=5051, id=AgentID(AGENT), resources=Resources.parse("cpus:2").messages()
    )
    resources = Resources.parse("cpus:1").allocated_to("*").messages()
    executor = ExecutorInfo(executor_id=ExecutorID("e"), framework_id=framework.id, resources=resources)
    running = internal.RunningExecutor(FrameworkID(FRAMEWORK), executor)
    cluster.master.register_agent(
        "a1", "127.0.0.1", internal.Register(agent, "1.11.0", (), (running,), frameworks=(framework,))
    )
    cluster.subscribe("s1")
    cluster.clock.advance(1)
    (offers,) = cluster.take("s1", "OFFERS")
    assert offers.offers
    assert offers.offers.offers[0].executor_ids == (ExecutorID("e"),)
    assert Resources.of(offers.offers.offers[0].resources).scalar("cpus") == 1
    cluster.call("s1", "SHUTDOWN", executor_id={"value": "e"}, agent_id={"value": AGENT})
    assert cluster.messages(internal.ShutdownExecutor)
    cluster.send("a1", internal.ExecutorExited(FrameworkID(FRAMEWORK), ExecutorID("e"), 0))
    assert [event.type for event in cluster.take("s1")] == ["FAILURE"]
    assert not cluster.master.state.agents[AGENT].used


def test_agents_tell_a_new_master_what_has_ended(cluster: Cluster) -> None:
    """What it shows is bounded by its own flags, and comes whether the framework is back or not."""
    after = Cluster(cluster.registry, max_completed_tasks_per_framework=3)
    after.register("a1", AGENT, order=(0, 1))
    ended = tuple(finished(f"t{number}", float(number)) for number in range(5))
    after.send("a1", internal.History(ended[:2]))
    assert after.master.state.frameworks == {}
    after.subscribe("s1")
    completed = after.master.state.frameworks[FRAMEWORK].completed
    assert [each.id for each in completed] == ["t0", "t1"]
    after.send("a1", internal.History(ended[::-1]))
    after.send("a1", internal.History(ended[:3]))
    (framework,) = state_view(after.master.state, {}, None)["frameworks"]
    told = [(each["id"], each["slave_id"], each["state"]) for each in framework["completed_tasks"]]
    assert told == [(f"t{number}", AGENT, "TASK_FINISHED") for number in (2, 3, 4)]
    assert after.take("s1", "UPDATE") == []


def test_a_framework_that_an_earlier_master_ended_stays_over(cluster: Cluster) -> None:
    after = Cluster(cluster.registry, max_completed_frameworks=2)
    after.register("a1", AGENT, order=(0, 1))
    for number in range(3):
        info = msgspec.convert({**INFO, "id": {"value": f"{FRAMEWORK}{number}"}}, FrameworkInfo)
        after.send("a1", internal.History(over=(info,)))
        after.send("a1", internal.History(over=(info,)))
    assert list(after.master.state.completed) == [f"{FRAMEWORK}1", f"{FRAMEWORK}2"]
    after.subscribe("s1", f"{FRAMEWORK}2")
    (error,) = after.take("s1", "ERROR")
    assert error.error
    assert error.error.message == "Framework has been removed"
    after.subscribe("s2")
    info = after.master.state.frameworks[FRAMEWORK].info
    after.send("a1", internal.History(over=(info,)))
    assert FRAMEWORK in after.master.state.frameworks


def finished(task_id: str, at: float) -> internal.RunningTask:
    told = running(task_id, "TASK_FINISHED")
    return msgspec.structs.replace(told, status=msgspec.structs.replace(told.status, timestamp=at))


def test_scheduler_and_agent_come_back_together(cluster: Cluster) -> None:
    """The update that neither saw acknowledged is told to the scheduler that is here now, and is acknowledged once."""
    uuid = cluster.update("t", "TASK_FINISHED")
    cluster.master.scheduler_disconnected("s2")
    cluster.master.agent_disconnected("a1")
    cluster.subscribe("s3")
    assert cluster.statuses("s3") == []
    told = running("t", "TASK_FINISHED")
    told = msgspec.structs.replace(told, status=msgspec.structs.replace(told.status, uuid=uuid))
    cluster.register("a2", AGENT, (told,), order=(1, 1))
    cluster.send("a2", internal.StatusUpdate(told.framework_id, told.status))
    assert cluster.statuses("s3") == [("t", "TASK_FINISHED", None)]
    cluster.call("s3", "ACKNOWLEDGE", agent_id={"value": AGENT}, task_id={"value": "t"}, uuid=uuid)
    assert [each.uuid for each in cluster.messages(internal.Acknowledge, "a2")] == [uuid]
    framework = cluster.master.state.frameworks[FRAMEWORK]
    assert (list(framework.tasks), [each.id for each in framework.completed]) == ([], ["t"])
