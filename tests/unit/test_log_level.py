"""Logging more for a while: SET_LOGGING_LEVEL and `/logging/toggle`."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.http.log_level import LogLevel
from tests.unit.test_master_http import Running, run
from tests.unit.test_operator_master import ask


@pytest.fixture(autouse=True)
def _root() -> Iterator[None]:
    """Leave the root logger as it was."""
    before = logging.getLogger().level
    logging.getLogger().setLevel(logging.WARNING)
    yield
    logging.getLogger().setLevel(before)


def test_it_falls_back() -> None:
    clock = SimulatedClock()
    level = LogLevel(clock)
    level.set(2, 10)
    assert (level.level, logging.getLogger().level) == (2, logging.DEBUG)
    clock.advance(9)
    assert level.level == 2
    clock.advance(1)
    assert (level.level, logging.getLogger().level) == (0, logging.WARNING)


def test_a_later_setting_counts() -> None:
    clock = SimulatedClock()
    level = LogLevel(clock)
    level.set(2, 10)
    clock.advance(5)
    level.set(1, 10)
    clock.advance(9)
    assert level.level == 1
    level.set(0, 10)
    assert (level.level, logging.getLogger().level) == (0, logging.WARNING)
    clock.advance(60)
    assert level.level == 0


def test_calls_and_toggle() -> None:
    async def scenario(running: Running) -> None:
        duration = {"nanoseconds": 60 * 10**9}
        assert await ask(running, "SET_LOGGING_LEVEL", level=3, duration=duration) is None
        assert (await ask(running, "GET_LOGGING_LEVEL"))["get_logging_level"] == {"level": 3}
        assert (await running.request("GET", "/logging/toggle"))[1] == b"3\n"
        answer, _ = await running.request("GET", "/logging/toggle?level=0&duration=1mins")
        assert answer.status == 200
        assert (await running.request("GET", "/logging/toggle"))[1] == b"0\n"
        for query in (
            "level=1",
            "duration=1secs",
            "level=x&duration=1secs",
            "level=9&duration=1secs",
            "level=1&duration=x",
        ):
            answer, body = await running.request("GET", f"/logging/toggle?{query}")
            assert (answer.status, body[-2:]) == (400, b".\n")

    run(scenario)
