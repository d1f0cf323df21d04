"""Deployments under way: which apps they lock, in which step they are, and what an app shall have meanwhile.

A step's actions begin together, and the next step begins when all of them are done. After a failover all steps are gone
through once more: those that are done are seen to be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from mesosctl.runtime.clock import Clock
from mesosctl.runtime.marathon.core import events
from mesosctl.runtime.marathon.core.outside import DeploymentRemoved, Outside
from mesosctl.runtime.marathon.core.records import Deployment, Progress, ReadinessResult
from mesosctl.runtime.marathon.core.versions import seconds
from mesosctl.runtime.marathon.core.wanted import Wanted
from mesosctl.runtime.marathon.model import RunSpec, run_specs


class _Run:
    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.affected = deployment.affected
        affected = set(self.affected)
        self.since = seconds(deployment.version)
        self.step = 0
        """From 1; before, it waits to be stored."""
        self.busy: set[str] = set()
        """Apps of this step that are not done."""
        self.before = {id: app for id, app in run_specs(deployment.original).items() if id in affected}
        self.after = {id: app for id, app in run_specs(deployment.target).items() if id in affected}
        self.begun: dict[str, str] = {}
        """The latest action of each app."""


class Deployments:
    """`changed` is told the ids of apps of which something else is wanted; `stopped` those that are no more."""

    def __init__(
        self,
        clock: Clock,
        outside: Outside,
        changed: Callable[[str], None],
        stopped: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._outside = outside
        self._changed = changed
        self._stopped = stopped
        self._runs: dict[str, _Run] = {}
        self._lock: dict[str, _Run] = {}
        """By app."""

    def __len__(self) -> int:
        return len(self._runs)

    def all(self, readiness: Callable[[str], Collection[ReadinessResult]]) -> list[Progress]:
        return [
            Progress(run.deployment, run.step, tuple(result for app in run.after for result in readiness(app)))
            for run in self._runs.values()
        ]

    def get(self, deployment_id: str) -> Deployment | None:
        run = self._runs.get(deployment_id)
        return run.deployment if run else None

    def locking(self, app_ids: Collection[str]) -> tuple[str, ...]:
        """The deployments that touch one of these."""
        return tuple(dict.fromkeys(self._lock[id].deployment.id for id in app_ids if id in self._lock))

    def add(self, deployment: Deployment) -> None:
        """It locks its apps from now on, and does nothing yet."""
        run = self._runs[deployment.id] = _Run(deployment)
        for app_id in run.affected:
            self._lock[app_id] = run

    def begin(self, deployment_id: str) -> None:
        """It is stored: go. Nothing happens where it was cancelled meanwhile."""
        run = self._runs.get(deployment_id)
        if run and not run.step:
            self._next(run)

    def cancel(self, deployment_id: str, reason: str) -> None:
        """Leave everything as it is."""
        run = self._runs[deployment_id]
        if run.step:
            self._publish(events.deployment_step_failure(run.deployment, run.deployment.steps[run.step - 1]))
        self._publish(events.deployment_failed(run.deployment, reason))
        self._end(run)

    def wanted(self, app_id: str) -> Wanted | None:
        """What the deployment that locks this app wants of it now; None where none does."""
        run = self._lock.get(app_id)
        if run is None:
            return None
        before, after = run.before.get(app_id), run.after.get(app_id)
        kills = frozenset(run.deployment.kills.get(app_id, ()))
        match run.begun.get(app_id):
            case "ScaleApplication" if after:
                return Wanted(after, after.instances, since=run.since, kills=kills)
            case "RestartApplication" if after:
                return Wanted(after, after.instances, replace=True, since=run.since, kills=kills)
            case None if before:
                return Wanted(before, before.instances, keep=True)
            case "StopApplication" if before:
                return Wanted(before, 0, remove=True)
        return Wanted(_either(before, after), 0, keep=True)

    def done(self, app_id: str) -> None:
        """The app has what is wanted."""
        run = self._lock.get(app_id)
        if run is None or app_id not in run.busy:
            return
        run.busy.discard(app_id)
        if run.begun[app_id] == "StopApplication":
            self._stopped(app_id)
        if not run.busy:
            self._publish(events.deployment_step_success(run.deployment, run.deployment.steps[run.step - 1]))
            self._next(run)

    def _next(self, run: _Run) -> None:
        deployment = run.deployment
        if run.step == len(deployment.steps):
            self._end(run)
            self._publish(events.deployment_success(deployment))
            return
        step = deployment.steps[run.step]
        run.step += 1
        self._publish(events.deployment_info(deployment, step))
        for action in step.actions:
            run.busy.add(action.app)
            run.begun[action.app] = action.name
            self._changed(action.app)

    def _end(self, run: _Run) -> None:
        del self._runs[run.deployment.id]
        for app_id in run.affected:
            if self._lock.get(app_id) is run:
                del self._lock[app_id]
                self._changed(app_id)
        self._outside.persist((DeploymentRemoved(run.deployment.id),), lambda: None)

    def _publish(self, event: events.Event) -> None:
        self._outside.publish(events.stamped(event, self._clock.now()))


def _either(before: RunSpec | None, after: RunSpec | None) -> RunSpec:
    found = after or before
    assert found is not None
    return found
