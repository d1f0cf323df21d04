"""How instances are: what Marathon's own checks find, what agents tell of theirs, and when that is the end of a task.

Failures do not count within the grace period of a task that has never been healthy. Whose check fails as often as
`maxConsecutiveFailures` is killed; 0 never.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mesosctl.runtime.clock import Clock, Timer
from mesosctl.runtime.marathon.core import events
from mesosctl.runtime.marathon.core.checks import address, by_mesos
from mesosctl.runtime.marathon.core.instances import Instances
from mesosctl.runtime.marathon.core.outside import Outside, Probe, ProbeResult, Purpose
from mesosctl.runtime.marathon.core.records import Condition, HealthResult, Instance
from mesosctl.runtime.marathon.model import HealthCheck, Pod
from mesosctl.runtime.protocol.tasks import TaskStatus

_replace = msgspec.structs.replace


class _Watch:
    """Of one task."""

    def __init__(self, checks: int) -> None:
        self.results: list[HealthResult | None] = [None] * checks
        self.unheard: set[int] = set()
        """Marathon's own checks that were not answered yet."""
        self.timers: dict[int, Timer] = {}


class Health:
    """`failed` is told the instance to kill; `changed` the app's id when the health of one of its instances changes."""

    def __init__(
        self,
        clock: Clock,
        outside: Outside,
        instances: Instances,
        failed: Callable[[Instance, str], None],
        changed: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._outside = outside
        self._instances = instances
        self._failed = failed
        self._changed = changed
        self._watched: dict[str, _Watch] = {}
        """By the task's id."""

    def results(self, instance: Instance) -> tuple[HealthResult | None, ...]:
        watch = self._watched.get(instance.task_id)
        return tuple(watch.results) if watch else (None,) * len(instance.app.healthChecks)

    def healthy(self, instance: Instance) -> bool | None:
        """None as long as it is not known, or where there are no checks."""
        if isinstance(instance.app, Pod):
            return _pod_healthy(instance)
        results = self.results(instance)
        if any(result is not None and not result.alive for result in results):
            return False
        return True if results and None not in results else None

    def heard(self, instance: Instance) -> bool:
        """Whether Marathon's own checks have been answered at least once."""
        if not instance.app.healthChecks:
            return True
        watch = self._watched.get(instance.task_id)
        return watch is not None and not watch.unheard

    def watch(self, instance: Instance) -> None:
        """It runs: begin with Marathon's checks, unless that was done before."""
        if not instance.app.healthChecks or instance.task_id in self._watched:
            return
        watch = self._watched[instance.task_id] = _Watch(len(instance.app.healthChecks))
        age = self._clock.now() - _started(instance)
        for number, check in enumerate(instance.app.healthChecks):
            if not by_mesos(check):
                watch.unheard.add(number)
                self._later(watch, instance.task_id, number, max(0.0, check.delaySeconds - age))

    def told(self, instance: Instance, status: TaskStatus) -> None:
        """What an agent says of the check that it runs."""
        watch = self._watched.get(instance.task_id)
        number = next((n for n, check in enumerate(instance.app.healthChecks) if by_mesos(check)), None)
        if watch and number is not None and status.healthy is not None:
            self._note(instance, watch, number, status.healthy, status.message or "")

    def forget(self, task_id: str) -> None:
        """It runs no more."""
        watch = self._watched.pop(task_id, None)
        for timer in watch.timers.values() if watch else ():
            timer.cancel()

    def probed(self, probe: Probe, result: ProbeResult) -> None:
        instance = self._instances.of_task(probe.task_id)
        watch = self._watched.get(probe.task_id)
        if instance is None or instance.task is None or watch is None:
            return
        check = instance.app.healthChecks[probe.number]
        self._later(watch, probe.task_id, probe.number, check.intervalSeconds)
        self._hear(instance, watch, probe.number)
        alive = _alive(check, result)
        if alive is None or (not alive and self._in_grace(instance, check, watch.results[probe.number])):
            return
        cause = result.cause or (f"HTTP status {result.status}" if result.status is not None else "no answer")
        self._note(instance, watch, probe.number, alive, cause)
        if not alive:
            self._publish(events.failed_health_check(instance, check))
            self._judge(instance, watch.results[probe.number], check)

    def _later(self, watch: _Watch, task_id: str, number: int, seconds: float) -> None:
        watch.timers[number] = self._clock.after(seconds, lambda: self._ask(task_id, number))

    def _ask(self, task_id: str, number: int) -> None:
        instance = self._instances.of_task(task_id)
        watch = self._watched.get(task_id)
        if instance is None or watch is None:
            return
        check = instance.app.healthChecks[number]
        target = address(instance, check)
        if target is None:
            self._hear(instance, watch, number)  # there is nobody to ask
        if target is None or instance.condition is not Condition.RUNNING:
            self._later(watch, task_id, number, max(1, check.intervalSeconds))
            return
        probe = Probe(
            purpose=Purpose.HEALTH,
            task_id=task_id,
            number=number,
            protocol=check.protocol,
            host=target[0],
            port=target[1],
            path=check.path or "/",
            timeout=float(check.timeoutSeconds),
        )
        self._outside.probe(probe)

    def _in_grace(self, instance: Instance, check: HealthCheck, last: HealthResult | None) -> bool:
        never = last is None or last.first_success is None
        return never and self._clock.now() < _started(instance) + check.gracePeriodSeconds

    def _hear(self, instance: Instance, watch: _Watch, number: int) -> None:
        if number in watch.unheard:
            watch.unheard.remove(number)
            self._changed(instance.app_id)

    def _note(self, instance: Instance, watch: _Watch, number: int, alive: bool, cause: str) -> None:
        now = self._clock.now()
        before = self.healthy(instance)
        last = watch.results[number] or HealthResult(alive=False)
        was_alive = watch.results[number] is not None and last.alive
        if alive:
            first = now if last.first_success is None else last.first_success
            new = _replace(last, alive=True, consecutive_failures=0, first_success=first, last_success=now)
        else:
            failures = last.consecutive_failures + 1
            new = _replace(last, alive=False, consecutive_failures=failures, last_failure=now, last_failure_cause=cause)
        first_result = watch.results[number] is None
        watch.results[number] = new
        if first_result or was_alive != alive:
            self._publish(events.health_status_changed(instance, alive))
        after = self.healthy(instance)
        if after != before:
            self._publish(events.instance_health_changed(instance, after))
            self._changed(instance.app_id)

    def _judge(self, instance: Instance, result: HealthResult | None, check: HealthCheck) -> None:
        most = check.maxConsecutiveFailures
        if result and most and result.consecutive_failures >= most:
            reason = result.last_failure_cause or "failed health checks"
            self._failed(instance, reason)

    def _publish(self, event: events.Event) -> None:
        self._outside.publish(events.stamped(event, self._clock.now()))


def _started(instance: Instance) -> float:
    assert instance.task is not None
    return instance.task.started_at or instance.task.staged_at


def _pod_healthy(instance: Instance) -> bool | None:
    """What agents tell of its containers. One that has finished is well."""
    assert isinstance(instance.app, Pod)
    checked = {container.name for container in instance.app.containers if container.healthCheck}
    told = [
        True if task.condition is Condition.FINISHED else task.status.healthy if task.status else None
        for task in instance.tasks
        if task.container in checked
    ]
    if False in told:
        return False
    return True if told and None not in told else None


def _alive(check: HealthCheck, result: ProbeResult) -> bool | None:
    """None where the answer says nothing."""
    if check.protocol == "TCP" or not result.connected or result.status is None:
        return result.connected and check.protocol == "TCP"
    if check.ignoreHttp1xx and 100 <= result.status < 200:
        return None
    return 200 <= result.status < 400
