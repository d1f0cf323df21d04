"""The default executor's program: `default_core` decides, the agent's API starts and ends the tasks' containers."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from mesosctl.runtime.clock import LoopClock
from mesosctl.runtime.executor.agent_api import AgentApi, AgentCallError
from mesosctl.runtime.executor.checks.probes import LoopProber
from mesosctl.runtime.executor.command import role_environment
from mesosctl.runtime.executor.default_core import DefaultExecutor
from mesosctl.runtime.executor.link import AgentLink, log
from mesosctl.runtime.protocol.agent import Call, Response
from mesosctl.runtime.protocol.basics import ContainerID
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo, Environment
from mesosctl.runtime.protocol.resources import Resource, Volume
from mesosctl.runtime.protocol.tasks import TaskInfo

CONTAINERS = "containers"
"""The folder of the sandboxes of nested containers."""
TASKS = "tasks"
"""The folder with a link for every task to the sandbox of its container."""
_RETRY_SECONDS = 1.0
_FAILURES = (OSError, EOFError, ValueError, AgentCallError)
_SandboxPath = Volume.Source.SandboxPath


class DefaultProgram(AgentLink):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self._sandbox = Path(environment["MESOS_SANDBOX"])
        self._api = AgentApi(self.endpoint)
        self._executor = DefaultExecutor(self.identity, self.shutdown_grace_seconds, LoopClock(), self)
        self._running: set[asyncio.Task[None]] = set()

    def launch(self, container_id: ContainerID, task: TaskInfo) -> None:
        self._spawn(self._launch(container_id, task))

    def wait(self, container_id: ContainerID) -> None:
        self._spawn(self._wait(container_id))

    def signal(self, container_id: ContainerID, number: int) -> None:
        self._spawn(self._signal(container_id, number))

    def prober(self, container_id: ContainerID) -> LoopProber:
        async def run(command: CommandInfo) -> int:
            return await self._run_within(container_id, command)

        return LoopProber(run, lambda problem: log(f"A check had no result: {problem}"))

    async def run(self) -> None:
        await self.serve(self._executor)

    async def _launch(self, container_id: ContainerID, task: TaskInfo) -> None:
        launch = Call.LaunchNestedContainer(container_id, task_command(task), task_container(task))
        try:
            await self._api.call(Call(type=Call.Type.LAUNCH_NESTED_CONTAINER, launch_nested_container=launch))
        except _FAILURES as error:
            self._executor.launch_failed(container_id, str(error))
            return
        with suppress(OSError):  # for people who look for the sandbox of a task
            link = self._sandbox / TASKS / task.task_id.value
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(self._sandbox / CONTAINERS / container_id.value)
        self._executor.launched(container_id)

    async def _wait(self, container_id: ContainerID) -> None:
        try:
            status = await self._end_of(container_id)
        except (ValueError, AgentCallError) as error:
            log(f"Cannot wait for container {container_id.value}: {error}")
            status = None
        if status is None:
            self._executor.lost(container_id)
        else:
            self._executor.exited(container_id, status)

    async def _end_of(self, container_id: ContainerID) -> int | None:
        """Asked again as long as the agent is away. Raises ValueError and AgentCallError."""
        wait = Call.WaitNestedContainer(container_id)
        while True:
            try:
                answer = await self._api.call(Call(type=Call.Type.WAIT_NESTED_CONTAINER, wait_nested_container=wait))
            except (OSError, EOFError):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            ended = answer.wait_nested_container if answer else None
            return (ended or Response.WaitNestedContainer()).exit_status

    async def _run_within(self, parent: ContainerID, command: CommandInfo) -> int:
        """Run a command in a container, and return its exit code. Raises OSError, EOFError and ValueError."""
        container_id = ContainerID(str(uuid.uuid4()), parent)
        launch = Call.LaunchNestedContainerSession(container_id, command)
        remove = Call.RemoveNestedContainer(container_id)
        try:
            await self._api.session(
                Call(type=Call.Type.LAUNCH_NESTED_CONTAINER_SESSION, launch_nested_container_session=launch)
            )
            status = await self._end_of(container_id)
        except AgentCallError as error:
            raise ValueError(str(error)) from None
        await self._try(Call(type=Call.Type.REMOVE_NESTED_CONTAINER, remove_nested_container=remove))
        if status is None:
            raise ValueError("The command's status is unknown")
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    async def _signal(self, container_id: ContainerID, number: int) -> None:
        """Tried again while the agent is away."""
        kill = Call.KillNestedContainer(container_id, number)
        call = Call(type=Call.Type.KILL_NESTED_CONTAINER, kill_nested_container=kill)
        while not await self._try(call):
            await asyncio.sleep(_RETRY_SECONDS)

    async def _try(self, call: Call) -> bool:
        """Make a call; False where the agent did not answer."""
        try:
            await self._api.call(call)
        except (OSError, EOFError) as error:
            log(f"{call.type} failed: {error}")
            return False
        except (ValueError, AgentCallError) as error:
            log(f"{call.type} failed: {error}")
        return True

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def task_command(task: TaskInfo) -> CommandInfo:
    """What the container of a task runs, with the role of its resources in the environment."""
    command = task.command or CommandInfo()
    given = command.environment.variables if command.environment else ()
    own = tuple(Environment.Variable(name=name, value=value) for name, value in role_environment(task).items())
    return replace(command, environment=Environment((*own, *given)))


def task_container(task: TaskInfo) -> ContainerInfo | None:
    """The container of a task. Its persistent volumes are in the executor's sandbox, and seen from there."""
    volumes = tuple(_seen_from(each) for each in task.resources if each.disk and each.disk.volume)
    if not volumes:
        return task.container
    container = task.container or ContainerInfo(type=ContainerInfo.Type.MESOS)
    return replace(container, volumes=(*container.volumes, *volumes))


def _seen_from(resource: Resource) -> Volume:
    assert resource.disk is not None
    assert resource.disk.volume is not None
    volume = resource.disk.volume
    parent = _SandboxPath(volume.container_path, _SandboxPath.Type.PARENT)
    source = Volume.Source(type=Volume.Source.Type.SANDBOX_PATH, sandbox_path=parent)
    return Volume(mode=volume.mode, container_path=volume.container_path, source=source)


async def _run() -> None:
    await DefaultProgram(dict(os.environ)).run()


def main() -> None:
    """Run task groups until none is left, then exit with status 0."""
    asyncio.run(_run())
