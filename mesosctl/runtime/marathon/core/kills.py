"""Kills under way: so many at once, and again and again until the task has ended."""

from __future__ import annotations

from mesosctl.runtime.clock import Clock, Timer
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.outside import Outside
from mesosctl.runtime.marathon.core.records import Instance
from mesosctl.runtime.marathon.core.task_info import kill_policy
from mesosctl.runtime.marathon.model import Pod


class Kills:
    def __init__(self, options: Options, clock: Clock, outside: Outside) -> None:
        self._options = options
        self._clock = clock
        self._outside = outside
        self._waiting: dict[str, Instance] = {}
        self._sent: dict[str, tuple[Instance, Timer]] = {}
        """Both by the task's id. A pod's instance is there once for each of its tasks."""

    def kill(self, instance: Instance) -> None:
        """Its present tasks. Nothing happens where they are being killed already."""
        for task in instance.tasks:
            if task.id not in self._sent and not task.condition.terminal:
                self._waiting[task.id] = instance
        self._send_some()

    def pending(self, task_id: str) -> bool:
        return task_id in self._waiting or task_id in self._sent

    def ended(self, task_id: str) -> None:
        """It runs no more, or is given up."""
        self._waiting.pop(task_id, None)
        if sent := self._sent.pop(task_id, None):
            sent[1].cancel()
            self._send_some()

    def resend(self) -> None:
        """The master may not have heard of them."""
        for task_id, (instance, timer) in list(self._sent.items()):
            timer.cancel()
            self._send(task_id, instance)

    def _send_some(self) -> None:
        while self._waiting and len(self._sent) < self._options.kill_chunk:
            task_id = next(iter(self._waiting))
            self._send(task_id, self._waiting.pop(task_id))

    def _send(self, task_id: str, instance: Instance) -> None:
        timer = self._clock.after(self._options.kill_retry, lambda: self._send(task_id, instance))
        self._sent[task_id] = (instance, timer)
        agent = instance.agent.id if instance.agent else None
        self._outside.kill(task_id, agent, None if isinstance(instance.app, Pod) else kill_policy(instance.app))
