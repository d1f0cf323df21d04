"""The main function of mesos-executor. All that it needs to know is in its environment."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mesosctl.runtime.clock import LoopClock
from mesosctl.runtime.executor.core import CommandExecutor
from mesosctl.runtime.executor.endpoint import TOKEN
from mesosctl.runtime.executor.link import AgentLink, log
from mesosctl.runtime.executor.process import TaskProcess
from mesosctl.runtime.protocol.tasks import TaskInfo

if TYPE_CHECKING:
    from mesosctl.runtime.executor.checks.machine import Prober

__all__ = ["DOCKER_PLACE", "KIND", "TASK_USER", "Program", "log", "main"]

DOCKER_PLACE = "MESOSCTL_DOCKER_PLACE"
"""Variable with the place of a docker container (`mesosctl.runtime.docker.create.Place`), as JSON."""
KIND = "MESOSCTL_EXECUTOR"
"""Variable that says "default" where this is to be the default executor, not the command executor."""
TASK_USER = "MESOSCTL_TASK_USER"
"""The user that the agent wants the command to run as. The executor itself runs as the agent does."""


class Program(AgentLink):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self._executor = CommandExecutor(self.identity, self.shutdown_grace_seconds, LoopClock(), self)
        inherited = {name: value for name, value in environment.items() if name not in (TASK_USER, TOKEN)}
        self._process = TaskProcess(inherited, environment.get(TASK_USER), self._executor.exited)

    def start(self, task: TaskInfo) -> None:
        self._process.start(task)
        self._executor.started()

    def signal(self, number: int) -> None:
        self._process.signal(number)

    def prober(self) -> Prober:
        from mesosctl.runtime.executor.checks.probes import LoopProber  # most tasks have no checks

        return LoopProber(self._process.run, lambda problem: log(f"A check had no result: {problem}"))

    async def run(self) -> None:
        await self.serve(self._executor)


async def _run() -> None:
    await Program(dict(os.environ)).run()


def main() -> None:
    """Run the command of one task, then exit with status 0."""
    try:
        if DOCKER_PLACE in os.environ:
            from mesosctl.runtime.executor import docker  # with all that it needs to speak to an engine

            docker.main()
        elif os.environ.get(KIND) == "default":
            from mesosctl.runtime.executor import default

            default.main()
        else:
            asyncio.run(_run())
    except KeyError as error:
        log(f"{error.args[0]} is not in the environment: an agent starts this program, nobody else")
        sys.exit(1)
