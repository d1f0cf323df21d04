"""The last failure of each app's tasks, as the event bus tells of it. The store keeps it for the next leader."""

from __future__ import annotations

from typing import Any

_FAILED = frozenset({"TASK_FAILED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE", "TASK_GONE_BY_OPERATOR"})


def failure_told(event: dict[str, Any]) -> tuple[str, dict[str, Any] | None] | None:
    """The app's id and its `lastTaskFailure` from now on, which is none for an app that is no more. None where an event
    changes nothing about it."""
    if event["eventType"] == "app_terminated_event":
        return event["appId"], None
    if event["eventType"] != "status_update_event" or event["taskStatus"] not in _FAILED:
        return None
    return event["appId"], {
        "appId": event["appId"],
        "host": event.get("host", ""),
        "message": event.get("message", ""),
        "slaveId": event.get("slaveId"),
        "state": event["taskStatus"],
        "taskId": event["taskId"],
        "timestamp": event["timestamp"],
        "version": event.get("version", ""),
    }
