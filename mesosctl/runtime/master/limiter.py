"""A limit to how often something is done: whoever comes too early waits for a turn of its own."""

from __future__ import annotations

from collections.abc import Callable

from mesosctl.runtime.clock import Clock


class RateLimiter:
    def __init__(self, clock: Clock, interval: float) -> None:
        """`interval` in seconds, from one turn to the next; 0 for no limit."""
        self._clock = clock
        self._interval = interval
        self._next = 0.0

    def acquire(self, callback: Callable[[], None]) -> None:
        """Call `callback` at its turn, which may be now."""
        now = self._clock.now()
        turn = max(now, self._next)
        self._next = turn + self._interval
        if turn > now:
            self._clock.after(turn - now, callback)
        else:
            callback()
