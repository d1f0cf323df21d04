"""A container of a docker task, from its creation to its end, and what is told of it.

It is the executor, not the agent, that does this, so that the task goes on while the agent is away.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from signal import Signals
from typing import Any

from mesosctl.runtime.docker.create import Place
from mesosctl.runtime.docker.engine import Engine, EngineError
from mesosctl.runtime.executor.command import SHELL, with_environment
from mesosctl.runtime.protocol.basics import Label, Labels
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerStatus, NetworkInfo
from mesosctl.runtime.protocol.tasks import TaskStatus

Json = dict[str, Any]

_RETRY_SECONDS = 1.0
_KILLED = 137
_MEMORY_TRIES, _MEMORY_SECONDS = 10, 0.1
_Protocol = NetworkInfo.Protocol


@dataclass(frozen=True)
class Started:
    """What is told of a container that runs."""

    container_status: ContainerStatus
    data: bytes
    """What `docker inspect` prints: a JSON array."""
    labels: Labels


@dataclass(frozen=True)
class Ended:
    status: int
    message: str
    reason: TaskStatus.Reason | None = None


class DockerContainer:
    """One container, from its creation to its end."""

    def __init__(self, engine: Engine, place: Place) -> None:
        self._engine = engine
        self._place = place
        self._stop_signal = "SIGTERM"
        self._signalled = False
        self.address: str | None = None
        """Of the container, where it is not the host's."""

    async def run(self, request: Json, started: Callable[[Started], None]) -> Ended:
        """Create and start the container, pass on its output until it has ended. Raises EngineError."""
        name = self._place.name
        tty = bool(request.get("Tty"))
        await self._engine.create(name, request)
        attached = asyncio.Event()
        output = asyncio.create_task(self._copy_output(attached, tty=tty))
        try:
            await _first(attached.wait(), output)
            await self._engine.start(name)
            found = await self._inspect()
            self._stop_signal = found["Config"].get("StopSignal") or self._stop_signal
            about = _started(found)
            networks = about.container_status.network_infos
            self.address = networks[0].ip_addresses[0].ip_address if networks else None
            started(about)
            await self._wait()
            with suppress(EngineError):
                await output
        finally:
            output.cancel()
        return await self._end()

    async def signal(self, number: int) -> None:
        """Ask the container to stop (SIGTERM, or what its image names instead), or kill it (SIGKILL)."""
        self._signalled = True
        name = self._stop_signal if number == Signals.SIGTERM else Signals(number).name
        await self._engine.kill(self._place.name, name)

    async def execute(self, command: CommandInfo) -> int:
        """Run a command inside and return its exit code. Raises OSError where that cannot be done."""
        if command.value is None:
            raise ValueError("The command has no value")
        arguments = [SHELL, "-c", command.value] if command.shell else [command.value, *command.arguments[1:]]
        variables = with_environment({}, command.environment)
        try:
            return await self._engine.run(
                self._place.name, arguments, [f"{name}={value}" for name, value in variables.items()]
            )
        except EngineError as error:
            with suppress(EngineError):
                found = await self._engine.inspect(self._place.name)
                if found is None or not found["State"]["Running"]:
                    await asyncio.Event().wait()  # that it has ended is about to be told: no check shall tell before
            raise OSError(str(error)) from None

    async def _end(self) -> Ended:
        """How the container ended. That memory was the reason, the engine may learn a moment later."""
        for _ in range(_MEMORY_TRIES):
            found = await self._inspect()
            if found["State"]["ExitCode"] != _KILLED or self._signalled or found["State"].get("OOMKilled"):
                break
            await asyncio.sleep(_MEMORY_SECONDS)
        return _ended(found)

    async def _inspect(self) -> Json:
        found = await self._engine.inspect(self._place.name)
        if found is None:
            raise EngineError(f"The container {self._place.name} is gone")
        return found

    async def _wait(self) -> None:
        """Until the container has ended, also if the engine is away for a while."""
        while True:
            try:
                await self._engine.wait(self._place.name)
                return
            except EngineError as error:
                if error.status:
                    return  # it is removed: inspecting will tell
                await asyncio.sleep(_RETRY_SECONDS)

    async def _copy_output(self, attached: asyncio.Event, *, tty: bool) -> None:
        async for stream, chunk in self._engine.output(self._place.name, tty=tty, ready=attached.set):
            written = 0
            while written < len(chunk):
                written += os.write(stream, chunk[written:])


async def _first(ready: Coroutine[Any, Any, bool], output: asyncio.Task[None]) -> None:
    """Wait until `ready`. Raises what ended the output before."""
    waiting = asyncio.create_task(ready)
    await asyncio.wait({waiting, output}, return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        output.result()
        raise EngineError("The output of the container ended before its start")


def _started(found: Json) -> Started:
    settings = found["NetworkSettings"]
    networks = {} if found["HostConfig"]["NetworkMode"] == "host" else settings.get("Networks") or {}
    infos = []
    for name, network in networks.items():
        addresses = [
            NetworkInfo.IPAddress(protocol=protocol, ip_address=network[key])
            for protocol, key in ((_Protocol.IPv4, "IPAddress"), (_Protocol.IPv6, "GlobalIPv6Address"))
            if network.get(key)
        ]
        if addresses:
            infos.append(NetworkInfo(name=name, ip_addresses=tuple(addresses)))
    first = infos[0].ip_addresses[0].ip_address if infos else ""
    return Started(
        ContainerStatus(network_infos=tuple(infos)),
        json.dumps([found]).encode(),
        Labels((Label("Docker.NetworkSettings.IPAddress", first),)),
    )


def _ended(found: Json) -> Ended:
    state = found["State"]
    code = int(state["ExitCode"])
    if state.get("OOMKilled") and code != 0:
        limit = found["HostConfig"].get("Memory", 0) // 2**20
        message = f"Memory limit exceeded: Requested: {limit}MB; container exited with status {code}"
        return Ended(code << 8, message, TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY)
    problem = f": {state['Error']}" if state.get("Error") else ""
    return Ended(code << 8, f"Container exited with status {code}{problem}")
