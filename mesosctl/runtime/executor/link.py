"""An executor's connection to its agent: stays subscribed, hands it the events, makes its calls."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Mapping
from typing import Protocol

from mesosctl.runtime.executor.connection import AgentConnection, RefusedError
from mesosctl.runtime.executor.endpoint import agent_endpoint
from mesosctl.runtime.executor.reports import Identity
from mesosctl.runtime.flags.kinds import parse_duration
from mesosctl.runtime.protocol.basics import ExecutorID, FrameworkID
from mesosctl.runtime.protocol.codec import decode, encode
from mesosctl.runtime.protocol.errors import RecordError
from mesosctl.runtime.protocol.executor import Call, Event

_BACKOFF_SECONDS = 1.0
"""No longer than this, or than half of what the agent waits: nobody must come back too late."""


class Executor(Protocol):
    """What decides."""

    def subscription(self) -> Call: ...

    def event(self, event: Event) -> None: ...

    def disconnected(self) -> None: ...

    def abandoned(self) -> None: ...


class AgentLink:
    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment` is that which the agent gives executors. Raises KeyError and ValueError."""
        self.endpoint = agent_endpoint(environment)
        self.identity = Identity(
            FrameworkID(environment["MESOS_FRAMEWORK_ID"]), ExecutorID(environment["MESOS_EXECUTOR_ID"])
        )
        self.shutdown_grace_seconds = parse_duration(environment["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"])
        self._connection = AgentConnection(self.endpoint)
        self._checkpoint = environment["MESOS_CHECKPOINT"] == "1"
        self._recovery_seconds = parse_duration(environment.get("MESOS_RECOVERY_TIMEOUT", "15mins"))
        longest = parse_duration(environment.get("MESOS_SUBSCRIPTION_BACKOFF_MAX", "1secs"))
        self._backoff_seconds = min(longest / 2, _BACKOFF_SECONDS)
        self._calls: asyncio.Queue[Call] = asyncio.Queue()
        self._done = asyncio.Event()

    def send(self, call: Call) -> None:
        self._calls.put_nowait(call)

    def stop(self) -> None:
        self._done.set()

    async def serve(self, executor: Executor) -> None:
        """Until `stop`."""
        tasks = [asyncio.create_task(self._listen(executor)), asyncio.create_task(self._speak())]
        await self._done.wait()
        for task in tasks:
            task.cancel()

    async def _listen(self, executor: Executor) -> None:
        """Stay subscribed. A lost agent ends the task at once, or after the recovery timeout of a checkpointed one."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._recovery_seconds
        while True:
            was_subscribed = False
            try:
                async for record in self._connection.subscribe(encode(executor.subscription())):
                    was_subscribed = True
                    executor.event(decode(Event, record))
            except RefusedError as error:
                log(f"The agent does not want this executor: {error}")
                break
            except (OSError, EOFError, RecordError, ValueError) as error:
                log(f"Lost the agent: {error}")
            executor.disconnected()
            if was_subscribed:
                deadline = loop.time() + self._recovery_seconds
            if not self._checkpoint or loop.time() > deadline:
                break
            await asyncio.sleep(random.uniform(0, self._backoff_seconds))
        executor.abandoned()

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
