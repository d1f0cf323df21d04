"""POST `/api/v1`: reads a call, finds the function that answers its type, and writes the answer.

Statuses and texts are Apache Mesos' (src/master/http.cpp, src/master/validation.cpp).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from aiohttp import hdrs, web

from mesosctl.runtime.http.authentication import permit_of
from mesosctl.runtime.http.calls import not_implemented, problem_of_call, write
from mesosctl.runtime.http.common_calls import common_functions
from mesosctl.runtime.master.operator import agents, maintenance, quota, reads, reservations
from mesosctl.runtime.master.operator.context import Context, Function
from mesosctl.runtime.protocol import master
from mesosctl.runtime.protocol.codec import decode
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.master import Call
from mesosctl.runtime.protocol.negotiation import request_media, response_media

FUNCTIONS: Mapping[Call.Type, Function] = {
    **common_functions(master),
    **reads.FUNCTIONS,
    **quota.FUNCTIONS,
    **reservations.FUNCTIONS,
    **maintenance.FUNCTIONS,
    **agents.FUNCTIONS,
}
"""What answers the calls of each type. Modules of this package give their part as a table `FUNCTIONS`."""


class OperatorApi:
    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/api/v1", self.handle)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        media = request_media(request.headers.get(hdrs.CONTENT_TYPE))
        call = decode(Call, await request.read(), media)
        if problem := problem_of_call(call, call.type):
            raise Refusal(400, f"Failed to validate master::Call: {problem}")
        accepted = response_media(request.headers.get(hdrs.ACCEPT))
        context = self._context.of(permit_of(request))
        if call.type is Call.Type.SUBSCRIBE:
            return await context.subscribers.serve(request, accepted, partial(reads.whole, context), context.permit)
        function = FUNCTIONS.get(call.type) if call.type else None
        if function is None:
            raise not_implemented()
        return await write(request, partial(function, context, call), accepted)
