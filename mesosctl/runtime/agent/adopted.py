"""Watches the executors that an agent before this one launched: processes that are not children of ours."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from mesosctl.runtime.executor.processes import kill_all, start_time

UNKNOWN_STATUS = -1
"""Of a process that is not our child."""
Exited = Callable[[str, int], None]
"""Called with the id of a container and the status of its first process, as of waitpid(2), or UNKNOWN_STATUS."""


class AdoptedProcesses:
    def __init__(self, exited: Exited) -> None:
        self._exited = exited
        self._pids: dict[str, int] = {}

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
        asyncio.get_running_loop().add_reader(descriptor, self._ended, container_id, pid, started, descriptor)

    def destroy(self, container_id: str) -> None:
        """Kill all processes of a container. Does nothing where it has ended."""
        pid = self._pids.get(container_id)
        if pid is not None:
            kill_all(pid)

    def _ended(self, container_id: str, pid: int, started: int | None, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        if start_time(pid) in (None, started):  # else its id is somebody else's, and nothing of its session is left
            kill_all(pid)
        del self._pids[container_id]
        self._exited(container_id, UNKNOWN_STATUS)
