"""What an agent knows of frameworks, their executors and their tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from mesosctl.runtime.clock import Timer
from mesosctl.runtime.protocol.basics import FrameworkID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskResourceLimitation, TaskState, TaskStatus


@dataclass
class TaskRecord:
    """A task and all its statuses, oldest first. None yet: it is STAGING."""

    info: TaskInfo
    statuses: list[TaskStatus] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.info.task_id.value

    @property
    def state(self) -> TaskState:
        return self.statuses[-1].state if self.statuses else TaskState.TASK_STAGING

    def add(self, status: TaskStatus) -> None:
        """Note a status; of several with the same state in a row the newest stays, as in Apache Mesos."""
        if self.statuses and self.statuses[-1].state is status.state:
            self.statuses.pop()
        self.statuses.append(status)

    def status(self) -> TaskStatus:
        """The newest status."""
        if self.statuses:
            return self.statuses[-1]
        return TaskStatus(task_id=self.info.task_id, state=TaskState.TASK_STAGING, agent_id=self.info.agent_id)


class ExecutorState(Enum):
    REGISTERING = auto()
    """Launched, not subscribed yet."""
    RUNNING = auto()
    TERMINATING = auto()
    """Told to shut down, or being destroyed."""
    TERMINATED = auto()
    """Its container is gone; kept until the updates of its tasks are acknowledged."""


@dataclass(frozen=True)
class Ending:
    """Why the agent ends a task or an executor, for the statuses."""

    reason: TaskStatus.Reason
    message: str
    resources: tuple[Resource, ...] = ()
    """What was used of a limited resource when the limit was exceeded."""

    @property
    def limitation(self) -> TaskResourceLimitation | None:
        return TaskResourceLimitation(self.resources) if self.resources else None


@dataclass
class ExecutorRecord:
    """One run of an executor: a container."""

    info: ExecutorInfo
    container_id: str
    directory: str
    user: str | None
    is_command: bool
    """Our own command executor, made for one task; `executor_id` of such a task is unset outside."""
    launched_at: float
    state: ExecutorState = ExecutorState.REGISTERING
    pid: int | None = None
    started: int | None = None
    """When the process started (see `start_time`); set of a container that an agent before this one launched."""
    queued: dict[str, TaskRecord] = field(default_factory=dict)
    """Not delivered to the executor yet."""
    batches: list[tuple[tuple[str, ...], bool]] = field(default_factory=list)
    """The queued tasks as they are to be delivered, and whether they are a task group."""
    launched: dict[str, TaskRecord] = field(default_factory=dict)
    """Delivered, not terminal."""
    terminated: dict[str, TaskRecord] = field(default_factory=dict)
    """Terminal, with updates that are not acknowledged yet."""
    completed: deque[TaskRecord] = field(default_factory=lambda: deque(maxlen=200))
    timer: Timer | None = None
    """Registration timeout, or the grace period of a shutdown."""
    ending: Ending | None = None

    @property
    def id(self) -> str:
        return self.info.executor_id.value

    def tasks(self) -> Iterator[TaskRecord]:
        """All that are not terminal."""
        yield from self.queued.values()
        yield from self.launched.values()

    def resources(self) -> Iterator[Resource]:
        """What it holds: its own and its tasks'."""
        if self.state is not ExecutorState.TERMINATED:
            yield from self.info.resources
            for task in self.tasks():
                yield from task.info.resources

    def user_of(self, task: TaskRecord) -> str | None:
        """Whom a task runs as. None: whom the agent runs as."""
        named = task.info.command.user if task.info.command and self.user and not self.is_command else None
        return named or self.user

    def enqueue(self, tasks: tuple[TaskInfo, ...], *, group: bool) -> None:
        self.queued |= {task.task_id.value: TaskRecord(task) for task in tasks}
        self.batches.append((tuple(task.task_id.value for task in tasks), group))

    def dequeue(self) -> Iterator[tuple[list[TaskRecord], bool]]:
        """Make the queued tasks launched ones: what to deliver, and whether it is a task group."""
        batches, self.batches = self.batches, []
        for names, is_group in batches:
            tasks = [self.queued.pop(name) for name in names]
            self.launched |= {task.id: task for task in tasks}
            yield tasks, is_group

    def unqueue(self, task_id: str) -> list[TaskRecord]:
        """Take a queued task out, with its whole group; nothing where it is not queued."""
        batch = next((batch for batch in self.batches if task_id in batch[0]), None)
        if batch is None:
            return []
        self.batches.remove(batch)
        return [self.queued.pop(name) for name in batch[0]]

    def find(self, task_id: str) -> TaskRecord | None:
        return self.queued.get(task_id) or self.launched.get(task_id) or self.terminated.get(task_id)

    def stop_timer(self) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None


@dataclass
class FrameworkRecord:
    info: FrameworkInfo
    completed: deque[ExecutorRecord]
    executors: dict[str, ExecutorRecord] = field(default_factory=dict)
    terminating: bool = False
    """A master has ended it: its executors are shut down and nothing is reported of them."""

    @property
    def info_id(self) -> FrameworkID:
        assert self.info.id is not None
        return self.info.id

    @property
    def id(self) -> str:
        return self.info_id.value
