"""POST `/api/v1`: reads a call, finds the function that answers its type, and writes the answer.

Statuses and texts are Apache Mesos' (src/slave/http.cpp, src/slave/validation.cpp).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import partial

from aiohttp import hdrs, web

from mesosctl.runtime.agent.operator import nested, reads
from mesosctl.runtime.agent.operator.context import Context, Exchange, Function, Streaming
from mesosctl.runtime.http.calls import not_implemented, problem_of_call, write
from mesosctl.runtime.http.common_calls import common_functions
from mesosctl.runtime.protocol import agent
from mesosctl.runtime.protocol.agent import Call
from mesosctl.runtime.protocol.codec import MediaType, decode
from mesosctl.runtime.protocol.errors import RecordError, Refusal
from mesosctl.runtime.protocol.negotiation import AgentMedia, agent_media
from mesosctl.runtime.protocol.recordio import RecordDecoder

FUNCTIONS: Mapping[Call.Type, Function] = {
    **common_functions(agent),
    **reads.FUNCTIONS,
    **nested.FUNCTIONS,
}
"""What answers the calls of each type. Modules of this package give their part as a table `FUNCTIONS`."""
STREAMING: Mapping[Call.Type, Streaming] = {**nested.STREAMING}
"""What answers the calls whose request or answer is a stream. The others may not come as one."""
OF_EXECUTORS = {*nested.FUNCTIONS, *nested.STREAMING}
"""What an executor may call that shows its token."""
_OPTIONAL = frozenset({Call.Type.GET_CONTAINERS, Call.Type.PRUNE_IMAGES})


class OperatorApi:
    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/api/v1", self.handle)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = request.headers
        media = agent_media(
            headers.get(hdrs.CONTENT_TYPE),
            headers.get("Message-Content-Type"),
            headers.get(hdrs.ACCEPT),
            headers.get("Message-Accept"),
        )
        calls = _calls(request, media)
        call = await anext(calls, None)
        if call is None:
            raise Refusal(400, "Received EOF while reading request body")
        if problem := problem_of_call(call, call.type, _OPTIONAL):
            raise Refusal(400, f"Failed to validate agent::Call: {problem}")
        context = self._context.of(request)
        if context.caller and context.caller.container_id and call.type not in OF_EXECUTORS:
            raise Refusal(403, "403 Forbidden.")
        if streaming := STREAMING.get(call.type) if call.type else None:
            return await streaming(context, call, Exchange(request, media, calls))
        if media.content is MediaType.RECORDIO:
            raise Refusal(415, f"Streaming 'Content-Type' {media.content} is not supported for {call.type} call")
        if media.accept is MediaType.RECORDIO:
            raise Refusal(406, f"Streaming 'Accept' {media.accept} is not supported for {call.type} call")
        function = FUNCTIONS.get(call.type) if call.type else None
        if function is None:
            raise not_implemented()
        return await write(request, partial(function, context, call), media.accept)


async def _calls(request: web.Request, media: AgentMedia) -> AsyncIterator[Call]:
    """The calls of a request: one, or those of a stream. Raises DecodeError and Refusal."""
    if media.message_content is None:
        yield decode(Call, await request.read(), media.content)
        return
    records = RecordDecoder()
    try:
        async for chunk in request.content.iter_any():
            for record in records.feed(chunk):
                yield decode(Call, record, media.message_content)
    except RecordError as error:
        raise Refusal(400, str(error)) from None
