"""Answers as Mesos writes them: JSON with `jsonp` and gzip, plain texts, and bodies read whole."""

from __future__ import annotations

import asyncio
import gc
import gzip
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec
from aiohttp import hdrs, web

GZIP_MINIMUM_BYTES = 1024
"""Mesos compresses no answer that is shorter."""
_LONG_BYTES = 2**18
_GZIP_LEVEL = 1
"""States of thousands of tasks shrink by forty all the same, in a fifth of the time."""

TEXT = "text/plain; charset=utf-8"

_json = msgspec.json.Encoder()


@contextmanager
def without_collection() -> Iterator[None]:
    """Hold the garbage collector up: a large answer makes millions of objects, and none of them is garbage yet."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def text_response(status: int, text: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer in plain text, which may be empty."""
    return web.Response(status=status, text=text, headers={hdrs.CONTENT_TYPE: TEXT, **(headers or {})})


def empty_response(status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer with `Content-Length: 0` and no content type."""
    response = web.Response(status=status, headers=headers)
    response.headers[hdrs.CONTENT_LENGTH] = "0"
    return response


def json_response(request: web.Request, value: object) -> web.Response:
    """`value` (structs, dicts, lists, str, numbers) as JSON, or as a call of the function that `?jsonp=` names."""
    return body_response(request, *as_json(request, value))


async def long_response(request: web.Request, body: bytes, content_type: str) -> web.Response:
    """`body` as `body_response` gives it; where it is long the event loop goes on while it is compressed."""
    if len(body) < _LONG_BYTES or not _takes_gzip(request):
        return body_response(request, body, content_type)
    return _compressed_response(await asyncio.to_thread(gzip.compress, body, _GZIP_LEVEL), content_type)


def body_response(request: web.Request, body: bytes, content_type: str, status: int = 200) -> web.Response:
    """`body`, compressed where it is long and the client takes gzip."""
    if len(body) >= GZIP_MINIMUM_BYTES and _takes_gzip(request):
        return _compressed_response(gzip.compress(body, _GZIP_LEVEL), content_type, status)
    return web.Response(status=status, body=body, headers={hdrs.CONTENT_TYPE: content_type})


def as_json(request: web.Request, value: object) -> tuple[bytes, str]:
    """What `json_response` answers, and its content type."""
    body = _json.encode(value)
    callback = request.query.get("jsonp")
    if callback is None:
        return body, "application/json"
    return b"%b(%b)" % (callback.encode(), body), "text/javascript"


def _takes_gzip(request: web.Request) -> bool:
    return "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")


def _compressed_response(body: bytes, content_type: str, status: int = 200) -> web.Response:
    headers = {hdrs.CONTENT_TYPE: content_type, hdrs.CONTENT_ENCODING: "gzip"}
    return web.Response(status=status, body=body, headers=headers)
