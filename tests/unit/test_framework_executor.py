"""The executor client with an agent that the test plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from mesosctl.runtime.framework import executor as client
from mesosctl.runtime.framework.executor import Executor, Shutdown
from mesosctl.runtime.protocol.basics import AgentID, ExecutorID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.codec import decode, encode
from mesosctl.runtime.protocol.executor import Call, Event
from mesosctl.runtime.protocol.recordio import frame
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskState, TaskStatus
from tests.unit.played import play, served

SUBSCRIBED = Event(
    type=Event.Type.SUBSCRIBED,
    subscribed=Event.Subscribed(
        ExecutorInfo(executor_id=ExecutorID("e1")), FrameworkInfo(user="u", name="n"), AgentInfo(hostname="h")
    ),
)
TASK = TaskInfo(name="t1", task_id=TaskID("t1"), agent_id=AgentID("a1"))
LAUNCH = Event(type=Event.Type.LAUNCH, launch=Event.Launch(TASK))
SHUTDOWN = Event(type=Event.Type.SHUTDOWN)


class PlayedAgent:
    """The n-th subscription gets the n-th script; the last stream stays open, and gets what `send` says. The others
    end `silent_seconds` after their script.
    """

    def __init__(self, *scripts: list[Event], acknowledges: bool = True, silent_seconds: float = 0.0) -> None:
        self._silent_seconds = silent_seconds
        self._scripts = list(scripts)
        self._acknowledges = acknowledges
        self._stream: web.StreamResponse | None = None
        self.subscriptions: list[Call] = []
        self.calls: list[Call] = []
        self.port = 0

    @property
    def environment(self) -> dict[str, str]:
        return {
            "MESOS_AGENT_ENDPOINT": f"127.0.0.1:{self.port}",
            "MESOS_FRAMEWORK_ID": "f1",
            "MESOS_EXECUTOR_ID": "e1",
            "MESOS_CHECKPOINT": "1",
            "MESOS_RECOVERY_TIMEOUT": "15mins",
            "MESOS_SUBSCRIPTION_BACKOFF_MAX": "20ms",
            "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "7secs",
        }

    async def send(self, event: Event) -> None:
        assert self._stream
        await self._stream.write(frame(encode(event)))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        call = decode(Call, await request.read())
        assert (call.framework_id, call.executor_id) == (FrameworkID("f1"), ExecutorID("e1"))
        if call.type is not Call.Type.SUBSCRIBE:
            self.calls.append(call)
            if call.update and call.update.status.uuid and self._acknowledges:
                acknowledged = Event.Acknowledged(call.update.status.task_id, call.update.status.uuid)
                await self.send(Event(type=Event.Type.ACKNOWLEDGED, acknowledged=acknowledged))
            return web.Response(status=202)
        self.subscriptions.append(call)
        script = self._scripts.pop(0)
        self._stream = web.StreamResponse()
        self._stream.enable_chunked_encoding()
        await self._stream.prepare(request)
        for event in script:
            await self.send(event)
        await asyncio.sleep(self._silent_seconds)
        if not self._scripts:
            await asyncio.Event().wait()
        return self._stream


@asynccontextmanager
async def serving(agent: PlayedAgent) -> AsyncIterator[None]:
    async with served("/api/v1/executor", agent.handle) as agent.port:
        yield


def status(state: TaskState) -> TaskStatus:
    return TaskStatus(task_id=TASK.task_id, state=state)


def test_events_statuses_messages_and_the_end() -> None:
    async def scenario() -> None:
        agent = PlayedAgent([SUBSCRIBED, LAUNCH])
        async with serving(agent):
            async with Executor(agent.environment) as executor:
                assert [await anext(executor), await anext(executor)] == [SUBSCRIBED.subscribed, LAUNCH.launch]
                executor.update(status(TaskState.TASK_RUNNING))
                executor.message(b"hello")
                executor.update(status(TaskState.TASK_FINISHED))
                await agent.send(SHUTDOWN)
                assert [event async for event in executor] == [Shutdown(7.0)]
            running, message, finished = agent.calls
            assert running.update
            told = running.update.status
            assert (told.source, told.executor_id) == (TaskStatus.Source.SOURCE_EXECUTOR, ExecutorID("e1"))
            assert told.uuid
            assert told.timestamp
            assert told.agent_id is None
            assert message.message == Call.Message(b"hello")
            assert finished.update
            assert finished.update.status.state is TaskState.TASK_FINISHED

    play(scenario)


def test_what_was_not_acknowledged_is_told_again_to_an_agent_that_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ACKNOWLEDGE_SECONDS", 0.1)

    async def scenario() -> None:
        agent = PlayedAgent([SUBSCRIBED, LAUNCH], [SUBSCRIBED], acknowledges=False)
        async with serving(agent):
            async with Executor(agent.environment) as executor:
                await anext(executor)
                await anext(executor)
                executor.update(status(TaskState.TASK_RUNNING))
                assert await anext(executor) == SUBSCRIBED.subscribed
            first, again = agent.subscriptions
            assert first.subscribe == Call.Subscribe()
            assert again.subscribe
            assert again.subscribe.unacknowledged_tasks == (TASK,)
            (update,) = again.subscribe.unacknowledged_updates
            assert update.status.state is TaskState.TASK_RUNNING

    play(scenario)


def test_an_agent_that_does_not_come_back_ends_an_executor_without_checkpoints() -> None:
    async def scenario() -> None:
        agent = PlayedAgent([SUBSCRIBED], [])
        async with (
            serving(agent),
            Executor({**agent.environment, "MESOS_CHECKPOINT": "0"}) as executor,
        ):
            assert [event async for event in executor] == [SUBSCRIBED.subscribed, Shutdown(7.0)]
        assert len(agent.subscriptions) == 1

    play(scenario)


def test_the_recovery_timeout_begins_when_the_agent_is_lost() -> None:
    """However long the agent had nothing to say before."""

    async def scenario() -> None:
        agent = PlayedAgent([SUBSCRIBED], [SUBSCRIBED], silent_seconds=0.6)
        async with (
            serving(agent),
            Executor({**agent.environment, "MESOS_RECOVERY_TIMEOUT": "300ms"}) as executor,
        ):
            assert [await anext(executor), await anext(executor)] == [SUBSCRIBED.subscribed] * 2

    play(scenario)
