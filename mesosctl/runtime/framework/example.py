"""A whole framework, to read and to try: runs commands on whatever the cluster offers, each until it has finished.

    python -m mesosctl.runtime.framework.example zk://zk1:2181/mesos 'echo hello' 'sleep 5' true

A task that fails is tried again, three times in all; what runs when a master or this program's connection is lost goes
on. Exits with 0 when all have finished, with 1 when one has not.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from mesosctl.runtime.framework.errors import FrameworkError
from mesosctl.runtime.framework.scheduler import Scheduler
from mesosctl.runtime.protocol.basics import AgentID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.protocol.scheduler import Event
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskState, TaskStatus

ATTEMPTS = 3
NEEDS = {"cpus": 0.1, "mem": 32.0}
ENDED_BADLY = {
    TaskState.TASK_FAILED,
    TaskState.TASK_KILLED,
    TaskState.TASK_ERROR,
    TaskState.TASK_LOST,
    TaskState.TASK_DROPPED,
    TaskState.TASK_GONE,
    TaskState.TASK_GONE_BY_OPERATOR,
    TaskState.TASK_UNKNOWN,
}


@dataclass
class Job:
    command: str
    number: int
    attempt: int = 1
    agent_id: AgentID | None = None
    """Where it was launched; None while it waits for an offer."""
    state: TaskState | None = None

    @property
    def task_id(self) -> TaskID:
        return TaskID(f"command-{self.number}.{self.attempt}")

    @property
    def done(self) -> bool:
        return self.state is TaskState.TASK_FINISHED or (self.state in ENDED_BADLY and self.attempt == ATTEMPTS)


class Commands:
    """The framework: decides what to do at each event."""

    def __init__(self, scheduler: Scheduler, commands: Sequence[str]) -> None:
        self._scheduler = scheduler
        self._jobs = [Job(command, number) for number, command in enumerate(commands, 1)]

    async def run(self) -> bool:
        """Whether all commands have finished."""
        async for event in self._scheduler:
            match event:
                case Event.Subscribed():
                    # What was launched on a connection that broke may or may not have arrived: ask.
                    launched = [job for job in self._jobs if job.agent_id and not job.done]
                    await self._scheduler.reconcile((job.task_id, job.agent_id) for job in launched)
                case Event.Offers(offers=offers):
                    for offer in offers:
                        await self._use(offer)
                case Event.Update(status=status):
                    await self._updated(status)
            if all(job.done for job in self._jobs):
                await self._scheduler.teardown()
        return all(job.state is TaskState.TASK_FINISHED for job in self._jobs)

    async def _use(self, offer: Offer) -> None:
        """Launch as many of those that wait as fit, and give the rest back."""
        left = {name: _total(offer, name) for name in NEEDS}
        tasks = []
        for job in self._jobs:
            if job.agent_id is None and all(left[name] >= needed for name, needed in NEEDS.items()):
                left = {name: left[name] - needed for name, needed in NEEDS.items()}
                job.agent_id = offer.agent_id
                tasks.append(_task(job, offer.agent_id))
        if tasks:
            await self._scheduler.accept([offer], tasks)
        else:
            await self._scheduler.decline([offer])

    async def _updated(self, status: TaskStatus) -> None:
        job = next((job for job in self._jobs if job.task_id == status.task_id), None)
        if job is None or job.done:
            return
        job.state = status.state
        _say(f"{job.command!r} (attempt {job.attempt}): {status.state.value} {status.message or ''}".rstrip())
        if status.state in ENDED_BADLY and job.attempt < ATTEMPTS:
            job.attempt, job.agent_id, job.state = job.attempt + 1, None, None
            await self._scheduler.revive()


def _total(offer: Offer, name: str) -> float:
    return sum(each.scalar.value for each in offer.resources if each.name == name and each.scalar)


def _task(job: Job, agent_id: AgentID) -> TaskInfo:
    return TaskInfo(
        name=job.command,
        task_id=job.task_id,
        agent_id=agent_id,
        resources=tuple(
            Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(value)) for name, value in NEEDS.items()
        ),
        command=CommandInfo(value=job.command),
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def run(master: str, commands: Sequence[str]) -> bool:
    info = FrameworkInfo(user=getpass.getuser(), name="example", failover_timeout=60.0, checkpoint=True)
    async with Scheduler(master, info) as scheduler:
        return await Commands(scheduler, commands).run()


def main() -> None:
    parser = argparse.ArgumentParser(description="Run commands on a Mesos cluster.")
    parser.add_argument("master", help="host:port, zk://host:port,…/path or file:///path")
    parser.add_argument("command", nargs="+", help="what a shell on an agent is to run")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        finished = asyncio.run(run(arguments.master, arguments.command))
    except (FrameworkError, ValueError, OSError) as error:
        sys.exit(f"example: {error}")
    sys.exit(0 if finished else 1)


if __name__ == "__main__":
    main()
