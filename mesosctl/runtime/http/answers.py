"""Answers as Mesos writes them: JSON with `jsonp` and gzip, plain texts, and bodies read whole."""

from __future__ import annotations

import gc
import gzip
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec
from aiohttp import hdrs, web

GZIP_MINIMUM_BYTES = 1024
"""Mesos compresses no answer that is shorter."""
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
    body = _json.encode(value)
    callback = request.query.get("jsonp")
    if callback is not None:
        body = b"%b(%b)" % (callback.encode(), body)
    return body_response(request, body, "text/javascript" if callback is not None else "application/json")


def body_response(request: web.Request, body: bytes, content_type: str, status: int = 200) -> web.Response:
    """`body`, compressed where it is long and the client takes gzip."""
    headers = {hdrs.CONTENT_TYPE: content_type}
    if len(body) >= GZIP_MINIMUM_BYTES and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        body = gzip.compress(body, _GZIP_LEVEL)
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(status=status, body=body, headers=headers)
