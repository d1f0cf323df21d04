"""The calls of the Docker Engine API that this runtime needs, over the engine's Unix socket.

Paths carry no version: the engine then answers as its newest one. Objects of the API stay plain JSON values.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import quote

import aiohttp

Json = dict[str, Any]

STDOUT, STDERR = 1, 2
_NOT_FOUND, _NOT_MODIFIED, _CONFLICT = 404, 304, 409
_FRAME_HEAD = 8


class EngineError(Exception):
    """The engine cannot be reached (`status` is 0), or refuses a call."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Engine:
    def __init__(self, socket: str) -> None:
        """`socket` is a path, with or without `unix://`. Made and used inside a running event loop."""
        self._socket = socket.removeprefix("unix://")
        connector = aiohttp.UnixConnector(path=self._socket, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))

    async def close(self) -> None:
        await self._session.close()

    async def ping(self) -> None:
        """Raises EngineError where no engine answers."""
        await self._call("GET", "/_ping", raw=True)

    # Images

    async def has_image(self, image: str) -> bool:
        return await self._maybe("GET", f"/images/{quote(image)}/json") is not None

    async def pull(self, image: str, login: Mapping[str, str] | None, progress: Callable[[str], None]) -> None:
        """Pull an image; `progress` gets lines for the reader. `login` is an AuthConfig of the API."""
        headers = {}
        if login:
            headers["X-Registry-Auth"] = base64.urlsafe_b64encode(json.dumps(login).encode()).decode()
        name, tag = split_image(image)
        async with self._request("POST", "/images/create", {"fromImage": name, "tag": tag}, None, headers) as answer:
            async for line in answer.content:
                said = json.loads(line)
                if "error" in said:
                    raise EngineError(said["error"])
                if "progress" not in said:  # the bars are for terminals
                    progress(": ".join(part for part in (said.get("id"), said.get("status")) if part))

    # Containers

    async def create(self, name: str, body: Json) -> None:
        await self._call("POST", "/containers/create", {"name": name}, body)

    async def start(self, name: str) -> None:
        await self._call("POST", f"/containers/{name}/start")

    async def inspect(self, name: str) -> Json | None:
        """All about a container; None where there is none."""
        found: Json | None = await self._maybe("GET", f"/containers/{name}/json")
        return found

    async def wait(self, name: str) -> int:
        """The exit status of a container, as soon as it has ended."""
        ended = await self._call("POST", f"/containers/{name}/wait")
        return int(ended["StatusCode"])

    async def kill(self, name: str, signal: str) -> None:
        """Send a signal; nothing happens where the container does not run."""
        with _allowing(_NOT_FOUND, _CONFLICT):
            await self._call("POST", f"/containers/{name}/kill", {"signal": signal})

    async def remove(self, name: str) -> None:
        """Remove a container with its anonymous volumes, running or not; nothing happens where there is none."""
        with _allowing(_NOT_FOUND, _CONFLICT):
            await self._call("DELETE", f"/containers/{name}", {"force": "1", "v": "1"})

    async def update(self, name: str, resources: Json) -> None:
        with _allowing(_NOT_FOUND, _CONFLICT):
            await self._call("POST", f"/containers/{name}/update", body=resources)

    async def labelled(self, label: str) -> list[Json]:
        """The summaries of all containers with a label `name=value`, running or not."""
        filters = json.dumps({"label": [label]})
        found: list[Json] = await self._call("GET", "/containers/json", {"all": "1", "filters": filters})
        return found

    async def stats(self, name: str) -> Json | None:
        """One sample of what a container uses; None where there is none."""
        query = {"stream": "false", "one-shot": "true"}
        found: Json | None = await self._maybe("GET", f"/containers/{name}/stats", query)
        return found

    async def output(self, name: str, *, tty: bool, ready: Callable[[], None]) -> AsyncIterator[tuple[int, bytes]]:
        """What a container writes (STDOUT or STDERR), from before its start to its end.

        `ready` is called when nothing will be missed any more: the time to start it.
        """
        query = {"stream": "1", "stdout": "1", "stderr": "1"}
        async with self._request("POST", f"/containers/{name}/attach", query, None) as answer:
            ready()
            if tty:
                async for chunk in answer.content.iter_any():
                    yield STDOUT, chunk
                return
            async for frame in _frames(answer.content):
                yield frame

    async def run(self, name: str, arguments: list[str], environment: list[str]) -> int:
        """Run a program inside a running container and return its exit code; its output is dropped."""
        body = {"Cmd": arguments, "Env": environment, "AttachStdout": True, "AttachStderr": True}
        created = await self._call("POST", f"/containers/{name}/exec", body=body)
        started = {"Detach": False, "Tty": False}
        async with self._request("POST", f"/exec/{created['Id']}/start", None, started) as answer:
            async for _ in answer.content.iter_any():
                pass
        ended = await self._call("GET", f"/exec/{created['Id']}/json")
        return int(ended["ExitCode"])

    # Requests

    async def _maybe(self, method: str, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The answer, None where there is no such object."""
        try:
            return await self._call(method, path, query)
        except EngineError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        *,
        raw: bool = False,
    ) -> Any:
        async with self._request(method, path, query, body) as answer:
            content = await answer.read()
            return content if raw else json.loads(content) if content else None

    @contextlib.asynccontextmanager
    async def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Json | None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Raises EngineError."""
        try:
            async with self._session.request(
                method, f"http://docker{path}", params=query, json=body, headers=headers
            ) as answer:
                if answer.status >= 400:
                    raise EngineError(_message(await answer.read()), answer.status)
                yield answer
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise EngineError(f"Docker engine at {self._socket}: {error or type(error).__name__}") from None


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace").strip()


@contextlib.contextmanager
def _allowing(*statuses: int) -> Any:
    try:
        yield
    except EngineError as error:
        if error.status not in statuses:
            raise


async def _frames(content: aiohttp.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    """The frames of an attached stream: one byte for the stream, three empty, four for the size, then the bytes."""
    while True:
        try:
            head = await content.readexactly(_FRAME_HEAD)
            yield head[0], await content.readexactly(int.from_bytes(head[4:], "big"))
        except (EOFError, aiohttp.ClientError):
            return


def split_image(image: str) -> tuple[str, str]:
    """The name of an image and its tag (or digest); the tag is "latest" where none is given."""
    if "@" in image:
        name, _, digest = image.partition("@")
        return name, digest
    name, colon, tag = image.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (image, "latest")
