"""How much a program logs: raised for a while at run time, as `/logging/toggle` and SET_LOGGING_LEVEL ask for."""

from __future__ import annotations

import logging

from mesosctl.runtime.clock import Clock, Timer

MAX_LEVEL = 3


class LogLevel:
    """Mesos' levels of verbosity: 0 is what the program was started with, all above also log what helps debugging."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._root = logging.getLogger()
        self._original = self._root.level
        self._timer: Timer | None = None
        self.level = 0

    def set(self, level: int, seconds: float) -> None:
        """Log at `level` for so long, then as before."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._apply(level)
        if level:
            self._timer = self._clock.after(seconds, lambda: self._apply(0))

    def _apply(self, level: int) -> None:
        self.level = level
        self._root.setLevel(logging.DEBUG if level else self._original)
