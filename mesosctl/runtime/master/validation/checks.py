"""Whether checks and health checks of tasks are valid. Words and order are those of Mesos
(src/common/validation.cpp)."""

from __future__ import annotations

from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.tasks import CheckInfo, HealthCheck

Problem = str | None


def problem_of_check(check: CheckInfo) -> Problem:
    if check.type in (None, CheckInfo.Type.UNKNOWN):
        return "CheckInfo must specify 'type'"
    return (
        _problem_of_type(check, f"{check.type} check")
        or _problem_of_value(check.command.command if check.command else None, "Command check")
        or _problem_of_path(check.http.path if check.http else None, "HTTP check")
        or _problem_of_times(check, "delay", "interval", "timeout")
    )


def problem_of_health_check(check: HealthCheck) -> Problem:
    if check.type in (None, HealthCheck.Type.UNKNOWN):
        return "HealthCheck must specify 'type'"
    scheme = check.http.scheme if check.http else None
    return (
        _problem_of_type(check, f"{check.type} health check")
        or _problem_of_value(check.command, "Command health check")
        or (f"Unsupported HTTP health check scheme: '{scheme}'" if scheme not in (None, "http", "https") else None)
        or _problem_of_path(check.http.path if check.http else None, "HTTP health check")
        or _problem_of_times(check, "delay", "grace_period", "interval", "timeout")
    )


def _problem_of_type(check: CheckInfo | HealthCheck, words: str) -> Problem:
    name = str(check.type).lower()
    return f"Expecting '{name}' to be set for {words}" if getattr(check, name) is None else None


def _problem_of_value(command: CommandInfo | None, words: str) -> Problem:
    if command is None or command.value is not None:
        return None
    return f"{words} must contain {'shell command' if command.shell else 'executable path'!r}"


def _problem_of_path(path: str | None, words: str) -> Problem:
    if path is None or path.startswith("/"):
        return None
    return f"The path '{path}' of {words} must start with '/'"


def _problem_of_times(check: CheckInfo | HealthCheck, *names: str) -> Problem:
    for name in names:
        if not getattr(check, f"{name}_seconds") >= 0:
            return f"Expecting '{name}_seconds' to be non-negative"
    return None
