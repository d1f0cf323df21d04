"""How long something took, as metrics show it."""

from __future__ import annotations

import pytest

from mesosctl.runtime.timings import KEPT, Timings

FIGURES = ("min", "max", "p50", "p90", "p95", "p99", "p999", "p9999")


def test_nothing_is_shown_of_what_never_happened() -> None:
    assert dict(Timings().metrics("x_ms")) == {}


def test_one_time() -> None:
    timings = Timings()
    timings.add(0.002)
    shown = dict(timings.metrics("x_ms"))
    assert shown.pop("x_ms/count") == 1
    assert set(shown) == {"x_ms", *(f"x_ms/{each}" for each in FIGURES)}
    assert set(shown.values()) == {2.0}


def test_percentiles_lie_between_the_times() -> None:
    timings = Timings()
    for seconds in (0.005, 0.001, 0.003, 0.002, 0.004):
        timings.add(seconds)
    shown = dict(timings.metrics("x_ms"))
    assert (shown["x_ms"], shown["x_ms/min"], shown["x_ms/max"]) == (4.0, 1.0, 5.0)
    assert shown["x_ms/p50"] == 3.0
    assert shown["x_ms/p90"] == pytest.approx(4.6)


def test_old_times_are_forgotten_but_counted() -> None:
    timings = Timings()
    for number in range(KEPT + 1):
        timings.add(number)
    shown = dict(timings.metrics("x_ms"))
    assert (timings.count, shown["x_ms/count"], shown["x_ms/min"]) == (KEPT + 1, KEPT, 1000.0)
