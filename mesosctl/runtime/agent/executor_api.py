"""`/api/v1/executor`: the calls of executors, and their event streams. Status codes and words are Apache Mesos'
(src/slave/http.cpp, src/slave/validation.cpp).
"""

from __future__ import annotations

import asyncio
import uuid

from aiohttp import web

from mesosctl.runtime.agent import events
from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.records import ExecutorRecord, ExecutorState, FrameworkRecord
from mesosctl.runtime.http.answers import empty_response
from mesosctl.runtime.http.authentication import principal_of
from mesosctl.runtime.http.stream import RecordStream
from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.executor import Call, Event
from mesosctl.runtime.protocol.negotiation import request_media, response_media
from mesosctl.runtime.protocol.tasks import CheckInfo, CheckStatusInfo, TaskState, TaskStatus


class ExecutorApi:
    """`agent` is set before the first request."""

    agent: Agent

    def __init__(self, heartbeat_seconds: float) -> None:
        self._heartbeat_seconds = heartbeat_seconds
        self._streams: dict[str, tuple[RecordStream, MediaType]] = {}

    def send(self, container_id: str, event: Event) -> None:
        """Send an event to the executor of a container; dropped where it is not connected."""
        if container_id in self._streams:
            stream, media_type = self._streams[container_id]
            stream.send(encode(event, media_type))

    def close(self, container_id: str) -> None:
        """End the stream of a container that is gone."""
        if container_id in self._streams:
            self._streams[container_id][0].close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        content = request_media(request.headers.get("Content-Type"))
        call = decode(Call, await request.read(), content)
        if problem := invalid(call):
            raise Refusal(400, f"Failed to validate executor::Call: {problem}")
        accepted = response_media(request.headers.get("Accept")) if call.type is Call.Type.SUBSCRIBE else content
        framework = self.agent.ledger.frameworks.get(call.framework_id.value)
        if framework is None:
            raise Refusal(400, "Framework cannot be found")
        executor = framework.executors.get(call.executor_id.value)
        if executor is None:
            raise Refusal(400, "Executor cannot be found")
        caller = principal_of(request)
        if caller and caller.container_id != executor.container_id:
            raise Refusal(403, f"The token of {caller.name} is not that of this executor's container")
        if call.subscribe is not None and call.type is Call.Type.SUBSCRIBE:
            return await self._subscribe(request, framework, executor, call.subscribe, accepted)
        if executor.state is ExecutorState.REGISTERING:
            raise Refusal(403, "Executor is not subscribed")
        if call.type is Call.Type.UPDATE and call.update:
            self.agent.update(framework, executor, call.update.status)
        elif call.type is Call.Type.MESSAGE and call.message:
            self.agent.message(framework, executor, call.message.data)
        return empty_response(202)

    async def _subscribe(
        self,
        request: web.Request,
        framework: FrameworkRecord,
        executor: ExecutorRecord,
        subscribe: Call.Subscribe,
        media_type: MediaType,
    ) -> web.StreamResponse:
        stream = RecordStream()
        self.close(executor.container_id)
        self._streams[executor.container_id] = (stream, media_type)
        self.agent.subscribed(framework, executor, subscribe)
        heartbeat = asyncio.create_task(self._beat(stream, media_type))
        try:
            return await stream.run(request, {"Content-Type": media_type.value})
        finally:
            heartbeat.cancel()
            if self._streams.get(executor.container_id) == (stream, media_type):
                del self._streams[executor.container_id]

    async def _beat(self, stream: RecordStream, media_type: MediaType) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_seconds)
            stream.send(encode(events.HEARTBEAT, media_type))


def invalid(call: Call) -> str | None:
    """What is wrong with a call; None where nothing is."""
    match call.type:
        case None:
            return "Expecting 'type' to be present"
        case Call.Type.SUBSCRIBE:
            return None if call.subscribe else "Expecting 'subscribe' to be present"
        case Call.Type.UPDATE:
            return _invalid_status(call, call.update.status) if call.update else "Expecting 'update' to be present"
        case Call.Type.MESSAGE:
            return None if call.message else "Expecting 'message' to be present"
        case Call.Type.HEARTBEAT:
            return None
        case _:
            return "Expecting 'type' to be present"


def _invalid_status(call: Call, status: TaskStatus) -> str | None:
    sender = f"executor {call.executor_id.value} of framework {call.framework_id.value}"
    if status.uuid is None:
        return "Expecting 'uuid' to be present"
    try:
        uuid.UUID(bytes=status.uuid)
    except ValueError:
        return "Not a valid UUID"
    if status.executor_id and status.executor_id != call.executor_id:
        return (
            f"ExecutorID in Call: {call.executor_id.value} does not match "
            f"ExecutorID in TaskStatus: {status.executor_id.value}"
        )
    if status.source is not TaskStatus.Source.SOURCE_EXECUTOR:
        return f"Received Call from {sender} with invalid source, expecting 'SOURCE_EXECUTOR'"
    if status.state is TaskState.TASK_STAGING:
        return f"Received TASK_STAGING from {sender} which is not allowed"
    return _invalid_check_status(status.check_status) if status.check_status else None


def _invalid_check_status(status: CheckStatusInfo) -> str | None:
    if status.type in (None, CheckInfo.Type.UNKNOWN):
        return "CheckStatusInfo must specify 'type'"
    name = status.type.value.lower()
    return f"Expecting '{name}' to be set for {status.type} check's status" if getattr(status, name) is None else None
