"""Waiting between attempts: at random, up to a limit that doubles, so that not all clients come at once."""

from __future__ import annotations

import random


class Backoff:
    def __init__(self, first_seconds: float, max_seconds: float) -> None:
        self._first_seconds = first_seconds
        self._max_seconds = max_seconds
        self._limit = first_seconds

    def next(self) -> float:
        """Seconds to wait before the next attempt."""
        seconds = random.uniform(0, self._limit)
        self._limit = min(self._limit * 2, self._max_seconds)
        return seconds

    def reset(self) -> None:
        """An attempt was a success."""
        self._limit = self._first_seconds
