"""What schedulers are told when they ask for their tasks: the situations of Apache Mesos' own tests of reconciliation.

`test_master` has the table of explicit questions; here is what depends on updates under way, and on earlier masters.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.protocol.basics import FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from tests.unit.master_cluster import AGENT, FRAMEWORK, INFO, OLD_INFO, Cluster, running
from tests.unit.test_master_partition import acknowledge, launched, partitioned

STATES = ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING"]


def ask(cluster: Cluster, *tasks: tuple[str, str | None], stream: str = "s1") -> list[tuple[str, str]]:
    """What the master answers to a question for tasks (and agents), or for all."""
    cluster.take(stream)
    asked = [
        {"task_id": {"value": task_id}, **({"agent_id": {"value": agent_id}} if agent_id else {})}
        for task_id, agent_id in tasks
    ]
    cluster.call(stream, "RECONCILE", tasks=asked)
    events = cluster.take(stream, "UPDATE")
    assert all(event.update and event.update.status.reason == "REASON_RECONCILIATION" for event in events)
    assert all(event.update and event.update.status.uuid is None for event in events)
    return [(event.update.status.task_id.value, event.update.status.state.value) for event in events if event.update]


@pytest.mark.parametrize("state", STATES)
def test_a_task_is_told_in_the_state_that_it_has(state: str) -> None:
    cluster = launched(INFO)
    cluster.launch("t")
    if state != "TASK_STAGING":
        cluster.update("t", state)
    assert ask(cluster, ("t", AGENT)) == ask(cluster, ("t", None)) == ask(cluster) == [("t", state)]


def test_an_end_that_is_not_acknowledged_is_told_when_asked_for_only() -> None:
    cluster = launched(INFO, "t")
    uuid = cluster.update("t", "TASK_FINISHED")
    assert ask(cluster, ("t", AGENT)) == [("t", "TASK_FINISHED")]
    assert ask(cluster) == []
    acknowledge(cluster, uuid)
    assert ask(cluster, ("t", AGENT)) == [("t", "TASK_GONE")]


def test_what_the_framework_was_told_last_counts_not_what_the_agent_knows() -> None:
    """Else an end could be told before the update that has to be acknowledged for it."""
    cluster = launched(INFO, "t")
    old = TaskStatus(task_id=TaskID("t"), state=TaskState.TASK_RUNNING, uuid=b"r" * 16)
    new = TaskStatus(task_id=TaskID("t"), state=TaskState.TASK_FINISHED, uuid=b"f" * 16)
    cluster.send("a1", internal.StatusUpdate(FrameworkID(FRAMEWORK), old, latest=new))
    assert ask(cluster, ("t", AGENT)) == [("t", "TASK_RUNNING")]


@pytest.mark.parametrize(("info", "state"), [(INFO, "TASK_UNKNOWN"), (OLD_INFO, "TASK_LOST")])
def test_a_kill_of_what_nobody_knows_is_answered(info: dict[str, Any], state: str) -> None:
    cluster = launched(info)
    cluster.call("s1", "KILL", task_id={"value": "never"})
    assert cluster.statuses() == [("never", state, "REASON_RECONCILIATION")]
    cluster.call("s1", "KILL", task_id={"value": "never"}, agent_id={"value": AGENT})
    gone = "TASK_GONE" if info is INFO else "TASK_LOST"
    assert cluster.statuses() == [("never", gone, "REASON_RECONCILIATION")]


def test_nothing_is_said_of_an_agent_that_a_new_master_waits_for() -> None:
    """Nor, without the agent's id, of any task that may run there."""
    cluster = Cluster(launched(INFO, "t").registry)
    cluster.subscribe()
    assert ask(cluster, ("t", AGENT)) == ask(cluster, ("t", None)) == ask(cluster) == []
    assert ask(cluster, ("u", "another")) == [("u", "TASK_UNKNOWN")]
    info = msgspec.convert({**INFO, "id": {"value": FRAMEWORK}}, FrameworkInfo)
    cluster.register("a1", AGENT, (running("t"),), (info,))
    assert ask(cluster, ("t", AGENT)) == [("t", "TASK_RUNNING")]
    assert ask(cluster, ("u", None)) == [("u", "TASK_UNKNOWN")]


def test_nothing_is_said_of_an_agent_that_is_about_to_be_admitted() -> None:
    cluster = Cluster(launched(INFO, "t").registry)
    cluster.subscribe()
    cluster.holds_writes = True
    info = msgspec.convert({**INFO, "id": {"value": FRAMEWORK}}, FrameworkInfo)
    cluster.register("a1", AGENT, (running("t"),), (info,))
    admitted = AGENT in cluster.master.state.agents
    assert ask(cluster, ("t", AGENT)) == ([("t", "TASK_RUNNING")] if admitted else [])


def test_a_recovered_agent_that_does_not_come_back_is_unreachable() -> None:
    cluster = Cluster(launched(INFO, "t").registry)
    cluster.subscribe()
    cluster.clock.advance(601)
    assert ask(cluster, ("t", AGENT)) == [("t", "TASK_UNREACHABLE")]


def test_what_was_unreachable_is_so_for_the_next_master() -> None:
    cluster = Cluster(partitioned(INFO, "t").registry)
    cluster.subscribe()
    assert ask(cluster, ("t", AGENT)) == [("t", "TASK_UNREACHABLE")]
    assert ask(cluster, ("t", None)) == [("t", "TASK_UNKNOWN")]


def test_nothing_is_said_of_an_agent_that_is_about_to_be_unreachable() -> None:
    """Until the registry holds that, the task is what it was."""
    cluster = launched(INFO, "t")
    cluster.holds_writes = True
    cluster.clock.advance(76)
    assert ask(cluster, ("t", AGENT)) == [("t", "TASK_RUNNING")]
    cluster.write()
    assert ask(cluster, ("t", AGENT)) == [("t", "TASK_UNREACHABLE")]


def test_a_question_for_many() -> None:
    cluster = launched(INFO, "a", "b")
    cluster.update("b", "TASK_FAILED")
    asked = [("a", AGENT), ("b", None), ("c", AGENT), ("d", "elsewhere"), ("a", None)]
    assert ask(cluster, *asked) == [
        ("a", "TASK_RUNNING"),
        ("b", "TASK_FAILED"),
        ("c", "TASK_GONE"),
        ("d", "TASK_UNKNOWN"),
        ("a", "TASK_RUNNING"),
    ]
