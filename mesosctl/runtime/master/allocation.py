"""The resources of an operation, marked as allocated to the role of the offers that it uses.

Frameworks without MULTI_ROLE leave `allocation_info` out, the others may; a role that they name is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo

Owner = TypeVar("Owner", TaskInfo, ExecutorInfo)


def allocated(operation: Offer.Operation, role: str) -> Offer.Operation:
    """The operation with `allocation_info` in all its resources."""

    def all_of(resources: Iterable[Resource]) -> tuple[Resource, ...]:
        return tuple(_resource(each, role) for each in resources)

    if operation.launch:
        tasks = tuple(_task(task, role) for task in operation.launch.task_infos)
        return replace(operation, launch=replace(operation.launch, task_infos=tasks))
    if group := operation.launch_group:
        tasks = tuple(_task(task, role) for task in group.task_group.tasks)
        group = replace(group, executor=_owner(group.executor, role), task_group=replace(group.task_group, tasks=tasks))
        return replace(operation, launch_group=group)
    if reserve := operation.reserve:
        reserve = replace(reserve, source=all_of(reserve.source), resources=all_of(reserve.resources))
        return replace(operation, reserve=reserve)
    if unreserve := operation.unreserve:
        return replace(operation, unreserve=replace(unreserve, resources=all_of(unreserve.resources)))
    if create := operation.create:
        return replace(operation, create=replace(create, volumes=all_of(create.volumes)))
    if destroy := operation.destroy:
        return replace(operation, destroy=replace(destroy, volumes=all_of(destroy.volumes)))
    if grow := operation.grow_volume:
        grow = replace(grow, volume=_resource(grow.volume, role), addition=_resource(grow.addition, role))
        return replace(operation, grow_volume=grow)
    if shrink := operation.shrink_volume:
        return replace(operation, shrink_volume=replace(shrink, volume=_resource(shrink.volume, role)))
    return operation


def _task(task: TaskInfo, role: str) -> TaskInfo:
    if task.executor:
        task = replace(task, executor=_owner(task.executor, role))
    return _owner(task, role)


def _owner(owner: Owner, role: str) -> Owner:
    return replace(owner, resources=tuple(_resource(each, role) for each in owner.resources))


def _resource(resource: Resource, role: str) -> Resource:
    if resource.allocation_info and resource.allocation_info.role:
        return resource
    return replace(resource, allocation_info=Resource.AllocationInfo(role=role))
