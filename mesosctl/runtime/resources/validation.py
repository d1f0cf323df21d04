"""Is this a resource at all: the checks of Mesos, in its order and words."""

from __future__ import annotations

import itertools

from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.resources.amounts import LARGEST, thousandths
from mesosctl.runtime.resources.errors import ResourcesError
from mesosctl.runtime.resources.kinds import Disk, Reservation, labels_text, source_text
from mesosctl.runtime.resources.roles import UNRESERVED, check_role, is_below

_TYPES = Reservation.Type


def check(resource: Resource) -> None:
    """Raises ResourcesError."""
    if not resource.name:
        raise ResourcesError("Empty resource name")
    _check_value(resource)
    if resource.disk is not None:
        _check_disk(resource.name, resource.disk)
    if resource.reservations:
        _check_stack(resource.reservations)
        _check_both_forms(resource)
    else:
        _check_simple(resource)
    if resource.shared is not None:
        if resource.name != "disk":
            raise ResourcesError(f"Resource {resource.name} cannot be shared")
        if resource.disk is None or resource.disk.persistence is None:
            raise ResourcesError("Only persistent volumes can be shared")


def _check_value(resource: Resource) -> None:
    values = {
        Value.Type.SCALAR: resource.scalar,
        Value.Type.RANGES: resource.ranges,
        Value.Type.SET: resource.set,
    }
    if resource.type not in values:
        raise ResourcesError("Unsupported resource type")
    if [kind for kind, value in values.items() if value is not None] != [resource.type]:
        raise ResourcesError(f"Invalid {resource.type.lower()} resource")
    if resource.scalar is not None:
        value = resource.scalar.value
        if not abs(value) < LARGEST:
            raise ResourcesError("Invalid scalar resource")
        if value != 0 and thousandths(value) <= 0:
            raise ResourcesError("Invalid scalar resource: value <= 0")
    elif resource.ranges is not None:
        _check_ranges(resource.ranges)
    elif resource.set is not None and len(set(resource.set.item)) < len(resource.set.item):
        raise ResourcesError("Invalid set resource: duplicated elements")


def _check_ranges(ranges: Value.Ranges) -> None:
    if any(part.begin > part.end for part in ranges.range):
        raise ResourcesError("Invalid ranges resource: begin > end")
    bounds = sorted((part.begin, part.end) for part in ranges.range)
    if any(later[0] <= earlier[1] for earlier, later in itertools.pairwise(bounds)):
        raise ResourcesError("Invalid ranges resource: overlapping ranges")


def _check_disk(name: str, disk: Disk) -> None:
    if name != "disk":
        raise ResourcesError(f"DiskInfo should not be set for {name} resource")
    if disk.volume is not None and disk.volume.source is not None:
        raise ResourcesError("Expecting 'source' to be unset for the volume of a disk")
    source = disk.source
    if source is None:
        return
    if source.type is Disk.Source.Type.UNKNOWN:
        raise ResourcesError(f"Unsupported 'DiskInfo.Source.Type' in '{source_text(source)}'")
    if source.type in (Disk.Source.Type.BLOCK, Disk.Source.Type.RAW):
        if source.mount is not None:
            raise ResourcesError(f"Mount should not be set for {source.type} disk source")
        if source.path is not None:
            raise ResourcesError(f"Path should not be set for {source.type} disk source")


def _check_simple(resource: Resource) -> None:
    """The form with `role` and `reservation`."""
    role = UNRESERVED if resource.role is None else resource.role
    check_role(role)
    reservation = resource.reservation
    if reservation is None:
        return
    for name, value in (("type", reservation.type), ("role", reservation.role)):
        if value is not None:
            raise ResourcesError(
                f"'Resource.ReservationInfo.{name}' must not be set for the 'Resource.reservation' field"
            )
    if role == UNRESERVED:
        raise ResourcesError('Invalid reservation: role "*" cannot be dynamically reserved')


def _check_stack(stack: tuple[Reservation, ...]) -> None:
    for reservation in stack:
        if reservation.type is None:
            raise ResourcesError("Invalid reservation: 'Resource.ReservationInfo.type' field must be set.")
        if reservation.role is None:
            raise ResourcesError("Invalid reservation: 'Resource.ReservationInfo.role' field must be set.")
        check_role(reservation.role)
        if reservation.role == UNRESERVED:
            raise ResourcesError('Invalid reservation: role "*" cannot be reserved')
    for above, below in itertools.pairwise(stack):
        if below.type is _TYPES.STATIC:
            raise ResourcesError("Invalid refined reservation: A refined reservation cannot be STATIC")
        if not is_below(below.role or "", above.role or ""):
            raise ResourcesError(
                f"Invalid refined reservation: role '{below.role}' is not a refinement of '{above.role}'"
            )
    if any(reservation.type is _TYPES.UNKNOWN for reservation in stack):
        raise ResourcesError("Unsupported 'Resource.ReservationInfo.Type'")


def _check_both_forms(resource: Resource) -> None:
    """With `reservations` set, `role` and `reservation` may only say the same."""
    stack, role, reservation = resource.reservations, resource.role, resource.reservation
    if len(stack) > 1:
        for name, value in (("role", role), ("reservation", reservation)):
            if value is not None:
                raise ResourcesError(
                    f"Invalid resource format: 'Resource.{name}' must not be set if"
                    " there is more than one reservation in 'Resource.reservations'"
                )
        return
    only = stack[0]
    if role is not None and role != only.role:
        raise ResourcesError(
            f"Invalid resource format: 'Resource.role' field with '{role}' does not match the role"
            f" '{only.role}' in 'Resource.reservations'"
        )
    if only.type is _TYPES.STATIC:
        if reservation is not None:
            raise ResourcesError(
                "Invalid resource format: 'Resource.reservation' must not be set if the single reservation in"
                " 'Resource.reservations' is STATIC"
            )
        return
    if (role is None) != (reservation is None):
        raise ResourcesError(
            "Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or both"
            " not set if the single reservation in 'Resource.reservations' is DYNAMIC"
        )
    if reservation is None:
        return
    if (reservation.principal or "") != (only.principal or ""):
        raise ResourcesError(
            f"Invalid resource format: 'Resource.reservation.principal' field with '{reservation.principal or ''}'"
            f" does not match the principal '{only.principal or ''}' in 'Resource.reservations'"
        )
    mine, theirs = (labels_text(x.labels) if x.labels else "{}" for x in (reservation, only))
    if mine != theirs:
        raise ResourcesError(
            f"Invalid resource format: 'Resource.reservation.labels' field with '{mine}' does not match the labels"
            f" '{theirs}' in 'Resource.reservations'"
        )
