"""An executor of one's own: stays subscribed to the agent that started it, gives its events one by one, and repeats
statuses until they are acknowledged.

    async with Executor() as executor:
        async for event in executor:
            match event:
                case Event.Launch(task=task):
                    executor.update(TaskStatus(task_id=task.task_id, state=TaskState.TASK_RUNNING))

With a checkpointing framework it survives restarts of the agent, for as long as the agent's recovery timeout.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Mapping
from typing import Self

import msgspec

from mesosctl.runtime.clock import LoopClock
from mesosctl.runtime.executor.link import AgentLink
from mesosctl.runtime.executor.reports import Reports
from mesosctl.runtime.protocol.executor import Call, Event
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskStatus

ACKNOWLEDGE_SECONDS = 5.0
"""How long an executor that leaves waits for its statuses to be acknowledged."""


class Shutdown(msgspec.Struct, frozen=True):
    """End all tasks, report their end, and leave: the agent kills what is left after `grace_seconds`. The last event.

    The agent wants it so, or it is gone for good.
    """

    grace_seconds: float


Received = Event.Subscribed | Event.Launch | Event.LaunchGroup | Event.Kill | Event.Message | Shutdown


class Executor:
    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Raises KeyError and ValueError where no agent made this environment."""
        self._link = AgentLink(environment)
        self._reports = Reports(self._link.identity, LoopClock(), self._link.send)
        self._tasks: dict[str, TaskInfo] = {}
        """Those of which nothing was acknowledged yet."""
        self._events: deque[Received] = deque()
        self._arrived = asyncio.Event()
        self._over = False
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._serving = asyncio.create_task(self._link.serve(self))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            await self._acknowledgements()
        self._link.stop()
        if self._serving:
            await self._serving

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Received:
        while not self._events:
            if self._over:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()

    def update(self, status: TaskStatus) -> None:
        """Tell the scheduler; `executor_id`, `source`, `timestamp` and `uuid` are filled in."""
        self._reports.report(msgspec.structs.replace(status, source=TaskStatus.Source.SOURCE_EXECUTOR))

    def message(self, data: bytes) -> None:
        """Send bytes to the scheduler; nobody repeats them."""
        identity = self._link.identity
        self._link.send(
            Call(identity.executor_id, identity.framework_id, Call.Type.MESSAGE, message=Call.Message(data))
        )

    # For the link.

    def subscription(self) -> Call:
        return self._reports.subscription(self._tasks.values())

    def event(self, event: Event) -> None:
        match event.type:
            case Event.Type.LAUNCH if event.launch:
                self._tasks[event.launch.task.task_id.value] = event.launch.task
                self._tell(event.launch)
            case Event.Type.LAUNCH_GROUP if event.launch_group:
                self._tasks.update((task.task_id.value, task) for task in event.launch_group.task_group.tasks)
                self._tell(event.launch_group)
            case Event.Type.ACKNOWLEDGED if event.acknowledged:
                self._tasks.pop(event.acknowledged.task_id.value, None)
                self._reports.acknowledged(event.acknowledged.task_id.value, event.acknowledged.uuid)
                self._arrived.set()
            case Event.Type.SHUTDOWN | Event.Type.ERROR:
                self.abandoned()
            case _:
                if event.subscribed:
                    self._reports.subscribed()
                if found := event.subscribed or event.kill or event.message:
                    self._tell(found)

    def disconnected(self) -> None:
        """Tasks go on, and statuses wait."""

    def abandoned(self) -> None:
        if not self._over:
            self._tell(Shutdown(self._link.shutdown_grace_seconds))
            self._over = True

    def _tell(self, event: Received) -> None:
        if not self._over:
            self._events.append(event)
            self._arrived.set()

    async def _acknowledgements(self) -> None:
        try:
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                while self._reports.waiting:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            pass
