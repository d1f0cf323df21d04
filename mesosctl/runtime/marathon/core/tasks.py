"""What the master tells of tasks, and what it means for their instances."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mesosctl.runtime.clock import Clock
from mesosctl.runtime.marathon.core import events
from mesosctl.runtime.marathon.core.health import Health
from mesosctl.runtime.marathon.core.instances import Instances
from mesosctl.runtime.marathon.core.kills import Kills
from mesosctl.runtime.marathon.core.launcher import Launcher
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.outside import Outside
from mesosctl.runtime.marathon.core.readiness import Readiness
from mesosctl.runtime.marathon.core.records import Condition, Goal, Instance
from mesosctl.runtime.marathon.core.statuses import FAILURES, NOT_YET, condition_of, is_same
from mesosctl.runtime.marathon.core.unreachable import Unreachable
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus

_replace = msgspec.structs.replace


class Tasks:
    """Changes instances as their tasks change. `settle` is called where that was not asked for from outside."""

    def __init__(
        self,
        options: Options,
        clock: Clock,
        outside: Outside,
        instances: Instances,
        kills: Kills,
        launcher: Launcher,
        health: Health,
        readiness: Readiness,
        settle: Callable[[], None],
    ) -> None:
        self._options = options
        self._clock = clock
        self._outside = outside
        self._instances = instances
        self._kills = kills
        self._launcher = launcher
        self._health = health
        self._readiness = readiness
        self._unreachable = Unreachable(clock, self._give_up_waiting, self._expunge, settle)

    def resume(self, instance: Instance) -> None:
        """As the store had it, under a new leader."""
        if instance.goal is not Goal.RUNNING:
            self.stop(instance)
        elif instance.condition is Condition.RUNNING:
            self._health.watch(instance)
            if instance.task and instance.task.status:
                self._health.told(instance, instance.task.status)
        elif instance.condition in (Condition.UNREACHABLE, Condition.UNREACHABLE_INACTIVE):
            self._unreachable.lost(instance)

    def status(self, status: TaskStatus) -> None:
        task_id = status.task_id.value
        instance = self._instances.of_task(task_id)
        condition = condition_of(status)

        def acknowledge() -> None:
            self._outside.acknowledge(status)

        if instance is None or instance.task is None:
            self._unknown(task_id, status, condition)
            acknowledge()
            return
        if condition in NOT_YET and instance.task.started_at is not None:
            acknowledge()  # it was overtaken by the news that the task runs
            return
        last = instance.task.status
        if last is not None and status.uuid is None and is_same(last, status):
            return  # an answer to a reconciliation: nothing that the store does not have
        if last is None or last.state is not status.state:
            self._publish(events.status_update(instance, task_id, status))
        if condition.terminal:
            self._ended(instance, condition, acknowledge)
        else:
            self._goes_on(instance, condition, status, acknowledge)

    def kill(self, instance: Instance) -> None:
        """Its task; where its goal is to run, another one follows. Who is out of reach is given up."""
        if instance.condition in (Condition.UNREACHABLE, Condition.UNREACHABLE_INACTIVE):
            self._remove(instance, instance.condition)
        else:
            self._kills.kill(instance)

    def stop(self, instance: Instance) -> None:
        """It shall be no more."""
        if instance.task is None:
            self._remove(instance, Condition.KILLED)
            return
        if instance.goal is not Goal.DECOMMISSIONED:
            instance = _replace(instance, goal=Goal.DECOMMISSIONED)
            self._instances.put(instance, quiet=True)
        self.kill(instance)

    def unhealthy(self, instance: Instance, reason: str) -> None:
        """Its checks have failed for too long."""
        if instance.task and not self._kills.pending(instance.task.id):
            self._publish(events.unhealthy_kill(instance, reason))
            self._launcher.failed(instance.app)
            self.kill(instance)

    def check_overdue(self) -> None:
        """Launches that nothing was heard of, and those that take too long."""
        now = self._clock.now()
        for instance in self._instances.all():
            if instance.task is None:
                continue
            waited = now - instance.task.staged_at
            if instance.condition is Condition.PROVISIONED and waited > self._options.confirm_timeout:
                self._ended(instance, Condition.DROPPED, lambda: None)
            elif (
                instance.condition in (Condition.STAGING, Condition.STARTING) and waited > self._options.launch_timeout
            ):
                self._kills.kill(instance)

    def _goes_on(self, instance: Instance, condition: Condition, status: TaskStatus, then: Callable[[], None]) -> None:
        assert instance.task is not None
        now = self._clock.now()
        task = _replace(instance.task, status=status)
        if condition is Condition.RUNNING and task.started_at is None:
            task = _replace(task, started_at=status.timestamp or now)
        if instance.condition is Condition.UNREACHABLE_INACTIVE and condition is Condition.UNREACHABLE:
            condition = Condition.UNREACHABLE_INACTIVE
        same = condition is instance.condition
        changed = _replace(instance, task=task, condition=condition, since=instance.since if same else now)
        if condition is Condition.UNREACHABLE:
            if changed.goal is not Goal.RUNNING or self._kills.pending(task.id):
                self._remove(changed, condition, then)
                return
            self._instances.put(changed, then, quiet=same)
            self._unreachable.lost(changed)
            return
        self._unreachable.found(instance.id)
        self._instances.put(changed, then, quiet=same)
        if condition is Condition.RUNNING:
            self._health.watch(changed)
        self._health.told(changed, status)

    def _ended(self, instance: Instance, condition: Condition, then: Callable[[], None]) -> None:
        """The next task, the next incarnation, takes its place, unless the instance is to go."""
        if instance.goal is not Goal.RUNNING or instance.condition is Condition.UNREACHABLE_INACTIVE:
            self._remove(instance, condition, then)
            return
        self._forget(instance)
        now = self._clock.now()
        if condition in FAILURES:
            self._launcher.failed(instance.app)
        self._publish(events.instance_changed(_replace(instance, condition=condition)))
        waiting = _replace(
            instance,
            condition=Condition.SCHEDULED,
            since=now,
            incarnation=instance.incarnation + 1,
            agent=None,
            task=None,
        )
        self._instances.put(waiting, then)
        self._launcher.wanted(instance.app)

    def _unknown(self, task_id: str, status: TaskStatus, condition: Condition) -> None:
        """Nobody wants it: a task that was given up, or that another Marathon left."""
        instance_id = task_id.split("._app.")[0]
        if condition.terminal:
            app_id = "/" + instance_id.split(".instance-")[0].replace("_", "/")
            self._publish(events.unknown_instance_terminated(instance_id, app_id, condition))
        elif status.state not in (TaskState.TASK_UNREACHABLE, TaskState.TASK_LOST, TaskState.TASK_KILLING):
            self._outside.kill(task_id, status.agent_id.value if status.agent_id else None, None)

    def _give_up_waiting(self, instance_id: str) -> None:
        """Have another one in its place."""
        instance = self._instances.get(instance_id)
        if instance and instance.condition is Condition.UNREACHABLE:
            self._instances.put(_replace(instance, condition=Condition.UNREACHABLE_INACTIVE))

    def _expunge(self, instance_id: str) -> None:
        instance = self._instances.get(instance_id)
        if instance and instance.condition in (Condition.UNREACHABLE, Condition.UNREACHABLE_INACTIVE):
            self._remove(instance, instance.condition)

    def _remove(self, instance: Instance, condition: Condition, then: Callable[[], None] = lambda: None) -> None:
        self._forget(instance)
        self._instances.remove(instance, condition, then)

    def _forget(self, instance: Instance) -> None:
        self._unreachable.found(instance.id)
        if instance.task:
            self._kills.ended(instance.task.id)
            self._health.forget(instance.task.id)
            self._readiness.forget(instance)

    def _publish(self, event: events.Event) -> None:
        self._outside.publish(events.stamped(event, self._clock.now()))
