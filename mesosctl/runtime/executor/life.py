"""The life of one task, seen from its executor: what happens to its command goes in, signals and statuses come out.

As Apache Mesos' executors (src/launcher/executor.cpp, default_executor.cpp): STARTING when the task arrives, RUNNING
when its command runs; a kill is SIGTERM, then SIGKILL after a grace period; what was told to end counts as killed even
when it ends with 0. Synchronous, no I/O.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from mesosctl.runtime.clock import Clock, Timer
from mesosctl.runtime.protocol.basics import Labels
from mesosctl.runtime.protocol.containers import ContainerStatus, KillPolicy
from mesosctl.runtime.protocol.tasks import CheckStatusInfo, TaskInfo, TaskState, TaskStatus

if TYPE_CHECKING:
    from mesosctl.runtime.executor.checks.machine import Prober, TaskChecks

DEFAULT_KILL_GRACE_SECONDS = 3.0

Reason = TaskStatus.Reason


class Command(Protocol):
    """The command of the task, as it is run."""

    def signal(self, number: int) -> None:
        """Signal its processes."""

    def prober(self) -> Prober:
        """What tries the targets of the task's checks."""


class TaskLife:
    def __init__(
        self,
        task: TaskInfo,
        clock: Clock,
        command: Command,
        report: Callable[[TaskStatus], None],
        *,
        has_killing_state: bool,
    ) -> None:
        """A task that arrives: it is STARTING, and its command is started elsewhere; `started` or `failed` follows.

        `report` is called with every status; `has_killing_state` says whether the framework knows TASK_KILLING.
        """
        self.info = task
        self.is_alive = True
        """The command is being started or runs."""
        self.state = TaskState.TASK_STARTING
        self._clock = clock
        self._command = command
        self._report = report
        self._has_killing_state = has_killing_state
        self._running = False
        self._container_status: ContainerStatus | None = None
        self._killed_at: float | None = None
        self._escalation: Timer | None = None
        self._completion: Timer | None = None
        self._overdue = False
        self._checks: TaskChecks | None = None
        self._last: TaskStatus
        self._unhealthy = False
        """Being killed because the health check failed too often."""
        self._update(TaskState.TASK_STARTING)

    @property
    def is_killed(self) -> bool:
        """It was told to end."""
        return self._killed_at is not None

    @property
    def grace_seconds(self) -> float:
        """From SIGTERM to SIGKILL, as the task wants it."""
        return grace_seconds(self.info.kill_policy)

    def started(
        self, container_status: ContainerStatus | None = None, data: bytes | None = None, labels: Labels | None = None
    ) -> None:
        """The command runs. `container_status` goes with all statuses from now on, the others with this one."""
        self._running = True
        self._container_status = container_status
        if self.is_killed:
            self._command.signal(signal.SIGTERM)  # it could not be told before
            return
        self._update(TaskState.TASK_RUNNING, data=data, labels=labels)
        if self.info.max_completion_time:
            seconds = self.info.max_completion_time.nanoseconds / 1e9
            self._completion = self._clock.after(seconds, self._time_is_up)
        if self.info.health_check or self.info.check:
            self._checks = self._start_checks()

    def failed(self, problem: str, reason: TaskStatus.Reason = Reason.REASON_COMMAND_EXECUTOR_FAILED) -> None:
        """The command could not be started."""
        self.lost(f"Failed to run the command: {problem}", reason)

    def lost(self, message: str, reason: TaskStatus.Reason | None = None) -> None:
        """The command does not run, and has no status."""
        self._ended()
        self._update(TaskState.TASK_KILLED if self.is_killed else TaskState.TASK_FAILED, message, reason)

    def exited(self, status: int, message: str | None = None, limitation: TaskStatus.Reason | None = None) -> None:
        """The command ended. `status` is that of waitpid(2); `limitation` says which limit it was ended for."""
        self._ended()
        if self._overdue:
            state, reason = TaskState.TASK_FAILED, Reason.REASON_MAX_COMPLETION_TIME_REACHED
        elif limitation:
            state, reason = TaskState.TASK_FAILED, limitation
        elif self.is_killed:
            state, reason = TaskState.TASK_KILLED, None
        else:
            state, reason = TaskState.TASK_FAILED if status else TaskState.TASK_FINISHED, None
        message = message or f"Command {describe(status)}"
        self._update(state, message, reason, healthy=False if self._unhealthy else None)

    def kill(self, grace_seconds: float) -> None:
        """SIGTERM once; every further kill only moves the time of the SIGKILL."""
        if not self.is_alive:
            return
        if self._killed_at is None:
            self._killed_at = self._clock.now()
            self._stop_checks()
            if self._has_killing_state and not self._overdue:
                self._update(TaskState.TASK_KILLING)
            if self._running:
                self._command.signal(signal.SIGTERM)
        if self._escalation:
            self._escalation.cancel()
        left = self._killed_at + grace_seconds - self._clock.now()
        self._escalation = self._clock.after(max(0.0, left), lambda: self._command.signal(signal.SIGKILL))

    def agent_lost(self) -> None:
        """Nobody hears of the checks, and some need the agent: pause."""
        self._stop_checks()

    def agent_found(self) -> None:
        if self._checks and self._running and not self.is_killed:
            self._checks.resume()

    def health_changed(self, healthy: bool, *, must_kill: bool) -> None:
        self._observe(Reason.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED, healthy=healthy)
        if must_kill:
            self._unhealthy = True
            self.kill(self.grace_seconds)

    def check_changed(self, status: CheckStatusInfo) -> None:
        self._observe(Reason.REASON_TASK_CHECK_STATUS_UPDATED, check_status=status)

    def _ended(self) -> None:
        self.is_alive = self._running = False
        self._stop_checks()
        for timer in (self._escalation, self._completion):
            if timer:
                timer.cancel()

    def _start_checks(self) -> TaskChecks:
        from mesosctl.runtime.executor.checks.machine import TaskChecks  # most tasks have none: not loaded at the start

        return TaskChecks(self.info, self._clock, self._command.prober(), self)

    def _stop_checks(self) -> None:
        if self._checks:
            self._checks.pause()

    def _time_is_up(self) -> None:
        if not self.is_killed:
            self._overdue = True
            self.kill(0)

    def _update(
        self,
        state: TaskState,
        message: str | None = None,
        reason: TaskStatus.Reason | None = None,
        *,
        healthy: bool | None = None,
        data: bytes | None = None,
        labels: Labels | None = None,
    ) -> None:
        check_status = None
        if self.info.check:
            from mesosctl.runtime.executor.checks.machine import empty_status

            check_status = empty_status(self.info.check)
        self.state = state
        self._last = TaskStatus(
            task_id=self.info.task_id,
            state=state,
            message=message,
            reason=reason,
            source=TaskStatus.Source.SOURCE_EXECUTOR,
            healthy=healthy,
            check_status=check_status,
            container_status=self._container_status,
            data=data,
            labels=labels,
        )
        self._report(self._last)

    def _observe(self, reason: TaskStatus.Reason, **seen: bool | CheckStatusInfo) -> None:
        """Report what a check saw, with all that was known before."""
        self._last = replace(self._last, reason=reason, message=None, **seen)
        self._report(self._last)


def grace_seconds(policy: KillPolicy | None) -> float:
    if policy and policy.grace_period:
        return policy.grace_period.nanoseconds / 1e9
    return DEFAULT_KILL_GRACE_SECONDS


def describe(status: int) -> str:
    """The end of a process in Mesos' words: "exited with status 3", "terminated with signal Killed"."""
    if os.WIFEXITED(status):
        return f"exited with status {os.WEXITSTATUS(status)}"
    core = " (core dumped)" if os.WCOREDUMP(status) else ""
    return f"terminated with signal {signal.strsignal(os.WTERMSIG(status))}{core}"
