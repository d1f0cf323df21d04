"""Whether a framework may reserve what it was offered (an operator: what is free), or make or destroy volumes of it."""

from __future__ import annotations

from collections.abc import Iterable

from mesosctl.runtime.master.records import Agent, Capability, Framework
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource, Volume
from mesosctl.runtime.resources import Resources, ResourcesError
from mesosctl.runtime.resources.amounts import LARGEST, thousandths

_Type = Offer.Operation.Type
Problem = str | None


def problem_of_operation(operation: Offer.Operation, framework: Framework | None, agent: Agent) -> Problem:
    """What forbids RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME or SHRINK_VOLUME, or None.

    `framework`: None for an operator. The resources of frameworks carry their allocation already.
    """
    try:
        match operation.type:
            case _Type.RESERVE if operation.reserve:
                return _problem_of_reserve(operation.reserve, framework)
            case _Type.UNRESERVE if operation.unreserve:
                return _problem_of_unreserve(operation.unreserve)
            case _Type.CREATE if operation.create:
                return _problem_of_create(operation.create, framework, agent)
            case _Type.DESTROY if operation.destroy:
                return _problem_of_destroy(operation.destroy, agent)
            case _Type.GROW_VOLUME if operation.grow_volume:
                return _problem_of_grow(operation.grow_volume)
            case _Type.SHRINK_VOLUME if operation.shrink_volume:
                return _problem_of_shrink(operation.shrink_volume)
    except ResourcesError as error:
        return f"Invalid resources: Invalid resources: {error}"
    return None


def _problem_of_reserve(reserve: Offer.Operation.Reserve, framework: Framework | None) -> Problem:
    source, target = Resources.of(reserve.source), Resources.of(reserve.resources)
    if source and source.to_unreserved() != target.to_unreserved():
        return (
            "Source and target resources should refer to identical resource quantities:"
            f" {source.to_unreserved()} vs. {target.to_unreserved()}"
        )
    for one in _each(reserve.resources):
        if problem := _problem_unless_dynamic(one):
            return problem
        if framework is None:
            if one.allocations():
                return (
                    "A reserve operation was attempted with an allocated resource,"
                    " but the operator API only allows reservations to be made to unallocated resources"
                )
            continue
        (role,), (allocated,) = one.reservations(), one.allocations()
        if allocated != role:
            return (
                f"A reserve operation was attempted for a resource with role '{role}',"
                f" but the resource was allocated to role '{allocated}'"
            )
        if role not in framework.roles:
            return (
                f"A reserve operation was attempted for a resource allocated to role '{role}',"
                f" but the framework only has roles '{{ {', '.join(framework.roles)} }}'"
            )
    return None


def _problem_of_unreserve(unreserve: Offer.Operation.Unreserve) -> Problem:
    for one in _each(unreserve.resources):
        if problem := _problem_unless_dynamic(one):
            return problem
        if one.persistent_volumes():
            return (
                f"A dynamically reserved persistent volume {one} cannot be unreserved directly."
                " Please destroy the persistent volume first then unreserve the resource"
            )
    return None


def _problem_of_create(create: Offer.Operation.Create, framework: Framework | None, agent: Agent) -> Problem:
    if problem := _problem_of_volumes(create.volumes):
        return problem
    there = {_volume_key(each) for each in agent.checkpointed}
    for volume in create.volumes:
        if (key := _volume_key(volume)) in there:
            return f"Persistence ID '{key[1]}' is not unique"
        there.add(key)
        if volume.shared and framework and not framework.can(Capability.SHARED_RESOURCES):
            return (
                f"Create volume operation for '{Resources.of([volume])}' has been attempted by framework"
                f" '{framework.id}' with no SHARED_RESOURCES capability"
            )
    return None


def _problem_of_destroy(destroy: Offer.Operation.Destroy, agent: Agent) -> Problem:
    if problem := _problem_of_volumes(destroy.volumes):
        return problem
    for one in _each(destroy.volumes):
        if not agent.total.contains(one.unallocated()):
            return "Persistent volumes not found"
        if any(used.unallocated().contains(one.unallocated()) for used in agent.used.values()):
            return "Persistent volumes in use"
    return None


def _problem_of_grow(grow: Offer.Operation.GrowVolume) -> Problem:
    for name, resource in (("volume", grow.volume), ("addition", grow.addition)):
        try:
            Resources.of([resource])
        except ResourcesError as error:
            return f"Invalid resource in the 'GrowVolume.{name}' field: {error}"
    if not Resources.of([grow.addition]):
        return "The size of 'GrowVolume.addition' field must be greater than zero"
    if grow.volume.provider_id:
        return "Growing a volume from a resource provider is not supported"
    if problem := _problem_of_volumes([grow.volume]):
        return f"Invalid persistent volume in the 'GrowVolume.volume' field: {problem}"
    if grow.volume.shared:
        return "Growing a shared persistent volume is not supported"
    if len((Resources.of([grow.volume]).without_volumes() + Resources.of([grow.addition])).items()) != 1:
        return "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields"
    return None


def _problem_of_shrink(shrink: Offer.Operation.ShrinkVolume) -> Problem:
    try:
        volume = Resources.of([shrink.volume])
    except ResourcesError as error:
        return f"Invalid resource in the 'ShrinkVolume.volume' field: {error}"
    if not abs(shrink.subtract.value) < LARGEST:
        return "Invalid value of 'ShrinkVolume.subtract'"
    if thousandths(shrink.subtract.value) <= 0:
        return "Value of 'ShrinkVolume.subtract' must be greater than zero"
    if shrink.volume.scalar and shrink.volume.scalar.value <= shrink.subtract.value:
        return "Value of 'ShrinkVolume.subtract' must be smaller than volume's size"
    if shrink.volume.provider_id:
        return "Shrinking a volume from a resource provider is not supported"
    if problem := _problem_of_volumes([shrink.volume]):
        return f"Invalid persistent volume in the 'ShrinkVolume.volume' field: {problem}"
    if volume.shared():
        return "Shrinking a shared persistent volume is not supported"
    if shrink.volume.disk and shrink.volume.disk.source and shrink.volume.disk.source.mount:
        return "Shrinking a volume on a MOUNT disk is not supported"
    return None


def _problem_of_volumes(volumes: Iterable[Resource]) -> Problem:
    for volume in volumes:
        disk, text = volume.disk, Resources.of([volume])
        if disk is None:
            return f"Not a persistent volume: Resource {text} does not have DiskInfo"
        if disk.persistence is None:
            return "Not a persistent volume: 'persistence' is not set in DiskInfo"
        if disk.volume is None:
            return "Not a persistent volume: Expecting 'volume' to be set for persistent volume"
        if disk.volume.mode is Volume.Mode.RO:
            return "Not a persistent volume: Read-only persistent volume not supported"
        if disk.volume.host_path is not None:
            return "Expecting 'host_path' to be unset for persistent volume"
        if text.unreserved():
            return "Persistent volumes cannot be created from unreserved resources"
    return None


def _problem_unless_dynamic(one: Resources) -> Problem:
    return None if all(kind.dynamic for kind, _ in one.items()) else f"Resource {one} is not dynamically reserved"


def _each(resources: Iterable[Resource]) -> list[Resources]:
    return [Resources.of([resource]) for resource in resources]


def _volume_key(resource: Resource) -> tuple[str, str]:
    """The role and persistence id of a volume, which are unique on an agent."""
    role = next(iter(Resources.of([resource]).reservations()), "*")
    return role, resource.disk.persistence.id if resource.disk and resource.disk.persistence else ""
