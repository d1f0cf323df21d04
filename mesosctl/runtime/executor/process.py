"""The process of the command: in a group of its own, in the executor's sandbox, as the task's user.

It is in the executor's session, or in one of its own where it has a terminal.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress

from mesosctl.runtime.executor.command import command_line, role_environment, with_environment
from mesosctl.runtime.executor.processes import kill_all, members
from mesosctl.runtime.executor.terminal import Terminal, in_session
from mesosctl.runtime.executor.user import identity
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.tasks import TaskInfo


class TaskProcess:
    def __init__(self, environment: Mapping[str, str], user: str | None, exited: Callable[[int], None]) -> None:
        """`exited` is called with the status of waitpid(2), when nothing of the process group runs any more."""
        self._environment = environment
        self._user = user
        self._exited = exited
        self._pid: int | None = None
        self._terminal: Terminal | None = None

    def start(self, task: TaskInfo) -> None:
        """Raises OSError, ValueError or LookupError."""
        if task.command is None:
            raise ValueError("The task has no command")
        # What checks run sees the task's environment, too.
        self._environment = with_environment({**self._environment, **role_environment(task)}, task.command.environment)
        tty = task.container.tty_info if task.container else None
        if tty:
            self._terminal = Terminal(tty, self._user)
        self._pid = self._spawn(task.command, self._terminal)
        if self._terminal:
            self._terminal.started()
        descriptor = os.pidfd_open(self._pid)
        asyncio.get_running_loop().add_reader(descriptor, self._ended, self._pid, descriptor)

    async def run(self, command: CommandInfo) -> int:
        """Run a command beside the task's until it ends, and return its exit code, or 128 and the signal that ended it.

        Killed with its group when this is cancelled. Raises OSError, ValueError or LookupError.
        """
        pid = self._spawn(command)
        descriptor = os.pidfd_open(pid)
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(descriptor, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            _signal(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    def signal(self, number: int) -> None:
        """Signal the command's process group, and what descends from it in groups of its own."""
        if self._pid is None:
            return
        others = {pid for pid in members(self._pid) if _group(pid) not in (self._pid, None)}
        _signal(self._pid, number)
        for pid in others:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _spawn(self, command: CommandInfo, terminal: Terminal | None = None) -> int:
        executable, arguments = command_line(command)
        if terminal:
            executable, arguments = in_session(executable, arguments)
        process = subprocess.Popen(
            arguments,
            executable=executable,
            env=with_environment(self._environment, command.environment),
            stdin=terminal.end if terminal else subprocess.DEVNULL,
            stdout=terminal.end if terminal else None,
            stderr=terminal.end if terminal else None,
            process_group=None if terminal else 0,
            **identity(self._user),
        )
        process.returncode = 0  # reaped elsewhere, not by Popen
        return process.pid

    def _ended(self, pid: int, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        _signal(pid, signal.SIGKILL)  # what the command left behind, before its id is free for others
        if self._terminal:
            kill_all(pid)  # a shell at a terminal makes groups
            self._terminal.close()
        self._pid = None
        _, status = os.waitpid(pid, 0)
        self._exited(status)


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _signal(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
