"""The operators' and executors' calls about nested and standalone containers, attaching to them included."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping

from aiohttp import hdrs, web

from mesosctl.runtime.agent.containerizer.base import LaunchError
from mesosctl.runtime.agent.nested import (
    Nested,
    NotFoundError,
    RunningError,
)
from mesosctl.runtime.agent.nested_io import Switchboard
from mesosctl.runtime.agent.operator.context import Answer, Context, Exchange, Function, Streaming
from mesosctl.runtime.agent.visible import check_container, check_launch
from mesosctl.runtime.http.answers import empty_response
from mesosctl.runtime.protocol.agent import Call, ProcessIO, Response
from mesosctl.runtime.protocol.basics import ContainerID, DurationInfo
from mesosctl.runtime.protocol.codec import MediaType, encode
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.errors import DecodeError, Refusal
from mesosctl.runtime.protocol.recordio import frame

HEARTBEAT_SECONDS = 30
_HEARTBEAT = ProcessIO(
    type=ProcessIO.Type.CONTROL,
    control=ProcessIO.Control(
        type=ProcessIO.Control.Type.HEARTBEAT,
        heartbeat=ProcessIO.Control.Heartbeat(DurationInfo(HEARTBEAT_SECONDS * 10**9)),
    ),
)
LaunchCall = Call.LaunchNestedContainer | Call.LaunchContainer | Call.LaunchNestedContainerSession


async def _launch(context: Context, call: Call) -> Answer:
    return 200 if await _start(context, call.launch_nested_container or call.launch_container) else 202


async def _start(context: Context, launch: LaunchCall | None, *, session: bool = False) -> bool:
    assert launch is not None
    action = "launch_nested_container_sessions" if session else "launch_nested_containers"
    check_launch(context.agent, context.permit, context.caller, launch.container_id, launch.command, action)
    command, container = launch.command or CommandInfo(), launch.container
    try:
        return await context.nested.launch(launch.container_id, command, container, session=session)
    except NotFoundError as error:
        raise Refusal(404, str(error)) from None
    except LaunchError as error:
        raise Refusal(400, f"Failed to launch container: {error}") from None


async def _wait(context: Context, call: Call) -> Answer:
    wait = call.wait_nested_container or call.wait_container
    assert wait is not None
    _check(context, wait.container_id, "wait_nested_containers", "wait_standalone_containers")
    try:
        status = await context.nested.wait(wait.container_id)
    except NotFoundError as error:
        raise Refusal(404, str(error)) from None
    if call.wait_nested_container:
        nested = Response.WaitNestedContainer(exit_status=status)
        return Response(type=Response.Type.WAIT_NESTED_CONTAINER, wait_nested_container=nested)
    return Response(type=Response.Type.WAIT_CONTAINER, wait_container=Response.WaitContainer(exit_status=status))


def _kill(context: Context, call: Call) -> Answer:
    kill = call.kill_nested_container or call.kill_container
    assert kill is not None
    _check(context, kill.container_id, "kill_nested_containers", "kill_standalone_containers")
    try:
        context.nested.kill(kill.container_id, kill.signal or signal.SIGKILL)
    except NotFoundError as error:
        raise Refusal(404, str(error)) from None
    return 200


def _remove(context: Context, call: Call) -> Answer:
    remove = call.remove_nested_container or call.remove_container
    assert remove is not None
    _check(context, remove.container_id, "remove_nested_containers", "remove_standalone_containers")
    try:
        context.nested.remove(remove.container_id)
    except NotFoundError as error:
        raise Refusal(404, str(error)) from None
    except RunningError as error:
        raise Refusal(500, str(error)) from None
    return 200


async def _session(context: Context, call: Call, exchange: Exchange) -> web.StreamResponse:
    """Start a container, send what it writes, and end it when the client goes away."""
    launch = call.launch_nested_container_session
    assert launch is not None
    if not await _start(context, launch, session=True):
        return empty_response(202)
    container = context.nested.find(launch.container_id)
    try:
        return await _send_output(container, exchange)
    finally:
        with contextlib.suppress(NotFoundError):
            context.nested.kill(launch.container_id)


async def _attach_output(context: Context, call: Call, exchange: Exchange) -> web.StreamResponse:
    assert call.attach_container_output is not None
    _check(context, call.attach_container_output.container_id, "attach_containers_output")
    return await _send_output(_find(context, call.attach_container_output.container_id), exchange)


async def _attach_input(context: Context, call: Call, exchange: Exchange) -> web.StreamResponse:
    attach = call.attach_container_input
    assert attach is not None
    if exchange.media.content is not MediaType.RECORDIO:
        raise Refusal(415, "Expecting 'Content-Type' to be application/recordio for ATTACH_CONTAINER_INPUT call")
    if attach.type is not Call.AttachContainerInput.Type.CONTAINER_ID or attach.container_id is None:
        raise Refusal(400, "Expecting 'attach_container_input.container_id' to be present")
    _check(context, attach.container_id, "attach_containers_input")
    container = _find(context, attach.container_id)
    switchboard = _switchboard(container)
    if switchboard.input_taken:
        raise Refusal(409, "Multiple input connections are not allowed")
    switchboard.input_taken = True
    reading = asyncio.create_task(_read_input(switchboard, exchange))
    try:
        container.ended.add_done_callback(lambda _: reading.cancel())
        await asyncio.wait([reading])
        if not reading.cancelled():
            reading.result()
    finally:
        switchboard.input_taken = False
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError, DecodeError, Refusal):
            await reading
    return empty_response(200)


async def _read_input(switchboard: Switchboard, exchange: Exchange) -> None:
    async for call in exchange.rest:
        attach = call.attach_container_input
        message = attach.process_io if attach and attach.type is Call.AttachContainerInput.Type.PROCESS_IO else None
        if message is None:
            raise Refusal(400, "Expecting 'attach_container_input.process_io' to be present")
        if message.type is ProcessIO.Type.DATA and message.data and message.data.type is ProcessIO.Data.Type.STDIN:
            if message.data.data:
                await switchboard.write(message.data.data)
            else:
                switchboard.close_input()
        elif message.control and message.control.tty_info:
            switchboard.resize(message.control.tty_info)


def _check(context: Context, container_id: ContainerID, action: str, standalone: str | None = None) -> None:
    check_container(context.agent, context.permit, context.caller, container_id, action, standalone)


def _find(context: Context, container_id: ContainerID) -> Nested:
    try:
        return context.nested.find(container_id)
    except NotFoundError as error:
        raise Refusal(404, str(error)) from None


def _switchboard(container: Nested) -> Switchboard:
    if container.switchboard is None:
        raise Refusal(400, "The container has neither a terminal nor a session: nothing can be attached to it")
    return container.switchboard


async def _send_output(container: Nested, exchange: Exchange) -> web.StreamResponse:
    """The records of what a container writes, until it has ended."""
    switchboard = _switchboard(container)
    media = exchange.media
    message_media = media.message_accept or media.accept
    headers: dict[str, str] = {hdrs.CONTENT_TYPE: media.accept.value}
    if media.message_accept:
        headers["Message-Content-Type"] = media.message_accept.value
    response = web.StreamResponse(headers=headers)
    response.enable_chunked_encoding()
    with contextlib.suppress(ConnectionError):
        await response.prepare(exchange.request)
        beating = asyncio.create_task(_beat(response, message_media))
        try:
            async with contextlib.aclosing(switchboard.output()) as records:
                async for record in records:
                    await response.write(frame(encode(record, message_media)))
        finally:
            beating.cancel()
        await response.write_eof()
    return response


async def _beat(response: web.StreamResponse, media: MediaType) -> None:
    record = frame(encode(_HEARTBEAT, media))
    with contextlib.suppress(ConnectionError):
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await response.write(record)


FUNCTIONS: Mapping[Call.Type, Function] = {
    Call.Type.LAUNCH_NESTED_CONTAINER: _launch,
    Call.Type.LAUNCH_CONTAINER: _launch,
    Call.Type.WAIT_NESTED_CONTAINER: _wait,
    Call.Type.WAIT_CONTAINER: _wait,
    Call.Type.KILL_NESTED_CONTAINER: _kill,
    Call.Type.KILL_CONTAINER: _kill,
    Call.Type.REMOVE_NESTED_CONTAINER: _remove,
    Call.Type.REMOVE_CONTAINER: _remove,
}
STREAMING: Mapping[Call.Type, Streaming] = {
    Call.Type.LAUNCH_NESTED_CONTAINER_SESSION: _session,
    Call.Type.ATTACH_CONTAINER_INPUT: _attach_input,
    Call.Type.ATTACH_CONTAINER_OUTPUT: _attach_output,
}
