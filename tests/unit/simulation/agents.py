"""Hosts with agents: the real state machine, updates, journal and recovery on a disk and a network that are not real."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.agent import journal as journal_module
from mesosctl.runtime.agent.adopted import UNKNOWN_STATUS
from mesosctl.runtime.agent.checkpoint import Forked
from mesosctl.runtime.agent.core import Agent, Settings
from mesosctl.runtime.agent.durable import Durable
from mesosctl.runtime.agent.executor_api import invalid
from mesosctl.runtime.agent.journal import Journal
from mesosctl.runtime.agent.records import Ending, ExecutorRecord, ExecutorState
from mesosctl.runtime.agent.recovery import find, forget
from mesosctl.runtime.agent.sandbox import sandbox_path
from mesosctl.runtime.protocol.basics import AgentID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.executor import Call, Event
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.resources import Resources
from tests.unit.simulation.books import Books, amounts, excess, total
from tests.unit.simulation.coordination import ZooKeeper
from tests.unit.simulation.executors import SHUTDOWN_GRACE_SECONDS, Container
from tests.unit.simulation.masters import MasterProcess, brief
from tests.unit.simulation.world import Line, Process, Stream, ViolationError, World, post

_FIRST_PID = 2**23
"""No process of this machine has such a one."""
_MISSED_PINGS = 5
_MAX_BACKOFF_SECONDS = 60.0


class Host:
    """A machine: a disk, containers, and one agent after the other."""

    def __init__(self, world: World, zookeeper: ZooKeeper, books: Books, name: str, folder: Path, resources: str) -> None:
        self.world, self.zookeeper, self.books = world, zookeeper, books
        self.name = name
        self.work_dir = str(folder / name)
        self.info = AgentInfo(hostname=name, port=5051, resources=Resources.parse(resources).messages())
        self.boot = 0
        self.containers: dict[str, Container] = {}
        self.agent: AgentProcess | None = None
        self.acknowledged: set[bytes] = set()
        """Updates whose acknowledgement is on the disk."""
        self._pids = _FIRST_PID
        self.starting = False

    def start_agent(self) -> None:
        self.starting = False
        if self.agent is None:
            self.agent = AgentProcess(self)
            self.agent.run(self.agent.start)

    def start_soon(self, seconds: float) -> None:
        if not self.starting:
            self.starting = True
            self.world.clock.after(seconds, self.start_agent)

    def reboot(self) -> None:
        self.boot += 1
        if self.agent:
            self.agent.kill()
        for container in [*self.containers.values()]:
            container.exit(9)

    def launch(self, framework: FrameworkInfo, record: ExecutorRecord) -> Container:
        self._pids += 1
        container = self.containers[record.container_id] = Container(self, framework, record, self._pids)
        return container

    def container_ended(self, container: Container, status: int) -> None:
        del self.containers[container.id]
        if agent := self.agent:
            self.world.clock.after(
                self.world.latency(), lambda: agent.run(lambda: agent.container_ended(container, status))
            )


class AgentProcess(Process):
    """Its methods are the `Outside` of the agent."""

    def __init__(self, place: Host) -> None:
        super().__init__(place.world, place.name)
        self.name = place.name
        self._place = place
        self.loop = _Loop(self)
        self._streams: dict[str, Stream] = {}
        self._children: set[str] = set()
        self._launching: dict[str, tuple[FrameworkInfo, ExecutorRecord]] = {}
        self._link = _Link(self, place.zookeeper)
        self._acknowledged: set[bytes] = set()

    def start(self) -> None:
        place = self._place
        found = find(place.work_dir, strict=True, boot_id=str(place.boot))
        self.world.log(self.name, "starts as", found.info and found.info.id.value)
        for framework in found.frameworks:
            for run in framework.runs:
                run.changed = run.run.launched_at  # the disk tells the time of this machine
                if run.container_id in place.containers and not run.forked:
                    run.forked = Forked(place.containers[run.container_id].pid, None)
        settings = Settings(
            ip=self.name, registration_timeout=20.0, shutdown_grace_period=SHUTDOWN_GRACE_SECONDS, switch_user=False
        )
        self._journal = Journal(place.work_dir, self._failed)
        outside = _Watched(Durable(self, self._journal), self._decided)
        self.agent = Agent(place.info, settings, self, outside, self._journal)
        self.agent.checkpointed, self.agent.starts = found.resources, found.starts
        if found.info:
            self.agent.recover(found)
        kept = set(self.agent.ledger.directories())
        for container in [*place.containers.values()]:
            if container.directory not in kept:
                container.exit(9)
        self._connect()

    def _connect(self) -> None:
        if self.agent.missing:
            self.after(0.02, self._connect)
        else:
            self._link.start()

    def kill(self) -> None:
        if not self.alive:
            return
        super().kill()
        self._place.agent = None
        self._link.drop()
        for framework, record in self._launching.values():
            if self.world.chance(0.5):
                self._place.launch(framework, record)
        for stream in self._streams.values():
            stream.close_server()
        self.loop.crash()
        if hasattr(self, "_journal") and self._journal._file >= 0:
            os.close(self._journal._file)

    def refused(self, reason: str) -> None:
        """The master does not want this agent: it ends its containers, and is a new one after its restart."""
        self.world.log(self.name, "refused:", reason)
        for container in [*self._place.containers.values()]:
            container.exit(9)
        self._launching.clear()
        forget(self._place.work_dir)
        self.kill()
        self._place.start_soon(self.world.between(1, 5))

    def _failed(self, error: Exception) -> None:
        raise error

    # What the agent decides, before it is durable.

    def _decided(self, message: internal.FromAgent) -> None:
        if isinstance(message, internal.StatusUpdate):
            uuid = message.status.uuid
            if uuid in self._acknowledged or uuid in self._place.acknowledged:
                raise ViolationError(f"{self.name} sends an acknowledged update of {message.status.task_id.value}")

    # The master.

    def from_master(self, message: internal.ToAgent) -> None:
        if not isinstance(message, internal.Acknowledge):
            self.agent.from_master(message)
            if isinstance(message, internal.RunTasks):
                self._check_use()
            return
        updates = self.agent.ledger.updates
        is_awaited = updates.awaits(message.framework_id, message.task_id, message.uuid)
        framework = self.agent.ledger.frameworks.get(message.framework_id.value)
        self.agent.from_master(message)
        if is_awaited:
            self._acknowledged.add(message.uuid)
            if framework and framework.info.checkpoint:
                self._journal.after(lambda: self._place.acknowledged.add(message.uuid))

    def _check_use(self) -> None:
        """Nothing is used twice."""
        used = []
        for framework, executor in self.agent.ledger.executors():
            if not framework.terminating and executor.state is not ExecutorState.TERMINATED:
                used += [amounts(task.info.resources) for task in executor.tasks()]
                used += [] if executor.is_command else [amounts(executor.info.resources)]
        if found := excess(total(used), amounts(self._place.info.resources)):
            raise ViolationError(f"More of {self.name} is used than there is: {found}")

    def to_master(self, message: internal.FromAgent) -> None:
        self._link.send(message)

    # Executors.

    def serve_executor(self, container: Container, call: Call, stream: Stream | None) -> int:
        if invalid(call):
            raise ViolationError(f"An executor's call is wrong: {invalid(call)}")
        framework = self.agent.ledger.frameworks.get(call.framework_id.value)
        executor = framework.executors.get(call.executor_id.value) if framework else None
        if framework is None or executor is None:
            return 400
        if call.subscribe is not None:
            self._close_stream(executor.container_id)
            self._streams[executor.container_id] = stream
            stream.client = container
            self.agent.subscribed(framework, executor, call.subscribe)
            return 200
        if executor.state is ExecutorState.REGISTERING:
            return 403
        if call.update:
            self.agent.update(framework, executor, call.update.status)
        return 202

    def executor_left(self, container_id: str, stream: Stream) -> None:
        if self._streams.get(container_id) is stream:
            del self._streams[container_id]

    def to_executor(self, container_id: str, event: Event) -> None:
        if stream := self._streams.get(container_id):
            client = stream.client
            stream.send(lambda: client.hears(event))

    def _close_stream(self, container_id: str) -> None:
        if stream := self._streams.pop(container_id, None):
            stream.close_server()

    # Containers.

    def launch(self, framework: FrameworkInfo, executor: ExecutorRecord) -> None:
        if self.world.chance(0.02):
            self.after(0.1, lambda: self.agent.container_failed(executor.container_id, "no"))
            return
        self._launching[executor.container_id] = framework, executor
        self.after(self.world.between(0.01, 0.3), lambda: self._born(framework, executor))

    def _born(self, framework: FrameworkInfo, executor: ExecutorRecord) -> None:
        if self._launching.pop(executor.container_id, None) is None:
            return
        container = self._place.launch(framework, executor)
        self._children.add(container.id)
        self.agent.container_launched(container.id, container.pid)

    def destroy(self, executor: ExecutorRecord) -> None:
        if self._launching.pop(executor.container_id, None):
            self.after(0, lambda: self.agent.container_exited(executor.container_id, 9))
        elif container := self._place.containers.get(executor.container_id):
            self.after(self.world.latency(), lambda: container.exit(9))

    def container_ended(self, container: Container, status: int) -> None:
        self._close_stream(container.id)
        self.agent.container_exited(container.id, status if container.id in self._children else UNKNOWN_STATUS)

    def adopt(self, executor: ExecutorRecord) -> None:
        if executor.container_id not in self._place.containers:
            self.after(0, lambda: self.agent.container_exited(executor.container_id, UNKNOWN_STATUS))

    def hold(self, executor: ExecutorRecord) -> None: ...

    def limitation(self, executor: ExecutorRecord) -> Ending | None:
        return None

    def keep_volumes(self, before: tuple[Resource, ...], now: tuple[Resource, ...]) -> None: ...

    def show_volumes(self, executor: ExecutorRecord) -> None: ...

    def sandbox(self, agent_id: AgentID, framework_id: str, executor_id: str, container_id: str) -> str:
        return sandbox_path(self._place.work_dir, agent_id.value, framework_id, executor_id, container_id)


class _Watched:
    """An `Outside` that lets what is decided be seen at once."""

    def __init__(self, outside: Durable, decided: Callable[[internal.FromAgent], None]) -> None:
        self._outside = outside
        self._decided = decided

    def to_master(self, message: internal.FromAgent) -> None:
        self._decided(message)
        self._outside.to_master(message)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outside, name)


class _Link:
    """The agent's connection to the leading master, as `runtime.agent.master_link` keeps it."""

    def __init__(self, process: AgentProcess, zookeeper: ZooKeeper) -> None:
        self._process = process
        self._zookeeper = zookeeper
        self._world = process.world
        self._master: MasterProcess | None = None
        self._attempt = 0
        """Number of the connection; what belongs to an earlier one is of no interest."""
        self._limit = 1.0
        self._stream: Stream | None = None
        self._line: Line | None = None
        self._connected = False
        self._admitted = False
        self._outgoing: deque[internal.FromAgent] | None = None
        self._ping_seconds = 15.0
        self._watchdog = None

    def start(self) -> None:
        self._zookeeper.watch(lambda leader: self._world.clock.after(
            self._world.between(0, 3), lambda: self._process.run(lambda: self._detected(leader))))
        self._detected(self._zookeeper.leader)

    def drop(self) -> None:
        """The process is dead, or follows another master: the kernel closes what is open."""
        self._attempt += 1
        if self._watchdog:
            self._watchdog.cancel()
        self._outgoing, self._admitted = None, False
        if self._stream:
            self._stream.close_client()
            self._stream = None

    def _detected(self, leader: MasterProcess | None) -> None:
        if leader is not None and leader is not self._master and leader is self._zookeeper.leader:
            self._master = leader
            self._limit = 1.0
            self._lose()

    def _lose(self) -> None:
        """The connection is over; another one follows."""
        connected, self._connected = self._connected, False
        self.drop()
        if connected:
            self._process.agent.disconnected()
        attempt = self._attempt
        seconds = self._world.between(0, min(self._limit, _MAX_BACKOFF_SECONDS))
        self._limit *= 2
        self._process.after(seconds, lambda: self._register() if attempt == self._attempt else None)

    def _register(self) -> None:
        process, master, attempt = self._process, self._master, self._attempt
        self._outgoing = deque()
        message = process.agent.registration()
        self._world.log(process.name, "->", master, brief(message))
        self._connected = True
        self._line = Line(self._world, process.host, master)
        self._expect_ping(15.0)

        def handle() -> int:
            stream = master.serve_agent(_AgentEnd(self, attempt), message)
            if stream is None:
                return 503
            if attempt == self._attempt:
                self._stream = stream
            else:
                stream.close_client()  # it arrives when nobody reads the answer any more
            return 200

        def answered(status: int | None) -> None:
            if status != 200 and attempt == self._attempt:
                self._lose()

        post(process, master, handle, answered)

    def hears(self, attempt: int, stream: Stream, message: internal.ToAgent) -> None:
        if attempt != self._attempt:
            return
        process = self._process
        match message:
            case internal.Registered():
                self._limit = 1.0
                self._ping_seconds = message.ping_seconds
                self._admitted = True
                self._speak()
                process.agent.registered(message.agent_id, message.master)
            case internal.Refused():
                process.refused(message.reason)
                return
            case internal.Ping():
                self.send(internal.Pong())
            case _:
                process.from_master(message)
        self._expect_ping(self._ping_seconds)

    def ended(self, attempt: int) -> None:
        if attempt == self._attempt:
            self._lose()

    def send(self, message: internal.FromAgent) -> None:
        if self._outgoing is not None:
            self._outgoing.append(message)
            self._speak()

    def _speak(self) -> None:
        """All on the connection that the registration came by."""
        process, master = self._process, self._master
        while self._admitted and self._outgoing:
            message, stream = self._outgoing.popleft(), self._stream
            if not isinstance(message, internal.Pong):
                self._world.log(process.name, "->", master, brief(message))
            self._line.send(lambda message=message, stream=stream: master.serve_message(stream.id, message))

    def _expect_ping(self, seconds: float) -> None:
        if self._watchdog:
            self._watchdog.cancel()
        self._watchdog = self._process.after(seconds * _MISSED_PINGS, self._lose)


class _AgentEnd:
    """The agent's end of one connection, as the master's streams know it."""

    def __init__(self, link: _Link, attempt: int) -> None:
        self._link = link
        self._attempt = attempt
        process = link._process
        self.world, self.host, self.name, self.run = process.world, process.host, process.name, process.run

    def from_master(self, message: internal.ToAgent) -> None:
        self._link.hears(self._attempt, None, message)

    def ended(self, stream_id: str) -> None:
        self._link.ended(self._attempt)


class _Future:
    def __init__(self) -> None:
        self._callbacks: list[Callable[[_Future], None]] = []

    def add_done_callback(self, callback: Callable[[_Future], None]) -> None:
        self._callbacks.append(callback)

    def cancelled(self) -> bool:
        return False

    def exception(self) -> None:
        return None

    def done(self) -> None:
        for callback in self._callbacks:
            callback(self)


class _Loop:
    """What the journal needs of an event loop. Its threads take their time, and stop with the process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._threads: dict[object, deque[tuple[Callable[..., None], tuple[object, ...], _Future]]] = {}
        self.call_later = lambda seconds, callback: process.after(seconds, callback)

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._process.after(0, callback)

    def run_in_executor(self, thread: object, work: Callable[..., None], *arguments: object) -> _Future:
        future = _Future()
        queue = self._threads.setdefault(thread, deque())
        queue.append((work, arguments, future))
        if len(queue) == 1:
            self._process.after(self._process.world.latency(), lambda: self._work(queue))
        return future

    def _work(self, queue: deque[tuple[Callable[..., None], tuple[object, ...], _Future]]) -> None:
        work, arguments, future = queue.popleft()
        work(*arguments)
        self._process.after(self._process.world.latency() / 10, future.done)
        if queue:
            self._process.after(self._process.world.latency(), lambda: self._work(queue))

    def crash(self) -> None:
        """What the threads were at may be done, or not, or half."""
        world = self._process.world
        for queue in self._threads.values():
            for work, arguments, _ in queue:
                if world.chance(0.5):
                    if work.__name__ == "_commit" and world.chance(0.5):
                        line = msgspec.json.encode(arguments[0])
                        os.write(work.__self__._file, line[: int(len(line) * world.random.random())])
                    break
                work(*arguments)


def journal_asyncio(world: World) -> object:
    """To be put in the place of the journal's `asyncio`."""

    class Asyncio:
        @staticmethod
        def get_running_loop() -> _Loop:
            assert isinstance(world.current, AgentProcess)
            return world.current.loop

    return Asyncio


__all__ = ["AgentProcess", "Host", "journal_asyncio", "journal_module"]
