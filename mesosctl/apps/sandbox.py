"""What instances have written: the files of their sandboxes, read from the agents through Mesos' operator API.

Where an agent is, the master tells; where a sandbox is, the agent's `/state`. Files are read with READ_FILE of the v1
API, which counts in bytes (`/files/read` answers text, in which an offset is lost at the first byte that is none).
"""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mesosctl.apps.state import Instance
from mesosctl.errors import MesosctlError
from mesosctl.transport.errors import TransportError
from mesosctl.transport.http import Answer, Server

Json = dict[str, Any]
Connect = Callable[[str], Server]
"""A server by its address."""

AGENT_PORT = 5051
CHUNK = 65536
"""Bytes asked for at once. Answers may hold less."""


class SandboxError(MesosctlError):
    """An instance's files cannot be read."""


class Agents:
    """The agents of a cluster by their ids."""

    def __init__(self, connect: Connect, masters: Sequence[str], *, agent_port: int = AGENT_PORT) -> None:
        """`masters`: addresses where one may lead; `agent_port` counts where none can be asked."""
        self._connect = connect
        self._masters = masters
        self._agent_port = agent_port
        self._urls: dict[str, str] = {}
        self._servers: dict[str, Server] = {}

    def of(self, instance: Instance) -> Server:
        """The agent that an instance is on."""
        if instance.agent not in self._urls:
            self._urls |= self._known()
        host = f"[{instance.host}]" if ":" in instance.host else instance.host
        url = self._urls.setdefault(instance.agent, f"http://{host}:{self._agent_port}")
        if url not in self._servers:
            self._servers[url] = self._connect(url)
        return self._servers[url]

    def _known(self) -> dict[str, str]:
        """Addresses by ids, as the leading master has them; nothing where it cannot be asked."""
        for url in self._masters:
            try:
                server = self._connect(url)
                answer = server.get("/slaves")
                server.close()
                if answer.status == 200:
                    scheme = url.partition("://")[0]
                    return {each["id"]: f"{scheme}://{each['pid'].rpartition('@')[2]}" for each in _slaves(answer)}
            except (TransportError, ValueError):
                continue
        return {}


def _slaves(answer: Answer) -> Iterator[Json]:
    found = answer.json
    for each in found.get("slaves") or () if isinstance(found, dict) else ():
        if isinstance(each, dict) and isinstance(each.get("id"), str) and isinstance(each.get("pid"), str):
            yield each


class Tail:
    """The end of one file of an instance, and what is added to it."""

    def __init__(self, server: Server, instance: Instance, name: str) -> None:
        """`name` is the file's, below the sandbox."""
        self.instance = instance
        self._server = server
        self._name = name
        self._path = ""
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def last(self, lines: int) -> list[str]:
        """The last lines of what is there now. Raises SandboxError, TransportError."""
        self._path = f"{self._sandbox()}/{self._name}"
        size, _ = self._read(0, 0)
        data = b""
        start = size
        while start > 0 and data.count(b"\n") <= lines:
            start = max(start - CHUNK, 0)
            data = self._all(start, min(start + CHUNK, size)) + data
        self._offset = start + len(data)
        found = self._lines(data)
        return found[-lines:] if lines else []

    def more(self) -> list[str]:
        """Whole lines that were added since. Raises SandboxError, TransportError."""
        if not self._path:
            self._path = f"{self._sandbox()}/{self._name}"
        found: list[str] = []
        while True:
            size, data = self._read(self._offset, CHUNK)
            if size < self._offset:  # the file was begun anew
                self._offset, self._rest = 0, ""
                continue
            if not data:
                return found
            self._offset += len(data)
            found += self._lines(data)

    def end(self) -> list[str]:
        """What follows the last newline."""
        rest = self._rest + self._decoder.decode(b"", final=True)
        self._rest = ""
        return [rest] if rest else []

    def _lines(self, data: bytes) -> list[str]:
        *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        return lines

    def _all(self, start: int, end: int) -> bytes:
        data = b""
        while start + len(data) < end:
            _, piece = self._read(start + len(data), end - start - len(data))
            if not piece:
                break
            data += piece
        return data

    def _read(self, offset: int, length: int) -> tuple[int, bytes]:
        """The file's size, and bytes from `offset`. A file that is not there yet is empty."""
        call = {"type": "READ_FILE", "read_file": {"path": self._path, "offset": offset, "length": length}}
        answer = self._server.request("POST", "/api/v1", call)
        if answer.status == 404:
            return 0, b""
        found = self._object(answer).get("read_file") or {}
        return int(found.get("size", 0)), base64.b64decode(found.get("data") or "")

    def _sandbox(self) -> str:
        state = self._object(self._server.get("/state"))
        frameworks = [*(state.get("frameworks") or ()), *(state.get("completed_frameworks") or ())]
        for framework in frameworks:
            executors = [*(framework.get("executors") or ()), *(framework.get("completed_executors") or ())]
            for executor in executors:
                if path := _directory(executor, self.instance.task):
                    return path
        raise SandboxError(f"has no sandbox of {self.instance.task} (any more)", where=self._server.url)

    def _object(self, answer: Answer) -> Json:
        if answer.status in (401, 403):
            raise SandboxError(
                f"does not show its files (status {answer.status})",
                where=self._server.url,
                fix="log in at the agents: --agent-user NAME, or NAME:env:VARIABLE",
            )
        try:
            found = answer.json if answer.status == 200 else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise SandboxError(f"does not answer as a Mesos agent (status {answer.status})", where=self._server.url)
        return found


def _directory(executor: Json, task: str) -> str | None:
    """The sandbox of a task, if it is of this executor. One that runs several gives each a folder of its own."""
    directory = str(executor.get("directory") or "")
    if executor.get("id") == task:
        return directory
    tasks: Iterable[Json] = (
        each for name in ("tasks", "queued_tasks", "completed_tasks") for each in executor.get(name) or ()
    )
    return f"{directory}/tasks/{task}" if any(each.get("id") == task for each in tasks) else None
