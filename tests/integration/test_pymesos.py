"""A framework and an executor on pymesos, unmodified, with a real master and agent on loopback."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients import environment
from tests.clients.driver import CLIENTS, Framework, task
from tests.integration.programs import Programs


@pytest.fixture
def framework(programs: Programs, tmp_path: Path) -> Iterator[Framework]:
    framework = Framework(f"127.0.0.1:{programs.master_port}", tmp_path / "pymesos.log")
    yield framework
    framework.close()


def test_a_framework_on_pymesos(programs: Programs, framework: Framework, tmp_path: Path) -> None:
    framework_id = framework.event("registered")["framework_id"]
    framework.order(launch=[task("good", "true"), task("bad", "exit 3"), task("long", "sleep 1000")])
    ends: dict[str, dict[str, Any]] = {}
    while len(ends) < 3:
        status = framework.event("update")["status"]
        if status["state"] in ("TASK_FINISHED", "TASK_FAILED") or (
            status["task_id"]["value"] == "long" and status["state"] == "TASK_RUNNING"
        ):
            ends[status["task_id"]["value"]] = status
    assert {name: end["state"] for name, end in ends.items()} == {
        "good": "TASK_FINISHED",
        "bad": "TASK_FAILED",
        "long": "TASK_RUNNING",
    }
    assert ends["bad"]["message"] == "Command exited with status 3"
    framework.order(reconcile=["long", "never"])
    answers = {}
    while len(answers) < 2:
        status = framework.event("update")["status"]
        answers[status["task_id"]["value"]] = (status["state"], status["reason"])
    assert answers["long"] == ("TASK_RUNNING", "REASON_RECONCILIATION")
    assert answers["never"] == ("TASK_LOST", "REASON_RECONCILIATION")
    framework.stop(teardown=False)

    again = Framework(f"127.0.0.1:{programs.master_port}", tmp_path / "again.log", id={"value": framework_id})
    try:
        again.event("reregistered")
        again.order(kill="long")
        assert again.states("long", "TASK_KILLED") == ["TASK_KILLED"]
        again.stop(teardown=True)
    finally:
        again.close()
    programs.wait(lambda: programs.state()["completed_frameworks"])


def test_an_executor_on_pymesos(programs: Programs, framework: Framework) -> None:
    framework.event("registered")
    command = f"exec {environment.interpreter()} {CLIENTS / 'pymesos_executor.py'}"
    executor = {
        "executor_id": {"value": "sleeper"},
        "command": {"value": command},
        "resources": task("any")["resources"],
    }

    def sleep(task_id: str, seconds: float) -> dict[str, Any]:
        data = base64.b64encode(str(seconds).encode()).decode()
        return task(task_id, data=data, executor=executor)

    framework.order(launch=[sleep("short", 0.1)])
    assert framework.states("short", "TASK_FINISHED") == ["TASK_RUNNING", "TASK_FINISHED"]
    framework.order(launch=[sleep("long", 1000)])
    status = framework.event("update")["status"]
    assert (status["message"], status["labels"], status["data"]) == (
        "from pymesos",
        {"labels": [{"key": "k", "value": "v"}]},
        base64.b64encode(b"d").decode(),
    )
    framework.order(message=["sleeper", status["agent_id"]["value"], base64.b64encode(b"abc").decode()])
    assert base64.b64decode(framework.event("message")["data"]) == b"cba"
    framework.order(kill="long")
    assert framework.states("long", "TASK_KILLED") == ["TASK_KILLED"]
    framework.stop(teardown=True)
    programs.wait(lambda: programs.state()["completed_frameworks"])
