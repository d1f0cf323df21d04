"""What the older endpoints of an agent show, as plain values that become JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from mesosctl.runtime.agent.core import CAPABILITIES, Agent
from mesosctl.runtime.agent.records import ExecutorRecord, ExecutorState, FrameworkRecord, TaskRecord
from mesosctl.runtime.executor.processes import usage
from mesosctl.runtime.http.address import Address
from mesosctl.runtime.protocol.resources import Attribute, Resource
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from mesosctl.runtime.resources import Form, Resources, summary
from mesosctl.runtime.version import about

Json = dict[str, Any]

_MB = 2**20
_LIVE = ("staging", "starting", "running", "killing")
_ENDED = ("finished", "failed", "killed", "lost", "gone")
_SCALARS = ("cpus", "mem", "disk", "gpus")


def state(agent: Agent, address: Address, flags: Mapping[str, str], started: float) -> Json:
    """`/state`. `flags` is what `/flags` shows."""
    total = Resources.of(agent.info.resources)
    used = _used(agent)
    reserved = total.reservations()
    view: Json = about() | {
        "start_time": started,
        "id": agent.info.id.value if agent.info.id else "",
        "pid": f"slave(1)@{address.ip}:{address.port}",
        "hostname": agent.info.hostname,
        "capabilities": [capability.type for capability in CAPABILITIES],
        "resources": summary(total),
        "reserved_resources": {role: summary(part) for role, part in reserved.items()},
        "unreserved_resources": summary(total.unreserved()),
        "reserved_resources_full": {role: part.messages(Form.ENDPOINT) for role, part in reserved.items()},
        "unreserved_resources_full": total.unreserved().messages(Form.ENDPOINT),
        "reserved_resources_allocated": {role: summary(part) for role, part in used.reservations().items()},
        "unreserved_resources_allocated": summary(used.unreserved()),
        "resource_providers": [],
        "attributes": {attribute.name: _attribute(attribute) for attribute in agent.info.attributes},
        "flags": flags,
        "frameworks": [_framework(framework) for framework in agent.ledger.frameworks.values()],
        "completed_frameworks": [_framework(framework) for framework in agent.ledger.completed_frameworks],
    }
    if agent.master:
        view["master_hostname"] = agent.master.hostname
    if "log_dir" in flags:
        view["log_dir"] = flags["log_dir"]
    return view


def _attribute(attribute: Attribute) -> float | str:
    if attribute.scalar:
        return attribute.scalar.value
    if attribute.ranges:
        return f"[{', '.join(f'{part.begin}-{part.end}' for part in attribute.ranges.range)}]"
    return attribute.text.value if attribute.text else ""


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
        "role": _role(executor.info.resources),
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
    info = task.info
    assert executor.info.framework_id is not None
    view: Json = {
        "id": task.id,
        "name": info.name,
        "framework_id": executor.info.framework_id.value,
        "executor_id": "" if executor.is_command else executor.id,
        "slave_id": info.agent_id.value,
        "state": task.state,
        "resources": summary(Resources.of(info.resources)),
        "role": _role(info.resources),
        "statuses": [_status(status) for status in task.statuses],
    }
    if info.labels:
        view["labels"] = info.labels.labels
    if info.discovery:
        view["discovery"] = info.discovery
    return view


def _status(status: TaskStatus) -> Json:
    view: Json = {"state": status.state, "timestamp": status.timestamp}
    if status.labels:
        view["labels"] = status.labels.labels
    if status.container_status:
        view["container_status"] = replace(status.container_status, executor_pid=None)
    if status.healthy is not None:
        view["healthy"] = status.healthy
    return view


def _role(resources: Iterable[Resource]) -> str:
    return next((each.allocation_info.role for each in resources if each.allocation_info), None) or "*"


def containers(agent: Agent, now: float) -> list[Json]:
    """`/containers`: what runs, with its use of processor and memory."""
    return [
        _monitored(executor, now)
        | {
            "container_id": executor.container_id,
            "status": {"container_id": {"value": executor.container_id}, "executor_pid": executor.pid},
        }
        for _, executor in _live(agent)
    ]


def monitor(agent: Agent, now: float) -> list[Json]:
    """`/monitor/statistics`."""
    return [_monitored(executor, now) for _, executor in _live(agent)]


def _live(agent: Agent) -> list[tuple[FrameworkRecord, ExecutorRecord]]:
    return [
        (framework, executor)
        for framework, executor in agent.ledger.executors()
        if executor.state is not ExecutorState.TERMINATED and executor.pid is not None
    ]


def _monitored(executor: ExecutorRecord, now: float) -> Json:
    assert executor.info.framework_id is not None
    held = Resources.of(executor.resources())
    memory = int(held.scalar("mem") * _MB)
    statistics: Json = {
        "timestamp": now,
        "cpus_soft_limit": held.scalar("cpus"),
        "mem_limit_bytes": memory,
        "mem_soft_limit_bytes": memory,
    }
    if executor.pid is not None:
        with suppress(OSError):
            used = usage(executor.pid)
            statistics["cpus_user_time_secs"] = used.user_seconds
            statistics["cpus_system_time_secs"] = used.system_seconds
            statistics["mem_rss_bytes"] = used.resident_bytes
    return {
        "executor_id": executor.id,
        "executor_name": executor.info.name or "",
        "framework_id": executor.info.framework_id.value,
        "source": executor.info.source or "",
        "statistics": statistics,
    }


def metrics(agent: Agent, uptime: float) -> dict[str, float]:
    """The metrics of the agent itself, by Mesos' names."""
    counters = agent.ledger.counters
    executors = [executor for _, executor in agent.ledger.executors()]
    total, used = Resources.of(agent.info.resources), _used(agent)
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
