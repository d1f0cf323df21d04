"""How many calls a second frameworks may make, by their principal (Mesos' docs/framework-rate-limiting.md).

Calls beyond that wait for their turn; beyond the capacity of what may wait they are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mesosctl.runtime.clock import Clock
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.wire import UInt64, WireMessage


class RateLimit(WireMessage):
    principal: Annotated[str, 2]
    qps: Annotated[float | None, 1] = None
    """None: as many as it likes."""
    capacity: Annotated[UInt64 | None, 3] = None
    """How many may wait. None: any number."""


class RateLimits(WireMessage):
    """The value of the flag `rate_limits`. The defaults are for all other principals together."""

    limits: Annotated[tuple[RateLimit, ...], 1] = ()
    aggregate_default_qps: Annotated[float | None, 2] = None
    aggregate_default_capacity: Annotated[UInt64 | None, 3] = None


@dataclass
class _Queue:
    seconds: float
    """From one call to the next."""
    capacity: int | None
    free_at: float = 0.0


class Throttle:
    def __init__(self, limits: RateLimits, clock: Clock) -> None:
        self._clock = clock
        self._queues = {each.principal: _queue(each.qps, each.capacity) for each in limits.limits}
        self._others = _queue(limits.aggregate_default_qps, limits.aggregate_default_capacity)

    def delay(self, principal: str | None) -> float:
        """How many seconds a call has to wait, from now. Raises Refusal (503) where too many wait already."""
        queue = self._queues.get(principal or "", self._others)
        if queue is None:
            return 0.0
        now = self._clock.now()
        turn = max(queue.free_at, now)
        if queue.capacity is not None and (turn - now) / queue.seconds > queue.capacity:
            raise Refusal(503, f"Call dropped: capacity({queue.capacity}) exceeded")
        queue.free_at = turn + queue.seconds
        return turn - now


def _queue(qps: float | None, capacity: int | None) -> _Queue | None:
    return _Queue(1 / qps, capacity) if qps else None
