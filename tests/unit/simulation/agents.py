"""Hosts with agents: the real state machine, journal and recovery, on a disk and a network that are not real."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mesosctl.runtime import internal
from mesosctl.runtime.agent.adopted import UNKNOWN_STATUS
from mesosctl.runtime.agent.checkpoint import Forked
from mesosctl.runtime.agent.core import Agent, Settings
from mesosctl.runtime.agent.durable import Durable
from mesosctl.runtime.agent.executor_api import invalid
from mesosctl.runtime.agent.journal import Journal
from mesosctl.runtime.agent.records import Ending, ExecutorRecord, ExecutorState, FrameworkRecord
from mesosctl.runtime.agent.recovery import FoundRun, find, forget
from mesosctl.runtime.agent.sandbox import sandbox_path
from mesosctl.runtime.protocol.basics import AgentID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.executor import Call, Event
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.resources import Resources
from tests.unit.simulation.agent_link import Link
from tests.unit.simulation.books import Books, amounts, excess, total
from tests.unit.simulation.coordination import ZooKeeper
from tests.unit.simulation.disk import Loop
from tests.unit.simulation.executors import SHUTDOWN_GRACE_SECONDS, Container
from tests.unit.simulation.world import Process, Stream, ViolationError, World

_FIRST_PID = 2**23
"""No process of this machine has such a one."""


class Host:
    """A machine: a disk, containers, and one agent after the other."""

    def __init__(
        self, world: World, zookeeper: ZooKeeper, books: Books, name: str, folder: Path, resources: str
    ) -> None:
        self.world, self.zookeeper, self.books = world, zookeeper, books
        self.name = name
        self.work_dir = str(folder / name)
        self.info = AgentInfo(hostname=name, port=5051, resources=Resources.parse(resources).messages())
        self.boot = 0
        self.containers: dict[str, Container] = {}
        self.agent: AgentProcess | None = None
        self.acknowledged: set[bytes] = set()
        """Updates whose acknowledgement is on the disk."""
        self.taken: set[bytes] = set()
        """Updates that an agent has taken from an executor, to be written down."""
        self.promised: dict[str, set[bytes]] = {}
        """By container, updates that an agent has acknowledged to its executor."""
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
        self.loop = Loop(self)
        self._streams: dict[str, Stream] = {}
        self._children: set[str] = set()
        self._launching: dict[str, tuple[FrameworkInfo, ExecutorRecord]] = {}
        self._link = Link(self, place.zookeeper)
        self._acknowledged: set[bytes] = set()

    def start(self) -> None:
        place = self._place
        found = find(place.work_dir, strict=True, boot_id=str(place.boot))
        self.world.log(self.name, "starts as", found.info and found.info.id.value)
        for framework in found.frameworks:
            for run in framework.runs:
                self._check_promises(run)
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
        updates = call.subscribe.unacknowledged_updates if call.subscribe else filter(None, [call.update])
        status_code = self._serve(framework, executor, container, call, stream)
        for update in updates:
            task = executor.find(update.status.task_id.value)
            if task and framework.info.checkpoint and task.status().uuid == update.status.uuid:
                self._place.taken.add(update.status.uuid)
        return status_code

    def _check_promises(self, run: FoundRun) -> None:
        written = {status.uuid for task in run.tasks for status in task.statuses}
        promised = self._place.promised.get(run.container_id, set()) & self._place.taken
        if not run.completed and promised - written:
            raise ViolationError(f"{self.name} forgot an update of {run.executor.executor_id.value}")

    def _serve(
        self,
        framework: FrameworkRecord,
        executor: ExecutorRecord,
        container: Container,
        call: Call,
        stream: Stream | None,
    ) -> int:
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
