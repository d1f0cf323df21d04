"""Runs executors as plain processes, each in a session of its own, and tells when one has ended.

What Apache Mesos calls the posix launcher: no limits are enforced.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Mapping

from mesosctl.runtime.agent.sandbox import open_output
from mesosctl.runtime.executor.processes import kill_all, start_time
from mesosctl.runtime.executor.user import identity

UNKNOWN_STATUS = -1
"""Of a process that is not our child."""
Exited = Callable[[str, int], None]
"""Called with the id of a container and the status of its first process, as of waitpid(2), or UNKNOWN_STATUS."""


class LaunchError(Exception):
    """A process that could not be started, and why."""


class PosixLauncher:
    def __init__(self, exited: Exited) -> None:
        self._exited = exited
        self._pids: dict[str, int] = {}

    def launch(
        self,
        container_id: str,
        command: tuple[str, list[str]],
        environment: Mapping[str, str],
        directory: str,
        user: str | None,
    ) -> int:
        """Start a program (path and arguments) in `directory`, its output in the files stdout and stderr there.

        Returns the process id; `exited` is called once it and all that it started have ended. Raises LaunchError.
        """
        executable, arguments = command
        try:
            with open_output(directory, "stdout", user) as stdout, open_output(directory, "stderr", user) as stderr:
                process = subprocess.Popen(
                    arguments,
                    executable=executable,
                    cwd=directory,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                    **identity(user),
                )
        except (OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
            raise LaunchError(str(error)) from None
        pid = process.pid
        process.returncode = 0  # reaped below, not by Popen
        self._pids[container_id] = pid
        self._watch(container_id, pid)
        return pid

    def adopt(self, container_id: str, pid: int, started: int | None) -> None:
        """Watch a process that an agent before this one launched: `exited` is called, with an unknown status, once it
        has ended. One of the same id that started at another time (see `start_time`) is not it."""
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self._exited(container_id, UNKNOWN_STATUS)
            return
        if start_time(pid) != started:
            os.close(descriptor)
            self._exited(container_id, UNKNOWN_STATUS)
            return
        self._pids[container_id] = pid
        asyncio.get_running_loop().add_reader(descriptor, self._adopted_ended, container_id, pid, started, descriptor)

    def destroy(self, container_id: str) -> None:
        """Kill all processes of a container. Does nothing where it has ended."""
        pid = self._pids.get(container_id)
        if pid is not None:
            kill_all(pid)

    def _watch(self, container_id: str, pid: int) -> None:
        descriptor = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(descriptor, self._ended, container_id, pid, descriptor)

    def _adopted_ended(self, container_id: str, pid: int, started: int | None, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        if start_time(pid) in (None, started):  # else its id is somebody else's, and nothing of its session is left
            kill_all(pid)
        del self._pids[container_id]
        self._exited(container_id, UNKNOWN_STATUS)

    def _ended(self, container_id: str, pid: int, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        kill_all(pid)  # before it is reaped: nobody else can have its id as session
        _, status = os.waitpid(pid, 0)
        del self._pids[container_id]
        self._exited(container_id, status)
