"""Recorded requests, sent again to a master or an agent of ours, and how the answers differ from the recorded."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from mesosctl.runtime.http.server import application, serve
from mesosctl.runtime.protocol import agent, master
from mesosctl.runtime.protocol.codec import MediaType, decode, encode

FOLDER = Path(__file__).parent.parent / "golden" / "mesos"
HEADERS = ("Content-Type", "Content-Encoding", "Content-Disposition", "Allow", "Location")
"""Headers of answers that matter to clients."""
PLAIN = ("Content-Type", "Accept", "Accept-Encoding", "User-Agent")
"""Headers that aiohttp's client would add by itself."""


@dataclass(frozen=True)
class Recorded:
    file: str
    name: str
    request: dict[str, Any]
    response: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.file}/{self.name}"


def recordings(*files: str) -> list[Recorded]:
    """Of these files without their ending, streams left out."""
    found = []
    for file in files:
        for line in (FOLDER / f"{file}.jsonl").read_text().splitlines():
            each = json.loads(line)
            if "events" not in each:
                found.append(Recorded(Path(file).name, each["name"], each["request"], each["response"]))
    return found


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


async def ask(
    routes: Sequence[web.RouteDef],
    prefix: str,
    asked: Iterable[Recorded],
    replaced: dict[str, str],
    after_each: Callable[[], None] = lambda: None,
) -> dict[str, Answer]:
    """The answers by the id of what was asked. `replaced`: what stands for the recorded texts here, both ways."""
    runner = await serve(application(prefix, routes), "127.0.0.1", 0)
    answers = {}
    try:
        host, port = runner.addresses[0][:2]
        async with aiohttp.ClientSession(skip_auto_headers=PLAIN, auto_decompress=False) as session:
            for each in asked:
                url, body = each.request["path"], each.request["body"]
                for recorded, ours in replaced.items():
                    url = url.replace(recorded, ours)
                    body = json.loads(json.dumps(body).replace(recorded, ours))
                if body is not None and not isinstance(body, str):
                    body = json.dumps(body)
                async with session.request(
                    each.request["method"],
                    f"http://{host}:{port}{url}",
                    headers=each.request["headers"],
                    data=body,
                    allow_redirects=False,
                ) as answer:
                    text = await answer.read()
                for recorded, ours in replaced.items():
                    text = text.replace(ours.encode(), recorded.encode())
                after_each()
                answers[each.id] = Answer(answer.status, dict(answer.headers), text)
    finally:
        await runner.cleanup()
    return answers


@dataclass(frozen=True)
class Difference:
    """`kind`: "status", "header", "text"; in JSON "missing" (here), "extra" (here), "type" or "value"."""

    exchange: str
    kind: str
    path: str = ""
    recorded: Any = field(default=None, compare=False)
    ours: Any = field(default=None, compare=False)


def differences(recorded: Recorded, answer: Answer) -> Iterator[Difference]:
    """How an answer differs from the recorded one."""
    expected = recorded.response
    if answer.status != expected["status"]:
        yield Difference(recorded.id, "status", "", expected["status"], (answer.status, answer.body[:200]))
        return
    for name in HEADERS:
        if answer.headers.get(name) != expected["headers"].get(name) and (answer.body or name != "Content-Type"):
            yield Difference(recorded.id, "header", name, expected["headers"].get(name), answer.headers.get(name))
    if recorded.request["method"] == "HEAD":
        return
    before, after = _value(expected["body"], recorded), _value(answer.body, recorded)
    for kind, path, old, new in _compare(before, after, ""):
        yield Difference(recorded.id, kind, path, old, new)


def _value(body: Any, recorded: Recorded) -> Any:
    """The JSON in a body, or its text."""
    if isinstance(body, dict) and body.keys() == {"base64"}:
        body = base64.b64decode(body["base64"])
    if isinstance(body, bytes):
        if recorded.response["headers"].get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if recorded.response["headers"].get("Content-Type") == MediaType.PROTOBUF:
            api = agent if "agent" in recorded.file else master
            return json.loads(encode(decode(api.Response, body, MediaType.PROTOBUF)))
        body = body.decode()
    if isinstance(body, str):
        if recorded.response["headers"].get("Content-Type") == "text/javascript":
            body = body[body.index("(") + 1 : -1]
        try:
            return json.loads(body)
        except ValueError:
            return body
    return "" if body is None else body


def _compare(old: Any, new: Any, path: str) -> Iterator[tuple[str, str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in old.items():
            if key in new:
                yield from _compare(value, new[key], f"{path}.{key}")
            else:
                yield "missing", f"{path}.{key}", value, None
        yield from (("extra", f"{path}.{key}", None, new[key]) for key in new if key not in old)
    elif isinstance(old, list) and isinstance(new, list):
        if all(isinstance(each, dict) and "name" in each for each in (*old, *new)):
            by_name = [{each["name"]: each for each in many} for many in (old, new)]
            yield from _compare(*by_name, path)
        elif len(old) != len(new):
            yield "value", f"{path}[]", len(old), len(new)
        else:
            for before, after in zip(old, new, strict=True):
                yield from _compare(before, after, f"{path}[]")
    elif _type(old) != _type(new):
        yield "type", path, old, new
    elif old != new:
        yield "value", path, old, new


def _type(value: Any) -> str:
    return "number" if isinstance(value, float | int) and not isinstance(value, bool) else type(value).__name__


@dataclass(frozen=True)
class Allowed:
    """A line of the list of what may differ: patterns of shells, and the reason."""

    exchange: str
    kind: str
    path: str
    reason: str

    def covers(self, difference: Difference) -> bool:
        return (
            fnmatchcase(difference.exchange, self.exchange)
            and fnmatchcase(difference.kind, self.kind)
            and fnmatchcase(difference.path, self.path.replace("[]", "[[]]"))
        )


def allowed() -> list[Allowed]:
    """The reviewed list."""
    lines = (FOLDER / "differences.txt").read_text().splitlines()
    return [Allowed(*line.split(maxsplit=3)) for line in lines if line and not line.startswith("#")]
