"""What a containerizer is, and what it holds a container to."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mesosctl.runtime.agent.records import Ending, ExecutorRecord
from mesosctl.runtime.protocol.containers import ContainerInfo
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.protocol.statistics import ResourceStatistics
from mesosctl.runtime.resources import Resources

MB = 2**20


class LaunchError(Exception):
    """A container that could not be made, and why."""


def agent_key(work_dir: str) -> str:
    """Short for a work directory, so that the agents of one host keep what they share apart."""
    return hashlib.sha256(os.path.abspath(work_dir).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Holding:
    """What an executor and its tasks hold, and the most that they may use where that is more. Memory in bytes."""

    cpus: float
    memory: int
    disk: int
    cpus_limit: float | None = None
    """Infinite: as much as there is; None: what it holds."""
    memory_limit: float | None = None


def holding(executor: ExecutorRecord) -> Holding:
    held = Resources.of(executor.resources())
    return Holding(
        cpus=held.scalar("cpus"),
        memory=int(held.scalar("mem") * MB),
        disk=int(held.scalar("disk") * MB),
        cpus_limit=_limit(executor, "cpus"),
        memory_limit=None if (limit := _limit(executor, "mem")) is None else limit * MB,
    )


def used_of(name: str, amount: int) -> tuple[Resource, ...]:
    """What a container used of `mem` or `disk`, in bytes, as a resource."""
    return (Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(float(amount // MB))),)


def _limit(executor: ExecutorRecord, name: str) -> float | None:
    """The sum over the executor and its tasks, a task without a limit counting as what it holds; None without any."""
    tasks = list(executor.tasks())
    if not any(name in task.info.limits for task in tasks):
        return None
    amounts = [Resources.of(executor.info.resources).scalar(name)]
    for task in tasks:
        limit = task.info.limits.get(name)
        amounts.append(limit.value if limit else Resources.of(task.info.resources).scalar(name))
    return math.fsum(amounts)


Limited = Callable[[str, Ending], None]
"""Called with the id of a container that went over a limit: it must be destroyed."""


class Containerizer(Protocol):
    """The end of a container is told by the process that it was launched with."""

    def supports(self, container: ContainerInfo | None) -> bool:
        """Whether this is for such containers."""

    async def launch(self, executor: ExecutorRecord, environment: Mapping[str, str]) -> None:
        """Launch an executor whose sandbox is there. Raises LaunchError. May be cancelled."""

    def update(self, executor: ExecutorRecord) -> None:
        """It holds other resources than before."""

    def destroy(self, executor: ExecutorRecord) -> None:
        """Kill all that runs in it and is not of its first process' session."""

    async def clean_up(self, container_id: str) -> None:
        """Remove what is left of a container: nothing runs in it after this."""

    def limitation(self, container_id: str) -> Ending | None:
        """The limit that a container went over, if it did."""

    async def usage(self, executor: ExecutorRecord) -> ResourceStatistics:
        """What it uses. `timestamp` is not set."""

    async def recover(self, executors: Sequence[ExecutorRecord]) -> None:
        """An agent before this one launched these: take them over, and remove all others that it left."""

    async def close(self) -> None:
        """Let go of what is open. Containers go on."""
