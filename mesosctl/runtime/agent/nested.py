"""Containers within containers, which executors and operators start over the agent's API, and standalone ones.

A nested container has its sandbox in that of its parent (`containers/ID`), runs as the parent's user unless its command
names one, and ends when its parent does. One that serves a session (as `mesos task exec` starts it) runs in its
parent's sandbox with its parent's environment. What has ended is remembered until it is removed, or its parent ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from mesosctl.runtime.agent.containerizer.base import LaunchError
from mesosctl.runtime.agent.fetching import Destination
from mesosctl.runtime.agent.nested_checkpoint import KEEP_STATUS, Kept, NestedCheckpoint, wait_status
from mesosctl.runtime.agent.nested_entry import entry
from mesosctl.runtime.agent.nested_io import Switchboard
from mesosctl.runtime.agent.nested_volumes import make_volumes
from mesosctl.runtime.agent.sandbox import open_output
from mesosctl.runtime.executor.command import command_line, with_environment
from mesosctl.runtime.executor.processes import kill_all, members, start_time
from mesosctl.runtime.executor.terminal import in_session
from mesosctl.runtime.executor.user import identity
from mesosctl.runtime.protocol.basics import ContainerID
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo, TTYInfo

log = logging.getLogger(__name__)

CONTAINERS = "containers"


class NotFoundError(Exception):
    """There is no such container."""

    def __init__(self, container_id: ContainerID) -> None:
        super().__init__(f"Container {name_of(container_id)} cannot be found")


class RunningError(Exception):
    """The container has not ended yet."""


@dataclass(frozen=True)
class Surroundings:
    """What a container finds when it starts, and hands on to a session within it."""

    directory: str
    user: str | None
    environment: Mapping[str, str]
    inside: int | None = None
    """A process in the container that this is in."""
    outlives: bool = False
    """It goes on while there is no agent."""


@dataclass
class Nested:
    """A container, running or ended."""

    id: ContainerID
    surroundings: Surroundings
    pid: int
    switchboard: Switchboard | None
    is_forking: bool = False
    """See `Entry`."""
    started: int | None = None
    """See `start_time`; set of a container that an agent before this one launched."""
    ended: asyncio.Future[int | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """The status of its first process, as of waitpid(2); None: unknown, as it was no child of this agent."""


def name_of(container_id: ContainerID) -> str:
    """The names from the outermost container on, with dots between."""
    return f"{name_of(container_id.parent)}.{container_id.value}" if container_id.parent else container_id.value


def root_of(container_id: ContainerID) -> ContainerID:
    return root_of(container_id.parent) if container_id.parent else container_id


class NestedContainers:
    def __init__(
        self,
        executor: Callable[[str], Surroundings | None],
        fetch: Callable[[Sequence[CommandInfo.URI], Destination], Awaitable[None]],
        work_dir: str,
        ip: str,
        *,
        switch_user: bool,
    ) -> None:
        """`executor` tells of the container of an executor, by its id, while it runs. `fetch` raises LaunchError."""
        self._executor = executor
        self._fetch = fetch
        self._work_dir = work_dir
        self._ip = ip
        self._switch_user = switch_user
        self._containers: dict[str, Nested] = {}
        self._launching: set[str] = set()
        self._checkpoint = NestedCheckpoint(work_dir)
        self._finishing: set[asyncio.Task[None]] = set()

    async def launch(
        self, container_id: ContainerID, command: CommandInfo, info: ContainerInfo | None, *, session: bool = False
    ) -> bool:
        """Start a container; False where it is there already. Raises NotFoundError (no parent) and LaunchError."""
        name = name_of(container_id)
        if name in self._containers or name in self._launching:
            return False
        parent = self._surroundings(container_id.parent) if container_id.parent else None
        self._launching.add(name)
        try:
            surroundings = parent if session and parent else self._prepare(container_id, command, info, parent)
            environment = with_environment(surroundings.environment, command.environment)
            surroundings = replace(surroundings, environment=environment)
            if parent:
                surroundings = replace(surroundings, inside=parent.inside, outlives=parent.outlives)
            await self._fetch(command.uris, Destination(name, surroundings.directory, surroundings.user))
            if container_id.parent:
                self._surroundings(container_id.parent)  # it may have ended meanwhile
            self._enter(self._start(container_id, command, info, surroundings, session=session))
        except (OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
            raise LaunchError(str(error)) from None
        finally:
            self._launching.discard(name)
        return True

    def recover(self, roots: Collection[str]) -> None:
        """Take over what an agent before this one left in the containers of `roots`, and end all else."""
        for kept in self._checkpoint.all():
            surroundings = Surroundings(kept.directory, kept.user, kept.environment, outlives=True)
            container = Nested(kept.id, surroundings, kept.pid, None, kept.is_forking, kept.started)
            if start_time(kept.pid) != kept.started:
                if root_of(kept.id).value in roots:
                    self._containers[name_of(kept.id)] = container
                    container.ended.set_result(self._checkpoint.status(name_of(kept.id)))
                else:
                    self._checkpoint.forget(name_of(kept.id))
                continue
            self._watch(container)
            if kept.is_attachable or root_of(kept.id).value not in roots:
                log.warning("Killing container %s, left over", name_of(kept.id))
                kill_all(kept.pid)

    def find(self, container_id: ContainerID) -> Nested:
        """Raises NotFoundError."""
        try:
            return self._containers[name_of(container_id)]
        except KeyError:
            raise NotFoundError(container_id) from None

    async def wait(self, container_id: ContainerID) -> int | None:
        """Wait for a container's end and return its status, None where it is unknown. Raises NotFoundError."""
        return await asyncio.shield(self.find(container_id).ended)

    def kill(self, container_id: ContainerID, number: int = signal.SIGKILL) -> None:
        """Send a signal to a container's first process; SIGKILL to all. Raises NotFoundError."""
        container = self.find(container_id)
        if container.ended.done():
            return
        if number == signal.SIGKILL:
            self.destroy_within(name_of(container_id))
            kill_all(container.pid)
            return
        pids = members(container.pid) - {container.pid} if container.is_forking else {-container.pid}
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def remove(self, container_id: ContainerID) -> None:
        """Forget a container that has ended. Raises NotFoundError and RunningError."""
        if not self.find(container_id).ended.done():
            raise RunningError("Nested container has not terminated yet")
        name = name_of(container_id)
        for each in [name, *self._within(name)]:
            self._forget(each)

    def destroy_within(self, name: str) -> None:
        """Kill the containers within another."""
        for each in self._within(name):
            if not self._containers[each].ended.done():
                kill_all(self._containers[each].pid)

    def forget_within(self, name: str) -> None:
        """The outermost container has ended: nothing within it is left."""
        self.destroy_within(name)
        for each in self._within(name):
            self._forget(each)

    def _forget(self, name: str) -> None:
        del self._containers[name]
        self._checkpoint.forget(name)

    def running(self) -> list[Nested]:
        """The containers that have not ended."""
        return [container for container in self._containers.values() if not container.ended.done()]

    def _within(self, name: str) -> list[str]:
        return [each for each in self._containers if each.startswith(f"{name}.")]

    def _surroundings(self, container_id: ContainerID) -> Surroundings:
        container = self._containers.get(name_of(container_id))
        if container and not container.ended.done():
            return replace(container.surroundings, inside=container.pid)
        found = self._executor(container_id.value) if container_id.parent is None else None
        if found is None:
            raise NotFoundError(container_id)
        return found

    def _prepare(
        self, container_id: ContainerID, command: CommandInfo, info: ContainerInfo | None, parent: Surroundings | None
    ) -> Surroundings:
        """Make the sandbox. Raises OSError, ValueError and LookupError."""
        if "/" in container_id.value or container_id.value in ("", ".", ".."):
            raise ValueError(f"'{container_id.value}' cannot name a directory")
        own = command.user if self._switch_user else None
        user = own or (parent.user if parent else None)
        directory = Path(parent.directory if parent else self._work_dir, CONTAINERS, container_id.value)
        _make_directory(directory.parent, None)
        _make_directory(directory, user)
        for output in ("stdout", "stderr"):
            open_output(str(directory), output, user).close()
        if info:
            make_volumes(info, directory, Path(parent.directory) if parent else None, user)
        return Surroundings(str(directory), user, base_environment(str(directory), self._ip))

    def _start(
        self,
        container_id: ContainerID,
        command: CommandInfo,
        info: ContainerInfo | None,
        surroundings: Surroundings,
        *,
        session: bool,
    ) -> Nested:
        executable, arguments = command_line(command)
        tty = info.tty_info if info else None
        attachable = session or tty is not None
        surroundings = replace(surroundings, outlives=surroundings.outlives and not attachable)
        if surroundings.outlives:
            executable, arguments = KEEP_STATUS[0], [*KEEP_STATUS, executable, *arguments[1:]]
        way = entry(surroundings.inside, surroundings.directory, surroundings.user) if surroundings.inside else None
        user = surroundings.user
        if way:
            executable, arguments, user = way.command[0], [*way.command, executable, *arguments[1:]], None
        spawn = partial(_spawn, executable, arguments, surroundings, user, tty)
        switchboard: Switchboard | None = None
        keep = partial(open_output, surroundings.directory, owner=surroundings.user)
        if attachable:
            switchboard = Switchboard(tty, surroundings.user, None if session else keep)
            ends = switchboard.ends
            try:
                pid = spawn(ends.stdin, ends.stdout, ends.stderr)
            except BaseException:
                ends.close()
                self._finish(switchboard)
                raise
            ends.close()
        else:
            with (
                keep("stdout") as stdout,
                keep("stderr") as stderr,
                self._status_file(container_id, surroundings) as file,
            ):
                pid = spawn(file.fileno(), stdout.fileno(), stderr.fileno())
        return Nested(container_id, surroundings, pid, switchboard, way is not None and way.is_forking)

    def _status_file(self, container_id: ContainerID, surroundings: Surroundings) -> BinaryIO:
        """The standard input of a container that nobody can attach to."""
        if surroundings.outlives:
            return self._checkpoint.open_status(name_of(container_id))
        return open(os.devnull, "rb")

    def _enter(self, container: Nested) -> None:
        self._watch(container)
        at, pid = container.surroundings, container.pid
        kept = Kept(
            id=container.id,
            directory=at.directory,
            user=at.user,
            environment=dict(at.environment),
            pid=pid,
            started=start_time(pid),
            is_attachable=container.switchboard is not None,
            is_forking=container.is_forking,
        )
        try:
            self._checkpoint.keep(name_of(container.id), kept)
        except OSError as error:
            log.error("Cannot write down container %s: %s", name_of(container.id), error)

    def _watch(self, container: Nested) -> None:
        self._containers[name_of(container.id)] = container
        descriptor = os.pidfd_open(container.pid)
        asyncio.get_running_loop().add_reader(descriptor, self._ended, container, descriptor)

    def _ended(self, container: Nested, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        self.destroy_within(name_of(container.id))
        is_child = container.started is None
        if is_child or start_time(container.pid) in (None, container.started):
            kill_all(container.pid)  # before it is reaped: nobody else can have its id as session
        if is_child:
            _, status = os.waitpid(container.pid, 0)
            container.ended.set_result(wait_status(status) if container.surroundings.outlives else status)
        else:
            container.ended.set_result(self._checkpoint.status(name_of(container.id)))
        if container.switchboard:
            self._finish(container.switchboard)

    def _finish(self, switchboard: Switchboard) -> None:
        task = asyncio.get_running_loop().create_task(switchboard.finish())
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)


def base_environment(sandbox: str, ip: str) -> dict[str, str]:
    """What every container has in its environment."""
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "MESOS_SANDBOX": sandbox, "MESOS_CONTAINER_IP": ip}


def _make_directory(path: Path, owner: str | None) -> None:
    path.mkdir(parents=True, exist_ok=True)
    if owner is not None:
        ids = identity(owner)
        if ids:
            os.chown(path, ids["user"], ids["group"])


def _spawn(
    executable: str,
    arguments: list[str],
    surroundings: Surroundings,
    user: str | None,
    tty: TTYInfo | None,
    stdin: int,
    stdout: int,
    stderr: int,
) -> int:
    """Start a process in a session of its own, which a terminal controls where it has one. Raises OSError and more."""
    if tty:
        executable, arguments = in_session(executable, arguments)
    process = subprocess.Popen(
        arguments,
        executable=executable,
        cwd=surroundings.directory,
        env=dict(surroundings.environment),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=tty is None,
        **identity(user),
    )
    process.returncode = 0  # reaped elsewhere, not by Popen
    return process.pid
