"""Attributes, reservations and tasks as masters and agents show them: values that become JSON, and messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from mesosctl.runtime.protocol import tasks as wire
from mesosctl.runtime.protocol.basics import ExecutorID, FrameworkID
from mesosctl.runtime.protocol.resources import Attribute, Resource
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Resources, summary

Json = dict[str, Any]


def attributes_view(attributes: Iterable[Attribute]) -> dict[str, float | str]:
    """By name a number, or the value as it is written in the flag `attributes`."""
    return {attribute.name: _attribute_view(attribute) for attribute in attributes}


def _attribute_view(attribute: Attribute) -> float | str:
    if attribute.scalar:
        return attribute.scalar.value
    if attribute.ranges:
        return f"[{', '.join(f'{part.begin}-{part.end}' for part in attribute.ranges.range)}]"
    if attribute.set:
        return f"{{{', '.join(attribute.set.item)}}}"
    return attribute.text.value if attribute.text else ""


def reservations_view(resources: Resources) -> dict[str, Json]:
    """By role what is reserved to it."""
    return {role: summary(reserved) for role, reserved in resources.reservations().items()}


def role_of(resources: Iterable[Resource]) -> str:
    """The role that resources are allocated to."""
    for resource in resources:
        if resource.allocation_info and resource.allocation_info.role:
            return resource.allocation_info.role
    return "*"


def task_view(
    info: TaskInfo,
    framework_id: str,
    executor_id: str | None,
    state: TaskState,
    resources: Resources,
    statuses: Iterable[TaskStatus],
) -> Json:
    """`executor_id` is None for tasks of the command executor."""
    view: Json = {
        "id": info.task_id.value,
        "name": info.name,
        "framework_id": framework_id,
        "executor_id": executor_id or "",
        "slave_id": info.agent_id.value,
        "state": state,
        "resources": summary(resources),
        "role": role_of(info.resources),
        "statuses": [_status_view(status) for status in statuses],
    }
    if info.command and info.command.user:
        view["user"] = info.command.user
    if info.labels:
        view["labels"] = info.labels.labels
    if info.discovery:
        view["discovery"] = info.discovery
    if info.container:
        view["container"] = info.container
    if info.health_check:
        view["health_check"] = info.health_check
    return view


def _status_view(status: TaskStatus) -> Json:
    view: Json = {"state": status.state, "timestamp": status.timestamp}
    if status.labels:
        view["labels"] = status.labels.labels
    if container := status.container_status:
        view["container_status"] = (
            container if container.executor_pid is None else replace(container, executor_pid=None)
        )
    if status.healthy is not None:
        view["healthy"] = status.healthy
    return view


def task_message(
    info: TaskInfo,
    framework_id: FrameworkID,
    executor_id: ExecutorID | None,
    state: TaskState,
    resources: tuple[Resource, ...],
    statuses: Iterable[TaskStatus],
    told: TaskStatus | None,
) -> wire.Task:
    """A task in the operator API. `resources` in the refined form; `told` is the status that was sent on last."""
    return wire.Task(
        name=info.name,
        task_id=info.task_id,
        framework_id=framework_id,
        executor_id=executor_id,
        agent_id=info.agent_id,
        state=state,
        resources=resources,
        statuses=tuple(statuses),
        status_update_state=told.state if told else None,
        status_update_uuid=told.uuid if told else None,
        labels=info.labels,
        discovery=info.discovery,
        container=info.container,
        health_check=info.health_check,
        kill_policy=info.kill_policy,
        user=info.command.user if info.command else None,
        limits=info.limits,
    )
