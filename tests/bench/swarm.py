"""Simulated agents, thousands in a process, over real HTTP: `python -m tests.bench.swarm PORT FIRST COUNT TASKS`.

Each registers as `agent.master_link` does, with its running tasks and the same waits between attempts, answers pings,
and says of what it is told to run that it runs and, where that is `true`, that it has finished; the rest runs until it
is killed. Prints a JSON line whenever that changes: how many are registered, how many registrations there ever were,
and when (CLOCK_MONOTONIC).
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
import uuid
from dataclasses import dataclass
from functools import cached_property

import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.agent.master_link import MAX_BACKOFF_SECONDS, REFUSED_BACKOFF
from mesosctl.runtime.protocol.basics import AgentID, ContainerID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerStatus, NetworkInfo
from mesosctl.runtime.protocol.recordio import RecordDecoder, frame
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Resources

FRAMEWORK_ID = FrameworkID("swarm-0000")
FRAMEWORK = FrameworkInfo(
    user="root",
    name="swarm",
    id=FRAMEWORK_ID,
    roles=("*",),
    failover_timeout=3600.0,
    capabilities=(FrameworkInfo.Capability(FrameworkInfo.Capability.Type.MULTI_ROLE),),
)
BACKOFF_SECONDS = 1.0
TOTAL = Resources.parse("cpus:16;mem:65536;disk:100000;ports:[31000-32000]").messages()
OF_A_TASK = Resources.parse("cpus:0.1;mem:32").allocated_to("*").messages()

_HEAD = (
    f"POST {internal.PATH} HTTP/1.1\r\nHost: master\r\nAccept: */*\r\nUser-Agent: swarm\r\n"
    "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
).encode()
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(internal.ToAgent).decode


def registration(number: int, tasks: int) -> internal.Register:
    """What an agent says first that was here before, with its tasks."""
    ip = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    agent_id = AgentID(f"swarm-S{number}")
    info = AgentInfo(hostname=f"host{number}", port=5051, resources=TOTAL, id=agent_id)
    running = tuple(_running(f"{number}-{each}", agent_id, ip) for each in range(tasks))
    return internal.Register(info, "1.11.0", running, (), (FRAMEWORK,) if tasks else (), ip=ip)


def _running(name: str, agent_id: AgentID, ip: str) -> internal.RunningTask:
    network = NetworkInfo(ip_addresses=(NetworkInfo.IPAddress(ip_address=ip),))
    status = TaskStatus(
        task_id=TaskID(name),
        state=TaskState.TASK_RUNNING,
        timestamp=1.0,
        uuid=uuid.uuid4().bytes,
        container_status=ContainerStatus(container_id=ContainerID(f"c{name}"), network_infos=(network,)),
    )
    command = CommandInfo(value="sleep 1000")
    task = TaskInfo(name="task", task_id=TaskID(name), agent_id=agent_id, resources=OF_A_TASK, command=command)
    return internal.RunningTask(FRAMEWORK_ID, None, task, status)


@dataclass
class Swarm:
    port: int
    tasks: int
    local: str
    """The address that its agents connect from."""
    registered: int = 0
    registrations: int = 0
    """Ever."""


class Agent:
    def __init__(self, swarm: Swarm, number: int) -> None:
        self._swarm = swarm
        self._number = number
        self._loop = asyncio.get_running_loop()
        self._limit = BACKOFF_SECONDS
        self._registered = False
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None

    def come(self) -> None:
        self._loop.call_later(random.uniform(0, min(self._limit, MAX_BACKOFF_SECONDS)), self._try)
        self._limit *= 2

    def _try(self) -> None:
        self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            local = (self._swarm.local, 0)
            await self._loop.create_connection(
                lambda: Connection(self), "127.0.0.1", self._swarm.port, local_addr=local
            )
        except OSError as error:
            if isinstance(error, ConnectionRefusedError):
                self._limit = min(self._limit, REFUSED_BACKOFF * BACKOFF_SECONDS)
            self.come()

    @cached_property
    def registration(self) -> bytes:
        return _encode(registration(self._number, self._swarm.tasks))

    def heard(self, connection: Connection, message: internal.ToAgent) -> None:
        match message:
            case internal.Registered():
                self._registered, self._limit = True, BACKOFF_SECONDS
                self._swarm.registered += 1
                self._swarm.registrations += 1
                self._connection = connection
            case internal.Ping():
                self._say(internal.Pong())
            case internal.RunTasks(framework=framework, tasks=tasks) if framework.id:
                for task in tasks:
                    self._update(framework.id, task.task_id, TaskState.TASK_RUNNING)
                    if task.command and task.command.value == "true":
                        self._update(framework.id, task.task_id, TaskState.TASK_FINISHED)
            case internal.KillTask(framework_id=framework_id, task_id=task_id):
                self._update(framework_id, task_id, TaskState.TASK_KILLED)

    def _update(self, framework_id: FrameworkID, task_id: TaskID, state: TaskState) -> None:
        agent_id = AgentID(f"swarm-S{self._number}")
        status = TaskStatus(
            task_id=task_id, state=state, agent_id=agent_id, timestamp=time.time(), uuid=uuid.uuid4().bytes
        )
        self._say(internal.StatusUpdate(framework_id, status))

    def _say(self, message: internal.FromAgent) -> None:
        if self._connection:
            self._connection.send(_encode(message))

    def lost(self) -> None:
        if self._registered:
            self._registered = False
            self._swarm.registered -= 1
        self._connection = None
        self.come()


class Connection(asyncio.Protocol):
    """Messages both ways."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._received = b""
        self._records = RecordDecoder()
        self._transport: asyncio.Transport | None = None
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_HEAD)
        self.send(self._agent.registration)

    def send(self, message: bytes) -> None:
        assert self._transport
        record = frame(message)
        self._transport.write(b"%x\r\n%b\r\n" % (len(record), record))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._is_open:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 200 ") and self._transport:
                self._transport.close()  # not ready yet
                return
            self._is_open, self._received = True, rest
        while True:  # a chunk at a time
            size, end, rest = self._received.partition(b"\r\n")
            length = int(size, 16) if end else 0
            if not end or len(rest) < length + 2:
                return
            self._received = rest[length + 2 :]
            for record in self._records.feed(rest[:length]):
                self._agent.heard(self, _decode(record))

    def connection_lost(self, exc: Exception | None) -> None:
        self._agent.lost()


async def run(swarm: Swarm, first: int, count: int) -> None:
    """Until this is cancelled, or nobody reads the output any more."""
    agents = [Agent(swarm, number) for number in range(first, first + count)]
    gc.freeze()
    for agent in agents:
        assert agent.registration  # made beforehand
        agent.come()
    told = None
    while True:
        counts = {"registered": swarm.registered, "registrations": swarm.registrations}
        if counts != told:
            told = counts
            print(json.dumps({**counts, "at": time.monotonic()}), flush=True)
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    port, first, count, tasks = (int(text) for text in sys.argv[1:5])
    asyncio.run(run(Swarm(port, tasks, f"127.0.1.{first % 251 + 1}"), first, count))
