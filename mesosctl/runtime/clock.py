"""Time as the state machines see it: handed in, so that tests and simulations decide what it is.

`LoopClock` runs on asyncio; `SimulatedClock` stands still until a test advances it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Something that will happen once, unless it is cancelled before."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` once, that many seconds from now."""
        ...


class LoopClock:
    """The clock of the running event loop. Delays are not moved by changes of the system's time."""

    def now(self) -> float:
        return time.time()

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, callback)


class SimulatedClock:
    """A clock for tests. Callbacks run inside `advance`, in the order of their time, then of their making."""

    def __init__(self, start: float = 1_000_000.0) -> None:
        self._now = start
        self._order = itertools.count()
        self._timers: list[tuple[float, int, _SimulatedTimer]] = []

    def now(self) -> float:
        return self._now

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = _SimulatedTimer(callback)
        heapq.heappush(self._timers, (self._now + max(0.0, seconds), next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass; timers that fall due on the way run at their own time, those they set included."""
        end = self._now + seconds
        while self._timers and self._timers[0][0] <= end:
            self._now, _, timer = heapq.heappop(self._timers)
            if timer.callback:
                timer.callback()
        self._now = end


class _SimulatedTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None
