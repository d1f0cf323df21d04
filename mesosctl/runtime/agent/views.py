"""What the older endpoints of an agent show, as plain values that become JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from mesosctl.runtime.agent.core import CAPABILITIES, Agent
from mesosctl.runtime.agent.records import ExecutorRecord, ExecutorState, FrameworkRecord, TaskRecord
from mesosctl.runtime.agent.statistics import Usage, running, statistics
from mesosctl.runtime.agent.visible import sees_container
from mesosctl.runtime.authorization import Permit
from mesosctl.runtime.http.address import Address
from mesosctl.runtime.protocol.tasks import TaskState
from mesosctl.runtime.resources import Form, Resources, summary, with_checkpointed
from mesosctl.runtime.version import about
from mesosctl.runtime.views import attributes_view, reservations_view, role_of, task_view

Json = dict[str, Any]

_LIVE = ("staging", "starting", "running", "killing")
_ENDED = ("finished", "failed", "killed", "lost", "gone")
_SCALARS = ("cpus", "mem", "disk", "gpus")


def state(agent: Agent, address: Address, flags: Mapping[str, str] | None, started: float) -> Json:
    """`/state`. `flags` is what `/flags` shows, or None where it is not to be seen."""
    total = with_checkpointed(agent.info.resources, agent.checkpointed)
    used = _used(agent)
    reserved = total.reservations()
    view: Json = about() | {
        "start_time": started,
        "id": agent.info.id.value if agent.info.id else "",
        "pid": f"slave(1)@{address.ip}:{address.port}",
        "hostname": agent.info.hostname,
        "capabilities": [capability.type for capability in CAPABILITIES],
        "resources": summary(total),
        "reserved_resources": reservations_view(total),
        "unreserved_resources": summary(total.unreserved()),
        "reserved_resources_full": {role: part.messages(Form.ENDPOINT) for role, part in reserved.items()},
        "unreserved_resources_full": total.unreserved().messages(Form.ENDPOINT),
        "reserved_resources_allocated": reservations_view(used),
        "unreserved_resources_allocated": summary(used.unreserved()),
        "resource_providers": [],
        "attributes": attributes_view(agent.info.attributes),
        "frameworks": [_framework(framework) for framework in agent.ledger.frameworks.values()],
        "completed_frameworks": [_framework(framework) for framework in agent.ledger.completed_frameworks.values()],
    }
    if agent.master:
        view["master_hostname"] = agent.master.hostname
    if flags is not None:
        view["flags"] = flags
        if "log_dir" in flags:
            view["log_dir"] = flags["log_dir"]
    return view


def _framework(framework: FrameworkRecord) -> Json:
    info = framework.info
    live = [executor for executor in framework.executors.values() if executor.state is not ExecutorState.TERMINATED]
    ended = [executor for executor in framework.executors.values() if executor.state is ExecutorState.TERMINATED]
    view: Json = {
        "id": framework.id,
        "name": info.name,
        "user": info.user,
        "failover_timeout": info.failover_timeout,
        "checkpoint": info.checkpoint,
        "hostname": info.hostname or "",
        "executors": [_executor(executor) for executor in live],
        "completed_executors": [_executor(executor) for executor in (*ended, *framework.completed)],
    }
    if info.roles:
        view["roles"] = info.roles
    else:
        view["role"] = info.role or "*"
    return view


def _executor(executor: ExecutorRecord) -> Json:
    held = executor.resources() if executor.state is not ExecutorState.TERMINATED else executor.info.resources
    view: Json = {
        "id": executor.id,
        "name": executor.info.name or "",
        "source": executor.info.source or "",
        "container": executor.container_id,
        "directory": executor.directory,
        "resources": summary(Resources.of(held)),
        "role": role_of(executor.info.resources),
        "tasks": [_task(task, executor) for task in executor.launched.values()],
        "queued_tasks": [_queued(task, executor) for task in executor.queued.values()],
        "completed_tasks": [_task(task, executor) for task in (*executor.terminated.values(), *executor.completed)],
    }
    if executor.info.labels:
        view["labels"] = executor.info.labels.labels
    if executor.info.type:
        view["type"] = executor.info.type
    return view


def _queued(task: TaskRecord, executor: ExecutorRecord) -> Json:
    view = _task(task, executor)
    del view["state"], view["statuses"]
    return view


def _task(task: TaskRecord, executor: ExecutorRecord) -> Json:
    assert executor.info.framework_id is not None
    return task_view(
        task.info,
        executor.info.framework_id.value,
        None if executor.is_command else executor.id,
        task.state,
        Resources.of(task.info.resources),
        task.statuses,
    )


async def containers(agent: Agent, usage: Usage, now: float, permit: Permit) -> list[Json]:
    """`/containers`: what runs, with what it uses."""
    executors = [each for each in running(agent) if sees_container(agent, permit, each)]
    return [
        monitored
        | {
            "container_id": executor.container_id,
            "status": {"container_id": {"value": executor.container_id}, "executor_pid": executor.pid},
        }
        for executor, monitored in zip(executors, await _monitor(executors, usage, now), strict=True)
    ]


async def monitor(agent: Agent, usage: Usage, now: float) -> list[Json]:
    """`/monitor/statistics`."""
    return await _monitor(running(agent), usage, now)


async def _monitor(executors: Iterable[ExecutorRecord], usage: Usage, now: float) -> list[Json]:
    return await asyncio.gather(*(_monitored(executor, usage, now) for executor in executors))


async def _monitored(executor: ExecutorRecord, usage: Usage, now: float) -> Json:
    assert executor.info.framework_id is not None
    return {
        "executor_id": executor.id,
        "executor_name": executor.info.name or "",
        "framework_id": executor.info.framework_id.value,
        "source": executor.info.source or "",
        "statistics": await statistics(executor, usage, now),
    }


def metrics(agent: Agent, uptime: float) -> dict[str, float]:
    """The metrics of the agent itself, by Mesos' names."""
    counters = agent.ledger.counters
    executors = [executor for _, executor in agent.ledger.executors()]
    total, used = with_checkpointed(agent.info.resources, agent.checkpointed), _used(agent)
    view = {
        "registered": float(agent.master is not None),
        "uptime_secs": uptime,
        "frameworks_active": float(len(agent.ledger.frameworks)),
        "executors_registering": _count(executors, ExecutorState.REGISTERING),
        "executors_running": _count(executors, ExecutorState.RUNNING),
        "executors_terminating": _count(executors, ExecutorState.TERMINATING),
    }
    states = [task.state for executor in executors for task in executor.tasks()]
    for name in _LIVE:
        view[f"tasks_{name}"] = float(states.count(TaskState[f"TASK_{name.upper()}"]))
    for name in (*(f"tasks_{name}" for name in _ENDED), *_COUNTED):
        view[name] = float(counters[name])
    for name in _SCALARS:
        have, taken = total.scalar(name), used.scalar(name)
        view |= {f"{name}_total": have, f"{name}_used": taken, f"{name}_percent": taken / have if have else 0.0}
    return {f"slave/{name}": value for name, value in view.items()}


_COUNTED = (
    "container_launch_errors",
    "executors_terminated",
    "invalid_framework_messages",
    "invalid_status_updates",
    "valid_framework_messages",
    "valid_status_updates",
)


def _count(executors: Iterable[ExecutorRecord], wanted: ExecutorState) -> float:
    return float(sum(executor.state is wanted for executor in executors))


def _used(agent: Agent) -> Resources:
    return Resources.of(each for _, executor in agent.ledger.executors() for each in executor.resources())
