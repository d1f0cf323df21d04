"""The way of a task from its offer to its end, seen by a framework that knows nothing but HTTP and JSON."""

from __future__ import annotations

import pytest

from tests.integration.programs import Programs, Scheduler


def test_a_task_from_offer_to_finish(programs: Programs) -> None:
    scheduler = Scheduler(programs.master_port)
    scheduler.launch("hello", "echo hello")
    assert scheduler.until("TASK_FINISHED") == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
    programs.wait(lambda: programs.state()["frameworks"][0]["completed_tasks"])
    (framework,) = programs.state()["frameworks"]
    assert not framework["tasks"]
    assert [each["state"] for each in framework["completed_tasks"][0]["statuses"]] == [
        "TASK_STARTING",
        "TASK_RUNNING",
        "TASK_FINISHED",
    ]
    (stdout,) = {path.resolve() for path in programs.folder.glob("agent/**/executors/hello/runs/*/stdout")}
    assert "hello" in stdout.read_text()
    scheduler.call("TEARDOWN")
    with pytest.raises(EOFError):
        scheduler.event("NEVER")


def test_a_task_that_fails_and_one_that_is_killed(programs: Programs) -> None:
    scheduler = Scheduler(programs.master_port)
    scheduler.launch("bad", "exit 3")
    assert scheduler.until("TASK_FAILED")[-1] == "TASK_FAILED"
    scheduler.launch("long", "sleep 1000")
    scheduler.until("TASK_RUNNING")
    scheduler.call("KILL", task_id={"value": "long"})
    assert scheduler.until("TASK_KILLED")[-1] == "TASK_KILLED"
    scheduler.close()


def test_a_scheduler_that_comes_back_finds_its_task_running(programs: Programs) -> None:
    first = Scheduler(programs.master_port)
    first.launch("long", "sleep 1000")
    first.until("TASK_RUNNING")
    first.close()
    second = Scheduler(programs.master_port, first.framework_id)
    assert second.framework_id == first.framework_id
    second.call("RECONCILE", tasks=[])
    status = second.status()
    assert (status["state"], status["reason"]) == ("TASK_RUNNING", "REASON_RECONCILIATION")
    second.call("TEARDOWN")


def test_a_master_that_starts_anew_learns_of_running_tasks(programs: Programs) -> None:
    first = Scheduler(programs.master_port)
    first.launch("long", "sleep 1000")
    first.until("TASK_RUNNING")
    programs.kill("master")
    programs.start_master()
    programs.wait(lambda: programs.state()["slaves"])
    second = Scheduler(programs.master_port, first.framework_id)
    second.call("RECONCILE", tasks=[{"task_id": {"value": "long"}}])
    assert second.status()["state"] == "TASK_RUNNING"
    second.call("KILL", task_id={"value": "long"})
    assert second.until("TASK_KILLED")[-1] == "TASK_KILLED"
    second.call("TEARDOWN")
