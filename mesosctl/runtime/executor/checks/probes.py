"""Tries of targets on the event loop."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from urllib.parse import urljoin, urlsplit

from mesosctl.runtime.executor.checks.targets import CommandTarget, HttpTarget, Result, Target, TcpTarget
from mesosctl.runtime.protocol.containers import CommandInfo

MAX_REDIRECTIONS = 50
_MAX_HEAD_BYTES = 64 * 1024

RunCommand = Callable[[CommandInfo], Awaitable[int]]
"""Runs a command inside the task and returns its exit code; kills it when it is cancelled. Raises OSError, ValueError
or LookupError where that cannot be done."""


class LoopProber:
    """`host`: the address under which the task listens, where that is not this host's own."""

    def __init__(self, run_command: RunCommand, failed: Callable[[str], None], host: str | None = None) -> None:
        """`failed` is told why a try had no result."""
        self._run_command = run_command
        self._failed = failed
        self._host = host
        self._tries: set[asyncio.Task[None]] = set()

    def probe(self, target: Target, done: Callable[[Result], None]) -> Callable[[], None]:
        task = asyncio.get_running_loop().create_task(self._probe(target, done))
        self._tries.add(task)
        task.add_done_callback(self._tries.discard)
        return lambda: _cancel(task)

    async def _probe(self, target: Target, done: Callable[[Result], None]) -> None:
        result: Result = None
        try:
            match target:
                case CommandTarget():
                    result = await self._run_command(target.command)
                case HttpTarget():
                    result = await http_status(_url(target, self._address(is_ipv6=target.is_ipv6)))
                case TcpTarget():
                    result = await connects(self._address(is_ipv6=target.is_ipv6), target.port)
        except (OSError, ValueError, LookupError, EOFError) as error:
            self._failed(str(error))
        done(result)

    def _address(self, *, is_ipv6: bool) -> str:
        return self._host or ("::1" if is_ipv6 else "127.0.0.1")


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


def _url(target: HttpTarget, host: str) -> str:
    host = f"[{host}]" if ":" in host else host
    path = target.path if target.path.startswith(("/", "?")) or not target.path else f"/{target.path}"
    return f"{target.scheme}://{host}:{target.port}{path}"


async def connects(host: str, port: int) -> bool:
    """Whether a TCP connection is accepted."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def http_status(url: str) -> int:
    """The status of a GET, redirections followed, certificates not verified (as Apache Mesos' `curl -L -k`).

    Raises OSError, EOFError and ValueError where there is no such answer.
    """
    for _ in range(MAX_REDIRECTIONS + 1):
        status, location = await _get(url)
        if location is None or status not in (301, 302, 303, 307, 308):
            return status
        url = urljoin(url, location)
    raise ValueError(f"More than {MAX_REDIRECTIONS} redirections")


async def _get(url: str) -> tuple[int, str | None]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        raise ValueError(f"Cannot ask for '{url}'")
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(
        parts.hostname,
        parts.port or (443 if secure else 80),
        ssl=ssl._create_unverified_context() if secure else None,
        limit=_MAX_HEAD_BYTES,
    )
    try:
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        if any(character.isspace() for character in path):
            raise ValueError(f"The path '{path}' has spaces")
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: mesos-executor\r\nAccept: */*\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.LimitOverrunError:
            raise ValueError("The head of the answer is too long") from None
    finally:
        writer.close()
    first, *lines = head.split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/"):
        raise ValueError("The answer is not HTTP")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(rest[:3]), headers.get("location")
