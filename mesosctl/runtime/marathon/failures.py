"""The last failure of each app's tasks, as the event bus told of it. It is forgotten with the leader."""

from __future__ import annotations

from typing import Any

_FAILED = frozenset({"TASK_FAILED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE", "TASK_GONE_BY_OPERATOR"})


class Failures:
    def __init__(self) -> None:
        self._of: dict[str, dict[str, Any]] = {}

    def of(self, app_id: str) -> dict[str, Any] | None:
        """As in `lastTaskFailure`."""
        return self._of.get(app_id)

    def heard(self, event: dict[str, Any]) -> None:
        if event["eventType"] == "status_update_event" and event["taskStatus"] in _FAILED:
            self._of[event["appId"]] = {
                "appId": event["appId"],
                "host": event.get("host", ""),
                "message": event.get("message", ""),
                "slaveId": event.get("slaveId"),
                "state": event["taskStatus"],
                "taskId": event["taskId"],
                "timestamp": event["timestamp"],
                "version": event.get("version", ""),
            }
        elif event["eventType"] == "app_terminated_event":
            self._of.pop(event["appId"], None)
