"""The part of an agent's records that a caller may see, and the containers that a caller may touch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from copy import copy

from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.records import ExecutorRecord, FrameworkRecord, TaskRecord
from mesosctl.runtime.authorization import Permit
from mesosctl.runtime.http.authentication import Principal
from mesosctl.runtime.protocol.basics import ContainerID
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.errors import Refusal

_ACTIONS = ("view_frameworks", "view_tasks", "view_executors")


def visible(agent: Agent, permit: Permit) -> Agent:
    """To be read at once. The agent itself where there are no lists about this."""
    if permit.acls is None or (permit.acls.permissive and not any(each in permit.acls.rules for each in _ACTIONS)):
        return agent
    shown = copy(agent)
    shown.ledger = copy(agent.ledger)
    frameworks = (_visible(each, permit) for each in _seen(agent.ledger.frameworks.values(), permit))
    shown.ledger.frameworks = {each.id: each for each in frameworks}
    completed = (_visible(each, permit) for each in _seen(agent.ledger.completed_frameworks.values(), permit))
    shown.ledger.completed_frameworks = {each.id: each for each in completed}
    return shown


def sees_container(agent: Agent, permit: Permit, executor: ExecutorRecord) -> bool:
    found = agent.ledger.find_container(executor.container_id)
    return found is not None and permit.allows("view_containers", user_of(*found))


def user_of(framework: FrameworkRecord, executor: ExecutorRecord) -> str:
    """The user whose the container of an executor is, for access control lists."""
    command = executor.info.command
    return (command.user if command else None) or framework.info.user


def check_container(
    agent: Agent,
    permit: Permit,
    caller: Principal | None,
    container_id: ContainerID,
    action: str,
    standalone: str | None = None,
) -> None:
    """Raises Refusal (403) where a caller may not do this to a container, whose outermost one is an executor's.

    An executor may do it below its own container, and nowhere else. `standalone`: the action for containers of no
    executor.
    """
    root = container_id
    while root.parent:
        root = root.parent
    if caller and caller.container_id:
        if caller.container_id != root.value:
            raise Refusal(403, "403 Forbidden.")
    elif found := agent.ledger.find_container(root.value):
        permit.require(action, [user_of(*found)])
    else:
        permit.require(standalone if standalone and not container_id.parent else action)


def check_launch(
    agent: Agent,
    permit: Permit,
    caller: Principal | None,
    container_id: ContainerID,
    command: CommandInfo | None,
    action: str,
) -> None:
    """The same for a container that does not exist yet. `action`: the beginning of its name."""
    below, as_user = f"{action}_under_parent_with_user", f"{action}_as_user"
    check_container(agent, permit, caller, container_id, below, "launch_standalone_containers")
    if command and command.user and not (caller and caller.container_id):
        permit.require(as_user, [command.user])


def _seen(frameworks: Iterable[FrameworkRecord], permit: Permit) -> Iterable[FrameworkRecord]:
    return (each for each in frameworks if permit.allows("view_frameworks", each.info.user))


def _visible(framework: FrameworkRecord, permit: Permit) -> FrameworkRecord:
    def seen(executor: ExecutorRecord) -> bool:
        return permit.allows("view_executors", user_of(framework, executor))

    shown = copy(framework)
    shown.executors = {
        key: _with_tasks(framework, each, permit) for key, each in framework.executors.items() if seen(each)
    }
    shown.completed = deque(_with_tasks(framework, each, permit) for each in framework.completed if seen(each))
    return shown


def _with_tasks(framework: FrameworkRecord, executor: ExecutorRecord, permit: Permit) -> ExecutorRecord:
    def seen(task: TaskRecord) -> bool:
        commands = (task.info.command, task.info.executor and task.info.executor.command)
        users = (command.user for command in commands if command and command.user)
        return permit.allows("view_tasks", next(users, None) or framework.info.user)

    shown = copy(executor)
    shown.queued = {key: task for key, task in executor.queued.items() if seen(task)}
    shown.launched = {key: task for key, task in executor.launched.items() if seen(task)}
    shown.terminated = {key: task for key, task in executor.terminated.items() if seen(task)}
    shown.completed = deque(task for task in executor.completed if seen(task))
    return shown
