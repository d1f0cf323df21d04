"""How long something took, as Apache Mesos' metrics show it: the last time, and figures over the newest ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

KEPT = 1000
_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "p9999": 0.9999}


class Timings:
    def __init__(self) -> None:
        self.count = 0
        """Since the start."""
        self._newest: deque[float] = deque(maxlen=KEPT)

    def add(self, seconds: float) -> None:
        self.count += 1
        self._newest.append(1000 * max(0.0, seconds))

    def metrics(self, name: str) -> Iterator[tuple[str, float]]:
        """In milliseconds, with names below this one. Nothing where nothing was measured."""
        if not self._newest:
            return
        ordered = sorted(self._newest)
        yield name, self._newest[-1]
        yield f"{name}/count", float(len(ordered))
        yield f"{name}/min", ordered[0]
        yield f"{name}/max", ordered[-1]
        for label, part in _PERCENTILES.items():
            place = part * (len(ordered) - 1)
            below = int(place)
            above = min(below + 1, len(ordered) - 1)
            yield f"{name}/{label}", ordered[below] + (place - below) * (ordered[above] - ordered[below])
