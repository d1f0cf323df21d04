"""The process of the command: in a group of its own, in the executor's session and sandbox, as the task's user."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress

from mesosctl.runtime.executor.command import command_line, with_environment
from mesosctl.runtime.executor.user import identity
from mesosctl.runtime.protocol.tasks import TaskInfo


class TaskProcess:
    def __init__(self, environment: Mapping[str, str], user: str | None, exited: Callable[[int], None]) -> None:
        """`exited` is called with the status of waitpid(2), when nothing of the process group runs any more."""
        self._environment = environment
        self._user = user
        self._exited = exited
        self._pid: int | None = None

    def start(self, task: TaskInfo) -> None:
        """Raises OSError, ValueError or LookupError."""
        if task.command is None:
            raise ValueError("The task has no command")
        executable, arguments = command_line(task.command)
        process = subprocess.Popen(
            arguments,
            executable=executable,
            env=with_environment(self._environment, task.command.environment),
            stdin=subprocess.DEVNULL,
            process_group=0,
            **identity(self._user),
        )
        process.returncode = 0  # reaped below, not by Popen
        self._pid = process.pid
        descriptor = os.pidfd_open(process.pid)
        asyncio.get_running_loop().add_reader(descriptor, self._ended, process.pid, descriptor)

    def signal(self, number: int) -> None:
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._pid, number)

    def _ended(self, pid: int, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        self.signal(signal.SIGKILL)  # what the command left behind, before its id is free for others
        self._pid = None
        _, status = os.waitpid(pid, 0)
        self._exited(status)
