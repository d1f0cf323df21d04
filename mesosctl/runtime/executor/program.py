"""The main function of mesos-executor. All that it needs to know is in its environment."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mesosctl.runtime.clock import LoopClock
from mesosctl.runtime.executor.connection import AgentConnection, RefusedError
from mesosctl.runtime.executor.core import CommandExecutor
from mesosctl.runtime.executor.process import TaskProcess
from mesosctl.runtime.executor.reports import Identity
from mesosctl.runtime.flags.kinds import parse_duration
from mesosctl.runtime.protocol.basics import ExecutorID, FrameworkID
from mesosctl.runtime.protocol.codec import decode, encode
from mesosctl.runtime.protocol.errors import RecordError
from mesosctl.runtime.protocol.executor import Call, Event
from mesosctl.runtime.protocol.tasks import TaskInfo

if TYPE_CHECKING:
    from mesosctl.runtime.executor.checks.machine import Prober

DOCKER_PLACE = "MESOSCTL_DOCKER_PLACE"
"""Variable with the place of a docker container (`mesosctl.runtime.docker.create.Place`), as JSON."""
TASK_USER = "MESOSCTL_TASK_USER"
"""The user that the agent wants the command to run as. The executor itself runs as the agent does."""


class Program:
    def __init__(self, environment: Mapping[str, str]) -> None:
        host, _, port = environment["MESOS_AGENT_ENDPOINT"].rpartition(":")
        self._connection = AgentConnection(host, int(port))
        self._checkpoint = environment["MESOS_CHECKPOINT"] == "1"
        self._recovery_seconds = parse_duration(environment.get("MESOS_RECOVERY_TIMEOUT", "15mins"))
        self._backoff_seconds = parse_duration(environment.get("MESOS_SUBSCRIPTION_BACKOFF_MAX", "1secs"))
        self._executor = CommandExecutor(
            Identity(FrameworkID(environment["MESOS_FRAMEWORK_ID"]), ExecutorID(environment["MESOS_EXECUTOR_ID"])),
            parse_duration(environment["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"]),
            LoopClock(),
            self,
        )
        inherited = {name: value for name, value in environment.items() if name != TASK_USER}
        self._process = TaskProcess(inherited, environment.get(TASK_USER), self._executor.exited)
        self._calls: asyncio.Queue[Call] = asyncio.Queue()
        self._done = asyncio.Event()

    def send(self, call: Call) -> None:
        self._calls.put_nowait(call)

    def start(self, task: TaskInfo) -> None:
        self._process.start(task)
        self._executor.started()

    def signal(self, number: int) -> None:
        self._process.signal(number)

    def prober(self) -> Prober:
        from mesosctl.runtime.executor.checks.probes import LoopProber  # most tasks have no checks

        return LoopProber(self._process.run, lambda problem: log(f"A check had no result: {problem}"))

    def stop(self) -> None:
        self._done.set()

    async def run(self) -> None:
        tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._speak())]
        await self._done.wait()
        for task in tasks:
            task.cancel()

    async def _listen(self) -> None:
        """Stay subscribed. A lost agent ends the task at once, or after the recovery timeout of a checkpointed one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._recovery_seconds
        while True:
            try:
                async for record in self._connection.subscribe(encode(self._executor.subscription())):
                    self._executor.event(decode(Event, record))
                    deadline = loop.time() + self._recovery_seconds
            except RefusedError as error:
                log(f"The agent does not want this executor: {error}")
                break
            except (OSError, EOFError, RecordError, ValueError) as error:
                log(f"Lost the agent: {error}")
            if not self._checkpoint or loop.time() > deadline:
                break
            await asyncio.sleep(random.uniform(0, self._backoff_seconds))
        self._executor.abandoned()

    async def _speak(self) -> None:
        """Make the calls in order. One that fails is repeated by the next subscription."""
        while True:
            call = await self._calls.get()
            try:
                await self._connection.call(encode(call))
            except (OSError, EOFError, RefusedError, ValueError) as error:
                log(f"Cannot tell the agent: {error}")


def log(text: str) -> None:
    """Write a line for the reader of the sandbox's stderr."""
    sys.stderr.write(f"mesos-executor: {text}\n")
    sys.stderr.flush()


async def _run() -> None:
    await Program(dict(os.environ)).run()


def main() -> None:
    """Run the command of one task, then exit with status 0."""
    try:
        if DOCKER_PLACE in os.environ:
            from mesosctl.runtime.executor import docker  # with all that it needs to speak to an engine

            docker.main()
        else:
            asyncio.run(_run())
    except KeyError as error:
        log(f"{error.args[0]} is not in the environment: an agent starts this program, nobody else")
        sys.exit(1)
