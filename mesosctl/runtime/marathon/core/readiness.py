"""Readiness checks: asked while a deployment waits for new instances, until they say that they are ready."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mesosctl.runtime.clock import Clock, Timer
from mesosctl.runtime.marathon.core.checks import endpoint
from mesosctl.runtime.marathon.core.instances import Instances
from mesosctl.runtime.marathon.core.outside import Outside, Probe, ProbeResult, Purpose
from mesosctl.runtime.marathon.core.records import Condition, Instance, ReadinessResult

_Key = tuple[str, int]


class Readiness:
    """`changed` is told the app's id when an instance has become ready."""

    def __init__(self, clock: Clock, outside: Outside, instances: Instances, changed: Callable[[str], None]) -> None:
        self._clock = clock
        self._outside = outside
        self._instances = instances
        self._changed = changed
        self._results: dict[_Key, ReadinessResult] = {}
        """By the task's id and the number of the check."""
        self._of_app: dict[str, dict[_Key, None]] = {}
        self._timers: dict[_Key, Timer] = {}

    def ready(self, instance: Instance) -> bool:
        """Whether all its checks have been passed. Those that have not are asked from now on."""
        ready = True
        for number, check in enumerate(instance.app.readinessChecks):
            key = (instance.task_id, number)
            if key not in self._results:
                self._results[key] = ReadinessResult(instance.app_id, check.name, instance.task_id, ready=False)
                self._of_app.setdefault(instance.app_id, {})[key] = None
                self._timers[key] = self._clock.after(0, partial(self._ask, key))
            ready = ready and self._results[key].ready
        return ready

    def results(self, app_id: str) -> tuple[ReadinessResult, ...]:
        return tuple(self._results[key] for key in self._of_app.get(app_id, ()))

    def forget(self, instance: Instance) -> None:
        """Its task runs no more."""
        for number in range(len(instance.app.readinessChecks)):
            key = (instance.task_id, number)
            if self._results.pop(key, None):
                self._timers.pop(key).cancel()
                keys = self._of_app[instance.app_id]
                del keys[key]
                if not keys:
                    del self._of_app[instance.app_id]

    def probed(self, probe: Probe, result: ProbeResult) -> None:
        instance = self._instances.of_task(probe.task_id)
        key = (probe.task_id, probe.number)
        if instance is None or key not in self._results:
            return
        check = instance.app.readinessChecks[probe.number]
        kept = result if check.preserveLastResponse else ProbeResult(connected=False)
        ready = result.status in check.httpStatusCodesForReady
        self._results[key] = ReadinessResult(
            instance.app_id, check.name, probe.task_id, ready, kept.status, kept.content_type, kept.body
        )
        if ready:
            self._changed(instance.app_id)
        else:
            self._timers[key] = self._clock.after(check.intervalSeconds, lambda: self._ask(key))

    def _ask(self, key: _Key) -> None:
        instance = self._instances.of_task(key[0])
        if instance is None:
            return
        check = instance.app.readinessChecks[key[1]]
        index = next((n for n, port in enumerate(instance.app.ports) if port.name == check.portName), None)
        target = endpoint(instance, index) if index is not None else None
        if target is None or instance.condition is not Condition.RUNNING:
            self._timers[key] = self._clock.after(check.intervalSeconds, lambda: self._ask(key))
            return
        probe = Probe(
            purpose=Purpose.READINESS,
            task_id=key[0],
            number=key[1],
            protocol=check.protocol,
            host=target[0],
            port=target[1],
            path=check.path,
            timeout=float(check.timeoutSeconds),
        )
        self._outside.probe(probe)
