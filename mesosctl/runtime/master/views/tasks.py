"""Tasks and executors as the older endpoints show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mesosctl.runtime import views
from mesosctl.runtime.master.records import Executor, Task
from mesosctl.runtime.resources import summary

Json = dict[str, Any]


def task_view(task: Task) -> Json:
    return views.task_view(task.info, task.framework_id, task.executor_id, task.state, task.resources, task.statuses)


def executor_view(executor: Executor) -> Json:
    info = executor.info
    view: Json = {
        "executor_id": executor.id,
        "name": info.name or "",
        "framework_id": executor.framework_id,
        "slave_id": executor.agent_id,
        "resources": summary(executor.resources),
    }
    for name in ("type", "command", "source", "container", "discovery"):
        if (value := getattr(info, name)) is not None:
            view[name] = value
    if info.labels:
        view["labels"] = info.labels.labels
    return view


def select_tasks(
    tasks: Iterable[Task],
    *,
    limit: int = 100,
    offset: int = 0,
    ascending: bool = False,
    framework_id: str | None = None,
    task_id: str | None = None,
) -> list[Json]:
    """A page of tasks by the time of their first status, the newest first unless `ascending`. `limit` -1: no limit."""
    chosen = [
        task for task in tasks if framework_id in (None, "", "*", task.framework_id) and task_id in (None, "", task.id)
    ]
    chosen.sort(key=_first_timestamp, reverse=not ascending)
    end = None if limit == -1 else offset + limit
    return [task_view(task) for task in chosen[offset:end]]


def _first_timestamp(task: Task) -> float:
    return (task.statuses[0].timestamp or 0.0) if task.statuses else 0.0
