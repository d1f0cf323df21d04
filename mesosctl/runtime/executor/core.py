"""The life of a command task, seen from its executor: events of the agent and the end of the process go in, calls to
the agent and signals to the process come out. Synchronous, no I/O.

As Apache Mesos' command executor (src/launcher/executor.cpp): STARTING when the task arrives, RUNNING when its process
runs; a kill is SIGTERM, then SIGKILL after a grace period; a process that ends with 0 has finished even when killed.
"""

from __future__ import annotations

import os
import signal
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from mesosctl.runtime.clock import Clock, Timer
from mesosctl.runtime.protocol.basics import ExecutorID, FrameworkID, Labels
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.containers import ContainerStatus, KillPolicy
from mesosctl.runtime.protocol.executor import Call, Event
from mesosctl.runtime.protocol.tasks import CheckStatusInfo, TaskInfo, TaskState, TaskStatus

if TYPE_CHECKING:
    from mesosctl.runtime.executor.checks.machine import Prober, TaskChecks

DEFAULT_KILL_GRACE_SECONDS = 3.0
_SHUTDOWN_MARGIN_SECONDS = 1.0
"""So much earlier than the agent would, the executor kills its task itself."""

Reason = TaskStatus.Reason


class Outside(Protocol):
    """What the executor acts on."""

    def send(self, call: Call) -> None: ...

    def start(self, task: TaskInfo) -> None:
        """Start the command: `started` or `failed` follows, at once or later.

        Raises OSError, ValueError or LookupError with the reason why not.
        """

    def signal(self, number: int) -> None:
        """Signal the command's process group."""

    def prober(self) -> Prober:
        """What tries the targets of the task's checks."""

    def stop(self) -> None:
        """All is done."""


@dataclass(frozen=True)
class Identity:
    framework_id: FrameworkID
    executor_id: ExecutorID


class CommandExecutor:
    def __init__(self, identity: Identity, shutdown_grace_seconds: float, clock: Clock, outside: Outside) -> None:
        self._identity = identity
        self._shutdown_grace_seconds = shutdown_grace_seconds
        self._clock = clock
        self._outside = outside
        self._framework: FrameworkInfo | None = None
        self._task: TaskInfo | None = None
        self._unacknowledged: dict[bytes, Call.Update] = {}
        self._task_acknowledged = False
        self._alive = False
        """The command is being started or runs."""
        self._running = False
        self._container_status: ContainerStatus | None = None
        self._orphaned = False
        """Nobody listens any more: stop without waiting for acknowledgements."""
        self._killed_at: float | None = None
        self._escalation: Timer | None = None
        self._completion: Timer | None = None
        self._overdue = False
        self._checks: TaskChecks | None = None
        self._last: TaskStatus | None = None
        self._unhealthy = False
        """Being killed because the health check failed too often."""

    def subscription(self) -> Call:
        """The call to subscribe with, for the first time or again."""
        tasks = (self._task,) if self._task and not self._task_acknowledged else ()
        subscribe = Call.Subscribe(tasks, tuple(self._unacknowledged.values()))
        return self._call(Call.Type.SUBSCRIBE, subscribe=subscribe)

    def event(self, event: Event) -> None:
        """All events of the agent."""
        match event.type:
            case Event.Type.SUBSCRIBED if event.subscribed:
                self._framework = event.subscribed.framework_info
            case Event.Type.LAUNCH if event.launch:
                self._launch(event.launch.task)
            case Event.Type.KILL if event.kill and self._is_mine(event.kill.task_id.value):
                self._kill(self._grace(event.kill.kill_policy))
            case Event.Type.ACKNOWLEDGED if event.acknowledged:
                self._acknowledged(event.acknowledged.uuid)
            case Event.Type.SHUTDOWN | Event.Type.ERROR:
                self._shut_down()
            case _:
                pass

    def abandoned(self) -> None:
        """The agent is gone for good, or does not know this executor: end the task and stop."""
        self._orphaned = True
        self._shut_down()

    def started(
        self, container_status: ContainerStatus | None = None, data: bytes | None = None, labels: Labels | None = None
    ) -> None:
        """The command runs. `container_status` goes with all statuses from now on, the others with this one."""
        assert self._task is not None
        self._running = True
        self._container_status = container_status
        if self._killed_at is not None:
            self._outside.signal(signal.SIGKILL)  # it has not begun anything yet
            return
        self._update(TaskState.TASK_RUNNING, data=data, labels=labels)
        if self._task.max_completion_time:
            seconds = self._task.max_completion_time.nanoseconds / 1e9
            self._completion = self._clock.after(seconds, self._time_is_up)
        if self._task.health_check or self._task.check:
            self._checks = self._start_checks(self._task)

    def failed(self, problem: str) -> None:
        """The command could not be started, or was lost."""
        self._ended()
        state = TaskState.TASK_FAILED if self._killed_at is None else TaskState.TASK_KILLED
        self._update(state, f"Failed to run the command: {problem}", Reason.REASON_COMMAND_EXECUTOR_FAILED)
        if self._orphaned:
            self._outside.stop()

    def exited(self, status: int, message: str | None = None, limitation: TaskStatus.Reason | None = None) -> None:
        """The command ended. `status` is that of waitpid(2); `limitation` says which limit it was ended for."""
        self._ended()
        if self._overdue:
            state, reason = TaskState.TASK_FAILED, Reason.REASON_MAX_COMPLETION_TIME_REACHED
        elif limitation:
            state, reason = TaskState.TASK_FAILED, limitation
        elif status == 0:
            state, reason = TaskState.TASK_FINISHED, None
        else:
            state, reason = TaskState.TASK_FAILED if self._killed_at is None else TaskState.TASK_KILLED, None
        self._update(
            state, message or f"Command {describe(status)}", reason, healthy=False if self._unhealthy else None
        )
        if self._orphaned:
            self._outside.stop()

    def _ended(self) -> None:
        self._alive = self._running = False
        self._stop_checks()
        for timer in (self._escalation, self._completion):
            if timer:
                timer.cancel()

    def _is_mine(self, task_id: str) -> bool:
        return self._task is not None and self._task.task_id.value == task_id

    def _launch(self, task: TaskInfo) -> None:
        if self._task is not None:
            return  # one task is all that a command executor ever gets
        self._task = task
        self._update(TaskState.TASK_STARTING)
        self._alive = True
        try:
            self._outside.start(task)
        except (OSError, ValueError, LookupError) as error:
            self.failed(str(error))

    def _start_checks(self, task: TaskInfo) -> TaskChecks | None:
        from mesosctl.runtime.executor.checks.machine import TaskChecks  # most tasks have none: not loaded at the start

        return TaskChecks(task, self._clock, self._outside.prober(), self)

    def health_changed(self, healthy: bool, *, must_kill: bool) -> None:
        self._observe(Reason.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED, healthy=healthy)
        if must_kill:
            self._unhealthy = True
            self._kill(self._grace(None))

    def check_changed(self, status: CheckStatusInfo) -> None:
        self._observe(Reason.REASON_TASK_CHECK_STATUS_UPDATED, check_status=status)

    def _stop_checks(self) -> None:
        if self._checks:
            self._checks.pause()

    def _time_is_up(self) -> None:
        if self._killed_at is None:
            self._overdue = True
            self._kill(self._grace(None))

    def _grace(self, policy: KillPolicy | None) -> float:
        """Seconds from SIGTERM to SIGKILL."""
        policy = policy or (self._task.kill_policy if self._task else None)
        if policy and policy.grace_period:
            return policy.grace_period.nanoseconds / 1e9
        return DEFAULT_KILL_GRACE_SECONDS

    def _kill(self, grace_seconds: float) -> None:
        """SIGTERM once; every further kill only moves the time of the SIGKILL."""
        if not self._alive:
            return
        if self._killed_at is None:
            self._killed_at = self._clock.now()
            self._stop_checks()
            if self._has_killing_state():
                self._update(TaskState.TASK_KILLING)
            if self._running:
                self._outside.signal(signal.SIGTERM)
        if self._escalation:
            self._escalation.cancel()
        left = self._killed_at + grace_seconds - self._clock.now()
        self._escalation = self._clock.after(max(0.0, left), lambda: self._outside.signal(signal.SIGKILL))

    def _has_killing_state(self) -> bool:
        killing = FrameworkInfo.Capability.Type.TASK_KILLING_STATE
        capabilities = self._framework.capabilities if self._framework else ()
        return any(capability.type is killing for capability in capabilities)

    def _shut_down(self) -> None:
        if self._alive:
            self._kill(min(self._grace(None), max(0.0, self._shutdown_grace_seconds - _SHUTDOWN_MARGIN_SECONDS)))
        elif self._orphaned or not self._unacknowledged:
            self._outside.stop()

    def _acknowledged(self, acknowledged: bytes) -> None:
        self._task_acknowledged = True
        self._unacknowledged.pop(acknowledged, None)
        if self._task and not self._alive and not self._unacknowledged:
            self._outside.stop()

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
        assert self._task is not None
        check_status = None
        if self._task.check:
            from mesosctl.runtime.executor.checks.machine import empty_status

            check_status = empty_status(self._task.check)
        status = TaskStatus(
            task_id=self._task.task_id,
            state=state,
            message=message,
            reason=reason,
            source=TaskStatus.Source.SOURCE_EXECUTOR,
            executor_id=self._identity.executor_id,
            healthy=healthy,
            check_status=check_status,
            container_status=self._container_status,
            data=data,
            labels=labels,
        )
        self._report(status)

    def _observe(self, reason: TaskStatus.Reason, **seen: bool | CheckStatusInfo) -> None:
        """Report what a check saw, with all that was known before."""
        assert self._last is not None
        self._report(replace(self._last, reason=reason, message=None, **seen))

    def _report(self, status: TaskStatus) -> None:
        new_uuid = uuid.UUID(bytes=os.urandom(16), version=4).bytes
        self._last = replace(status, timestamp=self._clock.now(), uuid=new_uuid)
        self._unacknowledged[new_uuid] = update = Call.Update(self._last)
        self._outside.send(self._call(Call.Type.UPDATE, update=update))

    def _call(
        self, type_: Call.Type, subscribe: Call.Subscribe | None = None, update: Call.Update | None = None
    ) -> Call:
        return Call(
            executor_id=self._identity.executor_id,
            framework_id=self._identity.framework_id,
            type=type_,
            subscribe=subscribe,
            update=update,
        )


def describe(status: int) -> str:
    """The end of a process in Mesos' words: "exited with status 3", "terminated with signal Killed"."""
    if os.WIFEXITED(status):
        return f"exited with status {os.WEXITSTATUS(status)}"
    core = " (core dumped)" if os.WCOREDUMP(status) else ""
    return f"terminated with signal {signal.strsignal(os.WTERMSIG(status))}{core}"
