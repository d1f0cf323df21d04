"""The part of a master's records that a caller may see: access control lists about frameworks, executors and tasks."""

from __future__ import annotations

from collections import deque
from copy import copy

from mesosctl.runtime.authorization import Permit, user_of_task
from mesosctl.runtime.master.actions import (
    Change,
    FrameworkAdded,
    FrameworkRemoved,
    FrameworkUpdated,
    TaskAdded,
    TaskUpdated,
)
from mesosctl.runtime.master.records import Executor, Framework, Task
from mesosctl.runtime.master.state import State

_ACTIONS = ("view_frameworks", "view_tasks", "view_executors")


def visible(state: State, permit: Permit) -> State:
    """To be read at once. The state itself where there are no lists about this."""
    if permit.acls is None or (permit.acls.permissive and not any(each in permit.acls.rules for each in _ACTIONS)):
        return state
    shown = copy(state)
    shown.frameworks = {each.id: _visible(each, permit) for each in state.frameworks.values() if _sees(permit, each)}
    shown.completed = {each.id: _visible(each, permit) for each in state.completed.values() if _sees(permit, each)}
    return shown


def sees(state: State, permit: Permit, change: Change) -> bool:
    """Whether a caller may hear of a change."""
    match change:
        case TaskAdded(task) | TaskUpdated(task, _):
            framework = state.frameworks.get(task.framework_id) or state.completed.get(task.framework_id)
            return framework is not None and _sees(permit, framework) and _sees_task(permit, framework, task)
        case FrameworkAdded(framework) | FrameworkUpdated(framework) | FrameworkRemoved(framework):
            return _sees(permit, framework)
    return True


def _visible(framework: Framework, permit: Permit) -> Framework:
    shown = copy(framework)
    shown.tasks = {key: task for key, task in framework.tasks.items() if _sees_task(permit, framework, task)}
    shown.unreachable = {
        key: task for key, task in framework.unreachable.items() if _sees_task(permit, framework, task)
    }
    shown.completed = deque(task for task in framework.completed if _sees_task(permit, framework, task))
    shown.executors = {
        key: executor for key, executor in framework.executors.items() if _sees_executor(permit, framework, executor)
    }
    return shown


def _sees(permit: Permit, framework: Framework) -> bool:
    return permit.allows("view_frameworks", framework.info.user)


def _sees_task(permit: Permit, framework: Framework, task: Task) -> bool:
    return permit.allows("view_tasks", user_of_task(task.info, framework.info))


def _sees_executor(permit: Permit, framework: Framework, executor: Executor) -> bool:
    command = executor.info.command
    return permit.allows("view_executors", (command.user if command else None) or framework.info.user)
