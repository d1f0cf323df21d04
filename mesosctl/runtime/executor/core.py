"""The command executor's decisions: events of the agent and the end of the task's command go in, calls to the agent and
signals to the command come out. It has one task. Synchronous, no I/O.
"""

from __future__ import annotations

from typing import Protocol

from mesosctl.runtime.clock import Clock
from mesosctl.runtime.executor.life import Command, TaskLife, grace_seconds
from mesosctl.runtime.executor.reports import SHUTDOWN_MARGIN_SECONDS, Identity, Reports, has_killing_state
from mesosctl.runtime.protocol.basics import Labels
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.containers import ContainerStatus
from mesosctl.runtime.protocol.executor import Call, Event
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskStatus


class Outside(Command, Protocol):
    """What the executor acts on."""

    def send(self, call: Call) -> None: ...

    def start(self, task: TaskInfo) -> None:
        """Start the command: `started` or `failed` follows, at once or later.

        Raises OSError, ValueError or LookupError with the reason why not.
        """

    def stop(self) -> None:
        """All is done."""


class CommandExecutor:
    def __init__(self, identity: Identity, shutdown_grace_seconds: float, clock: Clock, outside: Outside) -> None:
        self._shutdown_grace_seconds = shutdown_grace_seconds
        self._clock = clock
        self._outside = outside
        self._reports = Reports(identity, clock, outside.send)
        self._framework: FrameworkInfo | None = None
        self._life: TaskLife | None = None
        self._orphaned = False
        """Nobody listens any more: stop without waiting for acknowledgements."""

    def subscription(self) -> Call:
        """The call to subscribe with, for the first time or again."""
        return self._reports.subscription([self._life.info] if self._life else [])

    def event(self, event: Event) -> None:
        """All events of the agent."""
        match event.type:
            case Event.Type.SUBSCRIBED if event.subscribed:
                self._framework = event.subscribed.framework_info
                self._reports.subscribed()
                if self._life:
                    self._life.agent_found()
            case Event.Type.LAUNCH if event.launch and self._life is None:
                self._launch(event.launch.task)
            case Event.Type.KILL if event.kill and self._life and event.kill.task_id == self._life.info.task_id:
                policy = event.kill.kill_policy
                self._life.kill(grace_seconds(policy) if policy else self._life.grace_seconds)
            case Event.Type.ACKNOWLEDGED if event.acknowledged:
                self._reports.acknowledged(event.acknowledged.task_id.value, event.acknowledged.uuid)
                if self._life and not self._life.is_alive and not self._reports.waiting:
                    self._outside.stop()
            case Event.Type.SHUTDOWN | Event.Type.ERROR:
                self._shut_down()
            case _:
                pass

    def disconnected(self) -> None:
        """The agent is away, for a while or for good."""
        if self._life:
            self._life.agent_lost()

    def abandoned(self) -> None:
        """The agent is gone for good, or does not know this executor: end the task and stop."""
        self._orphaned = True
        self._shut_down()

    def started(
        self, container_status: ContainerStatus | None = None, data: bytes | None = None, labels: Labels | None = None
    ) -> None:
        """See TaskLife."""
        assert self._life is not None
        self._life.started(container_status, data, labels)

    def failed(self, problem: str) -> None:
        """See TaskLife."""
        assert self._life is not None
        self._life.failed(problem)
        self._stop_if_orphaned()

    def exited(self, status: int, message: str | None = None, limitation: TaskStatus.Reason | None = None) -> None:
        """See TaskLife."""
        assert self._life is not None
        self._life.exited(status, message, limitation)
        self._stop_if_orphaned()

    def _launch(self, task: TaskInfo) -> None:
        report, knows_killing = self._reports.report, has_killing_state(self._framework)
        self._life = TaskLife(task, self._clock, self._outside, report, has_killing_state=knows_killing)
        try:
            self._outside.start(task)
        except (OSError, ValueError, LookupError) as error:
            self.failed(str(error))

    def _shut_down(self) -> None:
        if self._life and self._life.is_alive:
            latest = max(0.0, self._shutdown_grace_seconds - SHUTDOWN_MARGIN_SECONDS)
            self._life.kill(min(self._life.grace_seconds, latest))
        elif self._orphaned or not self._reports.waiting:
            self._outside.stop()

    def _stop_if_orphaned(self) -> None:
        if self._orphaned:
            self._outside.stop()
