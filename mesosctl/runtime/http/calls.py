"""`/api/v1`, the operator API: what is the same on masters and agents. A call is answered by a message or a status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable

from aiohttp import web

from mesosctl.runtime.http.answers import body_response, empty_response, without_collection
from mesosctl.runtime.protocol.codec import MediaType, encode
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.wire import WireEnum, WireMessage

Answer = WireMessage | int
"""A Response, written with 200; or the status of an empty answer."""


def problem_of_call(
    call: WireMessage, kind: WireEnum | None, optional: frozenset[WireEnum] = frozenset()
) -> str | None:
    """What is missing in an operator's call of type `kind`. The types in `optional` may come without their field."""
    if kind is None:
        return "Expecting 'type' to be present"
    field = kind.value.lower()
    if field in call.__struct_fields__ and kind not in optional and getattr(call, field) is None:
        return f"Expecting '{field}' to be present"
    return None


def not_implemented() -> Refusal:
    return Refusal(501, "501 Not Implemented.")


async def write(
    request: web.Request, answer: Callable[[], Answer | Awaitable[Answer]], media: MediaType
) -> web.Response:
    """Call `answer` and write what it gives, waited for where it takes time."""
    with without_collection():
        found = answer()
        if not isawaitable(found):
            return _response(request, found, media)
    return _response(request, await found, media)


def _response(request: web.Request, answer: Answer, media: MediaType) -> web.Response:
    if isinstance(answer, int):
        return empty_response(answer)
    return body_response(request, encode(answer, media), media.value)
