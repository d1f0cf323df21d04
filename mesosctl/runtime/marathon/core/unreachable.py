"""When an instance that nobody reaches is replaced, and when it is given up: its app's `unreachableStrategy`."""

from __future__ import annotations

from collections.abc import Callable

from mesosctl.runtime.clock import Clock, Timer
from mesosctl.runtime.marathon.core.records import Instance


class Unreachable:
    """`inactive` and `expunge` are told the instance's id when its time has come; where that is by a timer, `settle`
    follows."""

    def __init__(
        self,
        clock: Clock,
        inactive: Callable[[str], None],
        expunge: Callable[[str], None],
        settle: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._inactive = inactive
        self._expunge = expunge
        self._settle = settle
        self._timers: dict[str, tuple[Timer, Timer]] = {}

    def lost(self, instance: Instance) -> None:
        """It became unreachable at its `since`, or, once more, is. With times of 0 all happens at once."""
        strategy = instance.app.unreachableStrategy
        if strategy == "disabled" or instance.id in self._timers:
            return
        gone = self._since(instance)
        for seconds, act in (
            (strategy.inactiveAfterSeconds, self._inactive),
            (strategy.expungeAfterSeconds, self._expunge),
        ):
            if gone >= seconds:
                act(instance.id)
        if gone < strategy.expungeAfterSeconds:
            self._timers[instance.id] = (
                self._later(strategy.inactiveAfterSeconds - gone, self._inactive, instance.id),
                self._later(strategy.expungeAfterSeconds - gone, self._expunge, instance.id),
            )

    def found(self, instance_id: str) -> None:
        """It is there again, or gone for good."""
        for timer in self._timers.pop(instance_id, ()):
            timer.cancel()

    def _later(self, seconds: float, act: Callable[[str], None], instance_id: str) -> Timer:
        def due() -> None:
            act(instance_id)
            self._settle()

        return self._clock.after(seconds, due)

    def _since(self, instance: Instance) -> float:
        """For how long, in seconds."""
        status = instance.task.status if instance.task else None
        at = status.unreachable_time.nanoseconds / 1e9 if status and status.unreachable_time else instance.since
        return self._clock.now() - at
