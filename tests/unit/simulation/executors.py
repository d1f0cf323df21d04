"""Containers: executors with their commands, which outlive the agent's process."""

from __future__ import annotations

import signal
from collections import deque
from typing import TYPE_CHECKING

from mesosctl.runtime.executor.core import CommandExecutor
from mesosctl.runtime.executor.life import TaskLife
from mesosctl.runtime.executor.reports import Identity, Reports, has_killing_state
from mesosctl.runtime.protocol.executor import Call, Event
from mesosctl.runtime.protocol.tasks import TaskInfo
from tests.unit.simulation.world import Process, Stream, post

if TYPE_CHECKING:
    from mesosctl.runtime.agent.records import ExecutorRecord
    from mesosctl.runtime.protocol.cluster import FrameworkInfo
    from tests.unit.simulation.agents import Host

SHUTDOWN_GRACE_SECONDS = 5.0
_RECOVERY_SECONDS = 60.0
_KILLED = 9


class Container(Process):
    """The first process of a container: an executor that talks to whatever agent runs on its host."""

    def __init__(self, place: Host, framework: FrameworkInfo, record: ExecutorRecord, pid: int) -> None:
        super().__init__(place.world, place.name)
        self.id, self.name, self.directory, self.pid = (
            record.container_id,
            record.container_id[:6],
            record.directory,
            pid,
        )
        self.place = place
        self.framework_id = framework.id.value
        self.identity = Identity(framework.id, record.info.executor_id)
        self._checkpoint = framework.checkpoint
        self.commands: list[_Command] = []
        executor = CommandExecutor if record.is_command else _ManyTasks
        self._executor = executor(self.identity, SHUTDOWN_GRACE_SECONDS, self, _Outside(self))
        self._calls: deque[Call] = deque()
        self._stream: Stream | None = None
        self._attempt = 0
        self._deadline = self.now() + _RECOVERY_SECONDS
        self.after(self.world.between(0, 0.3), self._subscribe)

    def exit(self, status: int) -> None:
        """It ends with all its commands."""
        if self.alive:
            self.kill()
            for command in self.commands:
                command.die()
            if self._stream:
                self._stream.close_client()
            self.place.container_ended(self, status)

    # Its agent.

    def _subscribe(self) -> None:
        agent = self.place.agent
        call = self._executor.subscription()
        self._attempt += 1
        attempt = self._attempt

        def answered(status: int | None) -> None:
            if attempt != self._attempt:
                return
            if status is None:
                self._lost()
            elif status != 200:
                self._executor.abandoned()

        def handle() -> int:
            stream = Stream(
                self.world, self, agent, lambda: self._ended(attempt), lambda: agent.executor_left(self.id, stream)
            )
            self._stream = stream
            return agent.serve_executor(self, call, stream)

        if agent is None:
            self._lost()
        else:
            post(self, agent, handle, answered)

    def hears(self, event: Event) -> None:
        self._deadline = self.now() + _RECOVERY_SECONDS
        if event.acknowledged:
            self.place.promised.setdefault(self.id, set()).add(event.acknowledged.uuid)
        self._executor.event(event)

    def _ended(self, attempt: int) -> None:
        """The stream of the agent broke."""
        if attempt == self._attempt:
            self._lost()

    def _lost(self) -> None:
        self._attempt += 1
        self._stream = None
        self._executor.disconnected()
        if not self._checkpoint or self.now() > self._deadline:
            self._executor.abandoned()
        else:
            self.after(self.world.between(0, 1), self._subscribe)

    def send(self, call: Call) -> None:
        """One after the other; those that fail are repeated by the next subscription."""
        self._calls.append(call)
        if len(self._calls) == 1:
            self._speak()

    def _speak(self) -> None:
        def answered(status: int | None) -> None:
            self._calls.popleft()
            if self._calls:
                self._speak()

        agent = self.place.agent
        if agent is None:
            self.after(0.01, lambda: answered(None))
        else:
            call = self._calls[0]
            post(self, agent, lambda: agent.serve_executor(self, call, None), answered, again=0.02)


class _Outside:
    """Of a command executor: it has one command."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._command: _Command | None = None
        self.send = container.send

    def start(self, task: TaskInfo) -> None:
        executor = self._container._executor
        self._command = _Command(self._container, task)
        self._command.start(executor.started, executor.failed, executor.exited)

    def signal(self, number: int) -> None:
        if self._command:
            self._command.signal(number)

    def stop(self) -> None:
        self._container.after(0, lambda: self._container.exit(0))


class _Command:
    """The processes of a task. Its label says how long they run, and whether they mind SIGTERM."""

    def __init__(self, container: Container, task: TaskInfo) -> None:
        self._container, self._task_id = container, task.task_id.value
        words = task.command.value if task.command else task.data.decode()
        self._lasts, self._status, self._deaf = map(float, words.split())
        self._exited = lambda status: None
        self._alive = False
        container.world.log(container.name, "launches", self._task_id)
        container.place.books.delivered(self._task_id)
        container.commands.append(self)

    def start(self, started, failed, exited) -> None:
        container = self._container
        self._exited = exited
        if container.world.chance(0.03):
            raise OSError("no such command")

        def begin() -> None:
            self._alive = True
            container.place.books.command_starts(self._task_id)
            container.after(self._lasts, lambda: self._end(int(self._status)))
            started()

        container.after(container.world.latency(), begin)

    def signal(self, number: int) -> None:
        if number == signal.SIGKILL:
            self._container.after(0, lambda: self._end(_KILLED))
        elif not self._deaf:
            self._container.after(self._container.world.between(0, 2), lambda: self._end(15))

    def _end(self, status: int) -> None:
        if self._alive:
            self.die()
            self._exited(status)

    def die(self) -> None:
        self._alive = False
        self._container.place.books.command_ends(self._task_id)


class _ManyTasks:
    """An executor of a user's own, for several tasks and task groups."""

    def __init__(self, identity: Identity, grace: float, clock: Container, outside: _Outside) -> None:
        self._container = clock
        self._grace = grace
        self._reports = Reports(identity, clock, outside.send)
        self._framework: FrameworkInfo | None = None
        self._lives: dict[str, TaskLife] = {}
        self._stopping = False

    def subscription(self) -> Call:
        return self._reports.subscription(life.info for life in self._lives.values())

    def event(self, event: Event) -> None:
        if event.subscribed:
            self._framework = event.subscribed.framework_info
            self._reports.subscribed()
        elif event.launch:
            self._launch(event.launch.task)
        elif event.launch_group:
            for task in event.launch_group.task_group.tasks:
                self._launch(task)
        elif event.kill and event.kill.task_id.value in self._lives:
            self._lives[event.kill.task_id.value].kill(2.0)
        elif event.acknowledged:
            self._reports.acknowledged(event.acknowledged.task_id.value, event.acknowledged.uuid)
            self._stop_if_done()
        elif event.type is Event.Type.SHUTDOWN:
            self.abandoned()

    def _launch(self, task: TaskInfo) -> None:
        command = _Command(self._container, task)
        knows_killing = has_killing_state(self._framework)
        life = TaskLife(task, self._container, command, self._reports.report, has_killing_state=knows_killing)
        self._lives[task.task_id.value] = life
        try:
            command.start(life.started, life.failed, lambda status: self._exited(life, status))
        except OSError as error:
            life.failed(str(error))

    def _exited(self, life: TaskLife, status: int) -> None:
        life.exited(status)
        self._stop_if_done()

    def disconnected(self) -> None: ...

    def abandoned(self) -> None:
        self._stopping = True
        for life in self._lives.values():
            life.kill(1.0)
        self._stop_if_done()

    def _stop_if_done(self) -> None:
        if not any(life.is_alive for life in self._lives.values()) and (
            self._stopping or (not self._reports.waiting and self._container.world.chance(0.3))
        ):
            self._container.after(0, lambda: self._container.exit(0))
