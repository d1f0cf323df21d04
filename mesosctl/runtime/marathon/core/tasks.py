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
from mesosctl.runtime.marathon.core.records import Condition, Goal, Instance, instance_of
from mesosctl.runtime.marathon.core.statuses import (
    FAILURES,
    NOT_YET,
    condition_of,
    condition_of_all,
    is_same,
    killed_as_unhealthy,
    noted,
)
from mesosctl.runtime.marathon.core.unreachable import Unreachable
from mesosctl.runtime.marathon.model import RunSpec
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
        if instance.goal is Goal.DECOMMISSIONED:
            self.stop(instance)
        elif instance.goal is Goal.STOPPED:
            self.kill(instance)
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
        task = next(task for task in instance.tasks if task.id == task_id)
        if condition in NOT_YET and task.started_at is not None:
            acknowledge()  # it was overtaken by the news that the task runs
            return
        last = task.status
        if last is not None and status.uuid is None and is_same(last, status):
            return  # an answer to a reconciliation: nothing that the store does not have
        if last is None or last.state is not status.state:
            self._publish(events.status_update(instance, task_id, status))
        instance = noted(instance, task_id, condition, status, self._clock.now())
        condition = condition_of_all(instance)
        if status.state is TaskState.TASK_GONE_BY_OPERATOR and instance.reservation:
            self._remove(_replace(instance, reservation=None), condition, acknowledge)  # gone with its agent
        elif condition.terminal:
            self._ended(instance, condition, acknowledge)
        else:
            self._goes_on(instance, condition, status, acknowledge)
            if any(task.condition.terminal for task in instance.tasks):
                self._partly_ended(instance)

    def kill(self, instance: Instance) -> None:
        """Its task; where its goal is to run, another one follows. Who is out of reach is given up."""
        if instance.condition in (Condition.UNREACHABLE, Condition.UNREACHABLE_INACTIVE):
            self._give_up(instance, instance.condition)
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

    def suspend(self, instance: Instance) -> None:
        """Its task shall end, and what is reserved for it wait until it is resumed."""
        if instance.reservation is None:
            self.stop(instance)
            return
        condition = instance.condition if instance.task else Condition.RESERVED
        instance = _replace(instance, goal=Goal.STOPPED, condition=condition)
        self._instances.put(instance, quiet=instance.task is not None)
        self.kill(instance)

    def run_again(self, instance: Instance, app: RunSpec) -> None:
        """One that was suspended shall have a task; one whose task is still ending, another one after that."""
        instance = _replace(instance, goal=Goal.RUNNING)
        if instance.task is None:
            instance = _replace(instance, app=app, condition=Condition.SCHEDULED, since=self._clock.now())
        self._instances.put(instance)
        self._launcher.wanted(app)

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
        now = self._clock.now()
        if instance.condition is Condition.UNREACHABLE_INACTIVE and condition is Condition.UNREACHABLE:
            condition = Condition.UNREACHABLE_INACTIVE
        same = condition is instance.condition
        changed = _replace(instance, condition=condition, since=instance.since if same else now)
        if condition is Condition.UNREACHABLE:
            if changed.goal is not Goal.RUNNING or any(self._kills.pending(task.id) for task in changed.tasks):
                self._give_up(changed, condition, then)
                return
            self._instances.put(changed, then, quiet=same)
            self._unreachable.lost(changed)
            return
        self._unreachable.found(instance.id)
        if changed.reservation and not changed.reservation.confirmed:
            changed = _replace(changed, reservation=_replace(changed.reservation, confirmed=True))
        self._instances.put(changed, then, quiet=same)
        if condition is Condition.RUNNING:
            self._health.watch(changed)
        self._health.told(changed, status)

    def _ended(self, instance: Instance, condition: Condition, then: Callable[[], None]) -> None:
        """The next task, the next incarnation, takes its place, unless the instance is to go."""
        kept = instance.reservation if instance.reservation and instance.reservation.confirmed else None
        stays = instance.goal is Goal.RUNNING or (instance.goal is Goal.STOPPED and kept)
        if not stays or instance.condition is Condition.UNREACHABLE_INACTIVE:
            self._remove(instance, condition, then)
            return
        self._forget(instance)
        now = self._clock.now()
        if condition in FAILURES or any(map(killed_as_unhealthy, instance.tasks)):
            self._launcher.failed(instance.app)
        self._publish(events.instance_changed(_replace(instance, condition=condition)))
        waiting = _replace(
            instance,
            condition=Condition.SCHEDULED if instance.goal is Goal.RUNNING else Condition.RESERVED,
            since=now,
            incarnation=instance.incarnation + 1,
            agent=instance.agent if kept else None,
            task=None,
            others=(),
            reservation=kept,
        )
        self._instances.put(waiting, then)
        if instance.goal is Goal.RUNNING:
            self._launcher.wanted(instance.app)

    def _partly_ended(self, instance: Instance) -> None:
        """Of a pod: some containers go on. That is well after those that have finished, else they are to follow."""
        ended = [task for task in instance.tasks if task.condition.terminal]
        for task in ended:
            self._kills.ended(task.id)
        if any(task.condition is not Condition.FINISHED for task in ended):
            self._kills.kill(instance)

    def _give_up(self, instance: Instance, condition: Condition, then: Callable[[], None] = lambda: None) -> None:
        """Nobody waits for its task any more. What is reserved for it may be offered again."""
        if instance.reservation and instance.goal is not Goal.DECOMMISSIONED:
            self._ended(instance, condition, then)
        else:
            self._remove(instance, condition, then)

    def _unknown(self, task_id: str, status: TaskStatus, condition: Condition) -> None:
        """Nobody wants it: a task that was given up, or that another Marathon left."""
        instance_id = instance_of(task_id)
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
        if instance.reservation and instance.reservation.confirmed:
            self._launcher.unneeded(instance.reservation)
        self._instances.remove(instance, condition, then)

    def _forget(self, instance: Instance) -> None:
        self._unreachable.found(instance.id)
        for task in instance.tasks:
            self._kills.ended(task.id)
            self._health.forget(task.id)
        self._readiness.forget(instance)

    def _publish(self, event: events.Event) -> None:
        self._outside.publish(events.stamped(event, self._clock.now()))
