"""`/state`, `/state-summary` and `/metrics/snapshot`: the whole of a master at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from mesosctl.runtime.master.records import NOTHING, Task
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.views.agents import agent_view, recovered_agent_view
from mesosctl.runtime.master.views.frameworks import framework_summary, framework_view
from mesosctl.runtime.protocol.tasks import TaskState
from mesosctl.runtime.resources import Resources

Json = dict[str, Any]

_COUNTED = (
    TaskState.TASK_STAGING,
    TaskState.TASK_STARTING,
    TaskState.TASK_RUNNING,
    TaskState.TASK_KILLING,
    TaskState.TASK_FINISHED,
    TaskState.TASK_KILLED,
    TaskState.TASK_FAILED,
    TaskState.TASK_LOST,
    TaskState.TASK_ERROR,
    TaskState.TASK_UNREACHABLE,
)


def state_view(state: State, version: Json, flags: Mapping[str, str]) -> Json:
    """`version`: what `/version` shows; `flags`: what `/flags` shows."""
    info = state.options.info
    view = version | {
        "start_time": state.started,
        "elected_time": state.elected,
        "id": info.id,
        "pid": info.pid,
        "hostname": info.hostname,
        "capabilities": [each.type for each in info.capabilities],
        "activated_slaves": float(sum(agent.active for agent in state.agents.values())),
        "deactivated_slaves": float(sum(not agent.active for agent in state.agents.values())),
        "unreachable_slaves": float(len(state.unreachable)),
        "leader": info.pid,
        "leader_info": {"id": info.id, "pid": info.pid, "port": info.port, "hostname": info.hostname},
    }
    view |= {name: flags[name] for name in ("cluster", "log_dir") if name in flags}
    return view | {
        "flags": flags,
        "slaves": [agent_view(agent) for agent in state.agents.values()],
        "recovered_slaves": [recovered_agent_view(agent) for agent in state.recovered.values()],
        "frameworks": [framework_view(framework) for framework in state.frameworks.values()],
        "completed_frameworks": [framework_view(framework) for framework in state.completed.values()],
        "orphan_tasks": [],
        "unregistered_frameworks": [],
    }


def summary_view(state: State) -> Json:
    by_agent: dict[str, list[Task]] = {}
    for framework in state.frameworks.values():
        for task in (*framework.tasks.values(), *framework.unreachable.values(), *framework.completed):
            by_agent.setdefault(task.agent_id, []).append(task)
    agents = []
    for agent in state.agents.values():
        tasks = by_agent.get(agent.id, [])
        ids = dict.fromkeys(task.framework_id for task in tasks)
        agents.append(agent_view(agent) | _task_counts(tasks) | {"framework_ids": list(ids)})
    frameworks = []
    for framework in state.frameworks.values():
        tasks = [*framework.tasks.values(), *framework.unreachable.values(), *framework.completed]
        ids = dict.fromkeys(task.agent_id for task in tasks)
        frameworks.append(framework_summary(framework) | _task_counts(tasks) | {"slave_ids": list(ids)})
    info = state.options.info
    return {"hostname": info.hostname, "slaves": agents, "frameworks": frameworks}


def metrics_view(state: State) -> dict[str, float]:
    """The metrics of the master that dashboards lean on, by Mesos' names."""
    agents, frameworks = state.agents.values(), state.frameworks.values()
    tasks = Counter(task.state for task in state.tasks())
    ended = Counter(task.state for each in (*frameworks, *state.completed.values()) for task in each.completed)
    connected = sum(agent.connected for agent in agents)
    subscribed = sum(framework.connected for framework in frameworks)
    metrics = {
        "master/elected": state.elected is not None,
        "master/uptime_secs": state.clock.now() - state.started,
        "master/slaves_active": connected,
        "master/slaves_connected": connected,
        "master/slaves_inactive": len(agents) - connected,
        "master/slaves_disconnected": len(agents) - connected,
        "master/slaves_unreachable": len(state.unreachable),
        "master/frameworks_active": subscribed,
        "master/frameworks_connected": subscribed,
        "master/frameworks_inactive": len(frameworks) - subscribed,
        "master/frameworks_disconnected": len(frameworks) - subscribed,
        "master/outstanding_offers": len(state.offers),
    }
    for task_state in (each for each in TaskState if each is not TaskState.TASK_UNKNOWN):
        name = task_state.value.removeprefix("TASK_").lower()
        metrics[f"master/tasks_{name}"] = tasks[task_state] + ended[task_state]
    total = _sum(agent.total for agent in agents)
    used = _sum(framework.used for framework in frameworks)
    for name in ("cpus", "gpus", "mem", "disk"):
        all_of_it = total.scalar(name)
        metrics[f"master/{name}_total"] = all_of_it
        metrics[f"master/{name}_used"] = used.scalar(name)
        metrics[f"master/{name}_percent"] = used.scalar(name) / all_of_it if all_of_it else 0.0
    return {name: float(value) for name, value in sorted(metrics.items())}


def _task_counts(tasks: Iterable[Task]) -> Json:
    found = Counter(task.state for task in tasks)
    return {state.value: found[state] for state in _COUNTED}


def _sum(parts: Iterable[Resources]) -> Resources:
    return sum(parts, NOTHING)
