"""When a task is checked and what follows from the results. Synchronous, no I/O, time through the clock.

As in Apache Mesos (src/checks/): the next try begins an interval after the end of the last; a check reports every
change of its result; a health check reports the first success, every failure and every recovery, where failures before
the first success do not count during the grace period.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mesosctl.runtime.clock import Clock, Timer
from mesosctl.runtime.executor.checks.targets import Result, Target, check_target, health_target, is_success
from mesosctl.runtime.protocol.tasks import CheckInfo, CheckStatusInfo, HealthCheck, TaskInfo


class Prober(Protocol):
    def probe(self, target: Target, done: Callable[[Result], None]) -> Callable[[], None]:
        """Try a target; `done` is called once, later. Returns what gives the try up: `done` is not called then."""


class Observer(Protocol):
    def health_changed(self, healthy: bool, *, must_kill: bool) -> None:
        """A result of the health check that is to be reported. `must_kill`: it failed once too often."""

    def check_changed(self, status: CheckStatusInfo) -> None: ...


class TaskChecks:
    """The checks of one task, from now on: it has just been started."""

    def __init__(self, task: TaskInfo, clock: Clock, prober: Prober, observer: Observer) -> None:
        """Raises ValueError where a check is not valid."""
        self._rhythms: list[_Rhythm] = []
        if task.health_check:
            health = _Health(task.health_check, clock, observer)
            self._rhythms.append(_Rhythm(_pace(task.health_check), clock, prober, health.target, health.heard))
        if task.check:
            check = _Check(task.check, observer)
            self._rhythms.append(_Rhythm(_pace(task.check), clock, prober, check.target, check.heard))

    def pause(self) -> None:
        """Try nothing until `resume`; what is being tried is given up. For good where the task ends."""
        for rhythm in self._rhythms:
            rhythm.pause()

    def resume(self) -> None:
        """Try again at once."""
        for rhythm in self._rhythms:
            rhythm.resume()


def empty_status(check: CheckInfo | None) -> CheckStatusInfo | None:
    """The status of a check that has no result yet."""
    return check_status(check, None) if check else None


def check_status(check: CheckInfo, result: Result) -> CheckStatusInfo:
    status = CheckStatusInfo
    match check.type:
        case CheckInfo.Type.COMMAND:
            return status(type=check.type, command=status.Command(result))
        case CheckInfo.Type.HTTP:
            return status(type=check.type, http=status.Http(result))
        case _:
            return status(type=check.type, tcp=status.Tcp(None if result is None else bool(result)))


class _Check:
    def __init__(self, info: CheckInfo, observer: Observer) -> None:
        self.target = check_target(info)
        self._info = info
        self._observer = observer
        self._last = check_status(info, None)

    def heard(self, result: Result) -> None:
        status = check_status(self._info, result)
        if status != self._last:
            self._last = status
            self._observer.check_changed(status)


class _Health:
    def __init__(self, info: HealthCheck, clock: Clock, observer: Observer) -> None:
        self.target = health_target(info)
        self._info = info
        self._clock = clock
        self._observer = observer
        self._grace_ends = clock.now() + info.grace_period_seconds
        self._was_healthy = False
        self._failures = 0
        """In a row."""

    def heard(self, result: Result) -> None:
        if is_success(self.target, result):
            if not self._was_healthy or self._failures:
                self._observer.health_changed(True, must_kill=False)
            self._was_healthy = True
            self._failures = 0
        elif self._was_healthy or self._clock.now() >= self._grace_ends:
            self._failures += 1
            must_kill = self._failures >= self._info.consecutive_failures
            self._observer.health_changed(False, must_kill=must_kill)


@dataclass(frozen=True)
class _Pace:
    """Seconds."""

    delay: float
    interval: float
    timeout: float


def _pace(check: CheckInfo | HealthCheck) -> _Pace:
    return _Pace(check.delay_seconds, check.interval_seconds, check.timeout_seconds)


class _Rhythm:
    """Tries a target again and again, one try at a time."""

    def __init__(
        self, pace: _Pace, clock: Clock, prober: Prober, target: Target, heard: Callable[[Result], None]
    ) -> None:
        self._pace = pace
        self._clock = clock
        self._prober = prober
        self._target = target
        self._heard = heard
        self._give_up: Callable[[], None] | None = None
        self._paused = False
        self._timer: Timer = clock.after(pace.delay, self._try)
        """For the next try, or for the end of this one."""

    def pause(self) -> None:
        self._paused = True
        self._timer.cancel()
        self._stop_trying()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._timer = self._clock.after(0, self._try)

    def _try(self) -> None:
        if self._pace.timeout > 0:
            self._timer = self._clock.after(self._pace.timeout, self._too_late)
        self._give_up = self._prober.probe(self._target, self._done)

    def _too_late(self) -> None:
        self._stop_trying()
        self._done(None)

    def _done(self, result: Result) -> None:
        self._give_up = None
        self._timer.cancel()
        self._timer = self._clock.after(self._pace.interval, self._try)
        self._heard(result)

    def _stop_trying(self) -> None:
        if self._give_up:
            give_up, self._give_up = self._give_up, None
            give_up()
