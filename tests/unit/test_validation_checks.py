"""Checks and health checks that a master refuses, and what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mesosctl.runtime.master.validation.checks import problem_of_check, problem_of_health_check
from mesosctl.runtime.protocol.codec import decode
from mesosctl.runtime.protocol.tasks import CheckInfo, HealthCheck

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        ({}, "CheckInfo must specify 'type'"),
        ({"type": "UNKNOWN"}, "CheckInfo must specify 'type'"),
        ({"type": "COMMAND"}, "Expecting 'command' to be set for COMMAND check"),
        ({"type": "COMMAND", "command": {"command": {}}}, "Command check must contain 'shell command'"),
        ({"type": "COMMAND", "command": {"command": {"shell": False}}}, "Command check must contain 'executable path'"),
        ({"type": "COMMAND", "command": {"command": {"value": "true"}}}, None),
        ({"type": "HTTP"}, "Expecting 'http' to be set for HTTP check"),
        ({"type": "HTTP", "http": {"port": 80, "path": "x"}}, "The path 'x' of HTTP check must start with '/'"),
        ({"type": "HTTP", "http": {"port": 80}}, None),
        ({"type": "TCP"}, "Expecting 'tcp' to be set for TCP check"),
        ({"type": "TCP", "tcp": {"port": 80}}, None),
        *(
            ({"type": "TCP", "tcp": {"port": 80}, name: -1.0}, f"Expecting '{name}' to be non-negative")
            for name in ("delay_seconds", "interval_seconds", "timeout_seconds")
        ),
    ],
)
def test_checks(check: Json, problem: str | None) -> None:
    assert problem_of_check(message(CheckInfo, check)) == problem


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        ({}, "HealthCheck must specify 'type'"),
        ({"type": "COMMAND"}, "Expecting 'command' to be set for COMMAND health check"),
        ({"type": "COMMAND", "command": {}}, "Command health check must contain 'shell command'"),
        ({"type": "COMMAND", "command": {"shell": False}}, "Command health check must contain 'executable path'"),
        ({"type": "COMMAND", "command": {"value": "true"}}, None),
        ({"type": "HTTP"}, "Expecting 'http' to be set for HTTP health check"),
        ({"type": "HTTP", "http": {"port": 80, "scheme": "ftp"}}, "Unsupported HTTP health check scheme: 'ftp'"),
        ({"type": "HTTP", "http": {"port": 80, "path": "x"}}, "The path 'x' of HTTP health check must start with '/'"),
        ({"type": "HTTP", "http": {"port": 80, "path": "/x", "scheme": "https"}}, None),
        ({"type": "TCP"}, "Expecting 'tcp' to be set for TCP health check"),
        ({"type": "TCP", "tcp": {"port": 80}}, None),
        *(
            ({"type": "TCP", "tcp": {"port": 80}, name: -1.0}, f"Expecting '{name}' to be non-negative")
            for name in ("delay_seconds", "interval_seconds", "timeout_seconds", "grace_period_seconds")
        ),
    ],
)
def test_health_checks(check: Json, problem: str | None) -> None:
    assert problem_of_health_check(message(HealthCheck, check)) == problem


def message(kind: Any, fields: Json) -> Any:
    return decode(kind, json.dumps(fields).encode())
