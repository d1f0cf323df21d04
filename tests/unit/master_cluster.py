"""A master without I/O for tests: a clock that stands still, and what the master sends to whom."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.coordination.registry import Changes, update
from mesosctl.runtime.master.actions import Abort, Action, CloseAgent, CloseScheduler, Persist, ToAgent, ToScheduler
from mesosctl.runtime.master.core import Master, check_call
from mesosctl.runtime.master.options import MasterOptions
from mesosctl.runtime.protocol.basics import AgentID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo, MasterInfo
from mesosctl.runtime.protocol.scheduler import Call, Event
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Resources

MASTER = "6404909b-6247-4b89-9aff-d7f5151416b6"
FRAMEWORK = f"{MASTER}-0000"
AGENT = f"{MASTER}-S0"
RESOURCES = "ports:[31000-32000];cpus:2;mem:23081;disk:252899"

INFO = {
    "user": "root",
    "name": "golden-fw",
    "roles": ["*"],
    "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}, {"type": "TASK_KILLING_STATE"}],
    "failover_timeout": 60.0,
    "checkpoint": True,
}
OLD_INFO = {**INFO, "roles": [], "capabilities": []}
"""Of a framework that knows neither MULTI_ROLE nor PARTITION_AWARE."""


class Cluster:
    """Streams are named by the caller: "s1" for a scheduler, "a1" for an agent."""

    def __init__(self, registry: dict[str, bytes] | None = None, **options: Any) -> None:
        """`registry`: what an earlier master left there."""
        self.clock = SimulatedClock()
        info = MasterInfo(id=MASTER, ip=16777343, port=5050, pid="master@127.0.0.1:5050", hostname="localhost")
        self.master = Master(MasterOptions(info=info, **options), self.clock, self._emit)
        self.events: dict[str, list[Event]] = {}
        self.told: dict[str, list[internal.ToAgent]] = {}
        self.closed: set[str] = set()
        self.registry = dict(registry or {})
        self.holds_writes = False
        """Whether changes of the registry wait for `write`."""
        self._unwritten: Changes = {}
        self.aborted: str | None = None
        self._uuids = itertools.count(1)
        self.master.recover(self.registry)
        self.master.start()

    def _emit(self, action: Action) -> None:
        if isinstance(action, Persist):
            self._unwritten = action.changes
            if not self.holds_writes:
                self.write()
            return
        if isinstance(action, Abort):
            self.aborted = action.reason
            return
        assert action.stream not in self.closed
        match action:
            case ToScheduler(stream, event):
                self.events.setdefault(stream, []).append(event)
            case ToAgent(stream, message):
                self.told.setdefault(stream, []).append(message)
            case CloseScheduler(stream) | CloseAgent(stream):
                self.closed.add(stream)

    def write(self) -> None:
        """The changes of the registry are durable."""
        update(self.registry, self._unwritten)
        self.master.persisted()

    # Schedulers.

    def subscribe(self, stream: str = "s1", framework_id: str | None = FRAMEWORK, **changes: Any) -> None:
        info: dict[str, Any] = {**INFO, **changes}
        call: dict[str, Any] = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if framework_id:
            info["id"] = call["framework_id"] = {"value": framework_id}
        self.master.subscribe(stream, msgspec.convert(call, Call))

    def raw_subscribe(self, stream: str, fields: dict[str, Any]) -> None:
        """A SUBSCRIBE of a new framework with these fields."""
        self.master.subscribe(stream, msgspec.convert({"type": "SUBSCRIBE", "subscribe": fields}, Call))

    def call(self, stream: str, kind: str, framework_id: str = FRAMEWORK, **fields: Any) -> int:
        """The HTTP status. Raises Refusal."""
        body = {"type": kind, "framework_id": {"value": framework_id}, kind.lower(): fields}
        return self.raw(stream, body)

    def raw(self, stream: str | None, body: dict[str, Any]) -> int:
        call = msgspec.convert(body, Call)
        check_call(call)
        return self.master.call(self.master.framework_for(call, stream), call)

    def take(self, stream: str, kind: str | None = None) -> list[Event]:
        """The events since the last time, or those of them of one type."""
        events = self.events.pop(stream, [])
        return [event for event in events if kind in (None, event.type)]

    def statuses(self, stream: str = "s1") -> list[tuple[str, str, str | None]]:
        """Task, state and reason of the updates since the last time."""
        updates = [event.update.status for event in self.take(stream, "UPDATE") if event.update]
        return [(each.task_id.value, each.state.value, each.reason and each.reason.value) for each in updates]

    def offer(self, framework_id: str = FRAMEWORK) -> str:
        """The id of the framework's only offer, waiting for it if need be."""
        for _ in range(10):
            offers = list(self.master.state.frameworks[framework_id].offers)
            if offers:
                assert len(offers) == 1
                return offers[0]
            self.clock.advance(1)
        raise AssertionError("no offer")

    def launch(self, *task_ids: str, stream: str = "s1", framework_id: str = FRAMEWORK, cpus: float = 0.1) -> None:
        operation = {"type": "LAUNCH", "launch": {"task_infos": [task(each, cpus) for each in task_ids]}}
        offer = self.offer(framework_id)
        filters = {"refuse_seconds": 0}
        self.call(stream, "ACCEPT", framework_id, offer_ids=[{"value": offer}], operations=[operation], filters=filters)

    # Agents.

    def register(
        self,
        stream: str = "a1",
        agent_id: str | None = None,
        tasks: tuple[internal.RunningTask, ...] = (),
        frameworks: tuple[FrameworkInfo, ...] = (),
        port: int = 5051,
        resources: str = RESOURCES,
        order: tuple[int, int] = (0, 0),
    ) -> None:
        info = AgentInfo(
            hostname="localhost",
            port=port,
            resources=Resources.parse(resources).messages(),
            id=AgentID(agent_id) if agent_id else None,
        )
        message = internal.Register(info, "1.11.0", tasks, (), frameworks, order=order)
        self.master.register_agent(stream, "127.0.0.1", message)

    def update(
        self, task_id: str, state: str, *, stream: str = "a1", framework_id: str = FRAMEWORK, agent_id: str = AGENT
    ) -> bytes:
        """A status from the agent; gives its uuid."""
        uuid = next(self._uuids).to_bytes(16, "big")
        status = TaskStatus(
            task_id=TaskID(task_id),
            state=TaskState(state),
            source=TaskStatus.Source.SOURCE_EXECUTOR,
            agent_id=AgentID(agent_id),
            timestamp=self.clock.now(),
            uuid=uuid,
        )
        self.send(stream, internal.StatusUpdate(FrameworkID(framework_id), status))
        return uuid

    def send(self, stream: str, message: internal.FromAgent) -> None:
        self.master.agent_message(stream, message)

    def messages(self, kind: type[internal.Message], stream: str = "a1") -> list[Any]:
        """All messages of one kind to an agent so far."""
        return [message for message in self.told.get(stream, []) if isinstance(message, kind)]

    def pass_with_pongs(self, seconds: int, *streams: str) -> None:
        """Time goes by while these agents answer pings."""
        for _ in range(seconds):
            self.clock.advance(1)
            for stream in streams:
                self.send(stream, internal.Pong())


def task(task_id: str, cpus: float = 0.1, agent_id: str = AGENT) -> dict[str, Any]:
    """A TaskInfo, as JSON."""
    return {
        "name": task_id,
        "task_id": {"value": task_id},
        "agent_id": {"value": agent_id},
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": cpus}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 32.0}},
        ],
        "command": {"value": "true"},
    }


def running(task_id: str, state: str = "TASK_RUNNING") -> internal.RunningTask:
    """What an agent reports of a task of FRAMEWORK."""
    body = task(task_id)
    for resource in body["resources"]:
        resource["allocation_info"] = {"role": "*"}
    info = msgspec.convert(body, TaskInfo)
    status = TaskStatus(task_id=info.task_id, state=TaskState(state), timestamp=1.0, uuid=b"x" * 16)
    return internal.RunningTask(FrameworkID(FRAMEWORK), None, info, status)
