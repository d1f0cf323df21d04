"""`/files/browse`, `/files/read`, `/files/download` and `/files/debug`, the same on masters and agents."""

from __future__ import annotations

import mimetypes
import re
import stat
from functools import partial
from pathlib import Path
from urllib.parse import quote

from aiohttp import hdrs, web

from mesosctl.runtime.http.answers import json_response
from mesosctl.runtime.http.authentication import permit_of
from mesosctl.runtime.http.files import Files
from mesosctl.runtime.protocol.basics import FileInfo
from mesosctl.runtime.protocol.errors import Refusal

_TYPES = mimetypes.MimeTypes()
"""Not those that the host may have configured."""
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")


def file_routes(files: Files) -> list[web.RouteDef]:
    handlers = {"browse": _browse, "read": _read, "download": _download, "debug": _debug}
    return [web.route(hdrs.METH_ANY, f"/files/{name}", partial(each, files)) for name, each in handlers.items()]


async def _browse(files: Files, request: web.Request) -> web.StreamResponse:
    return json_response(request, [_view(each) for each in files.browse(_path(request), permit_of(request))])


async def _read(files: Files, request: web.Request) -> web.StreamResponse:
    """An `offset` of -1 asks for the size, a `length` of -1 for all there is."""
    path, offset, length = _path(request), _number(request, "offset"), _number(request, "length")
    if offset == -1:
        size, _ = files.read(path, 0, 0, permit_of(request))
        return json_response(request, {"data": "", "offset": size})
    size, data = files.read(path, offset, None if length == -1 else length, permit_of(request))
    return json_response(request, {"data": data.decode(errors="replace"), "offset": min(offset, size)})


async def _download(files: Files, request: web.Request) -> web.StreamResponse:
    path = _path(request)
    with files.open(path, "download", permit_of(request)) as file:
        name = Path(path).name
        headers = {
            hdrs.CONTENT_TYPE: _TYPES.guess_type(name)[0] or "application/octet-stream",
            hdrs.CONTENT_DISPOSITION: f"attachment; {_named(name)}",
        }
        response = web.FileResponse(Path(f"/proc/self/fd/{file}"), headers=headers)
        await response.prepare(request)
        return response


async def _debug(files: Files, request: web.Request) -> web.StreamResponse:
    return json_response(request, files.attached())


def _view(info: FileInfo) -> dict[str, object]:
    assert info.mtime
    assert info.mode is not None
    return {
        "gid": info.gid,
        "mode": stat.filemode(info.mode),
        "mtime": info.mtime.nanoseconds / 1e9,
        "nlink": info.nlink,
        "path": info.path,
        "size": info.size,
        "uid": info.uid,
    }


def _named(name: str) -> str:
    """The file's name as a parameter of a header (RFC 6266)."""
    return f"filename={name}" if _PLAIN.fullmatch(name) else f"filename*=UTF-8''{quote(name, safe='')}"


def _path(request: web.Request) -> str:
    path = request.query.get("path")
    if not path:
        raise Refusal(400, "Expecting 'path=value' in query.\n")
    return path


def _number(request: web.Request, name: str) -> int:
    """-1 where it is not given."""
    text = request.query.get(name, "-1")
    try:
        number = int(text)
    except ValueError:
        raise Refusal(400, f"Failed to parse {name}: Failed to convert '{text}' to number.\n") from None
    if number < -1:
        raise Refusal(400, f"Negative {name} provided: {number}.\n")
    return number
