"""`/state`, `/state-summary` and `/metrics/snapshot`: the whole of a master at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from mesosctl.runtime.master.records import Task
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.views.agents import agent_view, recovered_agent_view
from mesosctl.runtime.master.views.frameworks import framework_summary, framework_view
from mesosctl.runtime.protocol.tasks import TaskState

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


def state_view(state: State, version: Json, flags: Mapping[str, str] | None) -> Json:
    """`version`: what `/version` shows; `flags`: what `/flags` shows, or None where it is not to be seen."""
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
    if flags is not None:
        view |= {name: flags[name] for name in ("cluster", "log_dir") if name in flags} | {"flags": flags}
    return view | {
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


def _task_counts(tasks: Iterable[Task]) -> Json:
    found = Counter(task.state for task in tasks)
    return {state.value: found[state] for state in _COUNTED}
