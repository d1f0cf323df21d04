"""What containers use, with what they hold: for `/containers`, `/monitor/statistics` and GET_CONTAINERS."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.records import ExecutorRecord, ExecutorState
from mesosctl.runtime.executor import processes
from mesosctl.runtime.protocol.statistics import ResourceStatistics
from mesosctl.runtime.resources import Resources

Usage = Callable[[ExecutorRecord], Awaitable[ResourceStatistics]]
"""What the container of an executor uses. `timestamp` is not set."""
_MB = 2**20


def running(agent: Agent) -> list[ExecutorRecord]:
    """The executors that have a container."""
    return [
        executor
        for _, executor in agent.ledger.executors()
        if executor.state is not ExecutorState.TERMINATED and executor.pid is not None
    ]


async def statistics(executor: ExecutorRecord, usage: Usage, now: float) -> ResourceStatistics:
    used = await usage(executor)
    held = Resources.of(executor.resources())
    memory = int(held.scalar("mem") * _MB)
    return replace(
        used,
        timestamp=now,
        cpus_soft_limit=held.scalar("cpus"),
        mem_limit_bytes=used.mem_limit_bytes or memory,
        mem_soft_limit_bytes=memory,
    )


def usage_of_process(pid: int) -> ResourceStatistics:
    """What a process and all that it started use. `timestamp` is not set."""
    try:
        used = processes.usage(pid)
    except OSError:
        return ResourceStatistics(timestamp=0.0)
    return ResourceStatistics(
        timestamp=0.0,
        cpus_user_time_secs=used.user_seconds,
        cpus_system_time_secs=used.system_seconds,
        mem_rss_bytes=used.resident_bytes,
    )
