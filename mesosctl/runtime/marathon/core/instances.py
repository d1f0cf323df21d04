"""All instances, found by id, app and task. Changes are persisted and told on the bus."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Sequence
from typing import TypeVar

import msgspec

from mesosctl.runtime.clock import Clock
from mesosctl.runtime.marathon.core import events
from mesosctl.runtime.marathon.core.outside import InstanceChanged, InstanceRemoved, Outside
from mesosctl.runtime.marathon.core.records import AgentRecord, Condition, Goal, Instance

T = TypeVar("T")


class Instances:
    """`changed` is told the app's id after every change."""

    def __init__(self, clock: Clock, outside: Outside, changed: Callable[[str], None]) -> None:
        self._clock = clock
        self._outside = outside
        self._changed = changed
        self._all: dict[str, Instance] = {}
        self._of_app: dict[str, dict[str, Instance]] = {}
        self._of_task: dict[str, str] = {}
        self._of_reservation: dict[str, str] = {}
        self._waiting: dict[str, dict[str, None]] = {}
        """Ids of those to be launched, by app."""

    def load(self, instances: Iterable[Instance]) -> None:
        """As they were stored."""
        for instance in instances:
            self.note(instance)

    def all(self) -> list[Instance]:
        return list(self._all.values())

    def get(self, instance_id: str) -> Instance | None:
        return self._all.get(instance_id)

    def of_app(self, app_id: str) -> list[Instance]:
        return list(self._of_app.get(app_id, {}).values())

    def of_task(self, task_id: str) -> Instance | None:
        """The one that has this task now."""
        return self._all.get(self._of_task.get(task_id, ""))

    def tasks(self, launched_before: float = math.inf) -> list[tuple[str, str | None]]:
        """Those that have not ended: their ids, and those of their agents. Those launched later of which nothing was
        heard are left out."""
        return [
            (task.id, instance.agent.id if instance.agent else None)
            for instance in self._all.values()
            for task in instance.tasks
            if not task.condition.terminal
            and (task.condition is not Condition.PROVISIONED or task.staged_at < launched_before)
        ]

    def reserves(self, reservation_id: str) -> bool:
        """Whether one of them needs what has that label."""
        return reservation_id in self._of_reservation

    def apps(self) -> list[str]:
        """Those that have any."""
        return list(self._of_app)

    def waiting(self) -> list[str]:
        """Apps that have any to be launched."""
        return list(self._waiting)

    def next_waiting(self, app_id: str, reserved: Container[str] = ()) -> Instance | None:
        """One that has something `reserved` (by the reservation's id) in an offer, else one that has nothing reserved
        anywhere, else any."""
        first = next((self._all[id] for id in self._waiting.get(app_id, ())), None)
        if first is None or not first.app.resident:
            return first
        waiting = [self._all[id] for id in self._waiting[app_id]]
        here = (i for i in waiting if i.reservation and i.reservation.id in reserved)
        return next(here, None) or next((i for i in waiting if not i.reservation), first)

    def count_waiting(self, app_id: str) -> int:
        return len(self._waiting.get(app_id, ()))

    def agents(self, app_id: str) -> list[AgentRecord]:
        """Where an app's instances are, for its constraints. Those that seem lost do not count."""
        return [
            instance.agent
            for instance in self._of_app.get(app_id, {}).values()
            if instance.agent and instance.condition is not Condition.UNREACHABLE_INACTIVE
        ]

    def put(self, instance: Instance, then: Callable[[], None] = lambda: None, *, quiet: bool = False) -> None:
        """New or changed. `then` when that is safe. `quiet`: nothing that the bus is to be told of."""
        self.put_all((instance,), then, quiet=quiet)

    def put_all(
        self, instances: Sequence[Instance], then: Callable[[], None] = lambda: None, *, quiet: bool = False
    ) -> None:
        for instance in instances:
            self.note(instance)
        self._outside.persist([InstanceChanged(instance) for instance in instances], then)
        for instance in instances:
            if not quiet:
                self._outside.publish(events.stamped(events.instance_changed(instance), self._clock.now()))
            self._changed(instance.app_id)

    def note(self, instance: Instance) -> None:
        """New or changed, and about to be `put`. It keeps its place among the others."""
        self._unmark(instance.id)
        self._all[instance.id] = instance
        self._of_app.setdefault(instance.app_id, {})[instance.id] = instance
        if instance.reservation:
            self._of_reservation[instance.reservation.id] = instance.id
        self._of_task.update((task.id, instance.id) for task in instance.tasks)
        if instance.task:
            return
        if instance.condition is Condition.SCHEDULED and instance.goal is Goal.RUNNING:
            self._waiting.setdefault(instance.app_id, {})[instance.id] = None

    def remove(
        self, instance: Instance, condition: Condition = Condition.KILLED, then: Callable[[], None] = lambda: None
    ) -> None:
        """It is no more; `condition` is what the bus is told."""
        self._unmark(instance.id)
        if self._all.pop(instance.id, None):
            _drop(self._of_app, instance)
        self._outside.persist((InstanceRemoved(instance.id),), then)
        gone = msgspec.structs.replace(instance, condition=condition)
        self._outside.publish(events.stamped(events.instance_changed(gone), self._clock.now()))
        self._changed(instance.app_id)

    def _unmark(self, instance_id: str) -> None:
        old = self._all.get(instance_id)
        if old:
            if old.reservation:
                self._of_reservation.pop(old.reservation.id, None)
            for task in old.tasks:
                self._of_task.pop(task.id, None)
            _drop(self._waiting, old)


def _drop(index: dict[str, dict[str, T]], instance: Instance) -> None:
    if instance.app_id in index:
        index[instance.app_id].pop(instance.id, None)
        if not index[instance.app_id]:
            del index[instance.app_id]
