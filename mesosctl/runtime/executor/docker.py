"""mesos-docker-executor: runs the one task of a docker command task in a container of a Docker engine.

The life of the task is that of any command task (`core`); here its process is a container. The same program runs a
custom executor in a container: then it only starts it, waits for its end and exits with its status.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine, Mapping
from typing import Any

import msgspec

from mesosctl.runtime.docker.container import DockerContainer
from mesosctl.runtime.docker.create import Place, create_request
from mesosctl.runtime.docker.engine import Engine, EngineError
from mesosctl.runtime.executor.checks.probes import LoopProber
from mesosctl.runtime.executor.core import CommandExecutor
from mesosctl.runtime.executor.program import DOCKER_PLACE, Program, log
from mesosctl.runtime.protocol.codec import decode
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo

Json = dict[str, Any]

CUSTOM_EXECUTOR = "MESOSCTL_DOCKER_EXECUTOR"
"""Variable with the ExecutorInfo of a custom executor, as JSON."""


class DockerProcess:
    """The container of a command task."""

    def __init__(self, place: Place, executor: CommandExecutor) -> None:
        self._place = place
        self._executor = executor
        self.container = DockerContainer(Engine(place.socket), place)
        self._running: set[asyncio.Task[None]] = set()

    def start(self, task: TaskInfo) -> None:
        """Raises ValueError where the task's wish cannot be granted; the executor hears what becomes of it."""
        self._spawn(self._run(task_request(self._place, task)))

    def signal(self, number: int) -> None:
        self._spawn(self._signal(number))

    async def _run(self, request: Json) -> None:
        try:
            ended = await self.container.run(
                request, lambda about: self._executor.started(about.container_status, about.data, about.labels)
            )
        except EngineError as error:
            self._executor.failed(str(error))
        else:
            self._executor.exited(ended.status, ended.message, ended.reason)

    async def _signal(self, number: int) -> None:
        try:
            await self.container.signal(number)
        except EngineError as error:
            log(str(error))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def task_request(place: Place, task: TaskInfo) -> Json:
    """The body of the create call for a command task. Raises ValueError where its wish cannot be granted."""
    if task.container is None:
        raise ValueError("The task has no container")
    limits = (_limit(task, "cpus"), _limit(task, "mem"))
    return create_request(place, task.container, task.command or CommandInfo(shell=False), task.resources, limits)


def _limit(task: TaskInfo, name: str) -> float | None:
    return task.limits[name].value if name in task.limits else None


class DockerProgram(Program):
    """The program of a command executor, with a container in place of a process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self._docker = DockerProcess(_place(environment), self._executor)

    def start(self, task: TaskInfo) -> None:
        self._docker.start(task)

    def signal(self, number: int) -> None:
        self._docker.signal(number)

    def prober(self) -> LoopProber:
        container = self._docker.container
        return LoopProber(
            container.execute, lambda problem: log(f"A check had no result: {problem}"), container.address
        )


async def _run_custom_executor(environment: Mapping[str, str]) -> int:
    """Run the executor of a framework in its container; its exit status."""
    place = _place(environment)
    info = decode(ExecutorInfo, environment[CUSTOM_EXECUTOR].encode())
    command = info.command or CommandInfo(shell=False)
    variables = {name: value for name, value in environment.items() if name.startswith(("MESOS_", "LIBPROCESS_"))}
    variables["MESOS_DIRECTORY"] = place.mapped_sandbox
    assert info.container is not None
    request = create_request(place, info.container, command, info.resources, environment=variables)
    ended = await DockerContainer(Engine(place.socket), place).run(request, lambda about: None)
    log(ended.message)
    return os.waitstatus_to_exitcode(ended.status)


def _place(environment: Mapping[str, str]) -> Place:
    return msgspec.json.decode(environment[DOCKER_PLACE], type=Place)


def main() -> None:
    """Run what the environment says. Exits with the status of a custom executor, else with 0."""
    environment = dict(os.environ)
    if CUSTOM_EXECUTOR not in environment:
        asyncio.run(_run_command_task(environment))
        return
    try:
        sys.exit(asyncio.run(_run_custom_executor(environment)))
    except (EngineError, ValueError) as error:
        log(f"Failed to run the executor's container: {error}")
        sys.exit(1)


async def _run_command_task(environment: Mapping[str, str]) -> None:
    await DockerProgram(environment).run()
