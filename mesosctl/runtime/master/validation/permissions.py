"""What an operation on resources needs to be allowed, and whether it names its maker truly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mesosctl.runtime.authorization import Permit
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource

_Type = Offer.Operation.Type
_WORDS = {
    "reserve_resources": "reserve resources",
    "unreserve_resources": "unreserve resources",
    "create_volumes": "create persistent volumes",
    "destroy_volumes": "destroy persistent volumes",
    "resize_volumes": "resize a volume",
}


def needed(operation: Offer.Operation) -> Iterator[tuple[str, str]]:
    """Actions of access control lists, and what they are about."""
    match operation.type:
        case _Type.RESERVE if operation.reserve:
            for resource in operation.reserve.source:
                if resource.reservations or resource.reservation:
                    yield "unreserve_resources", _reserver(resource)
            for resource in operation.reserve.resources:
                yield "reserve_resources", _role(resource)
        case _Type.UNRESERVE if operation.unreserve:
            for resource in operation.unreserve.resources:
                yield "unreserve_resources", _reserver(resource)
        case _Type.CREATE if operation.create:
            for resource in operation.create.volumes:
                yield "create_volumes", _role(resource)
        case _Type.DESTROY if operation.destroy:
            for resource in operation.destroy.volumes:
                yield "destroy_volumes", _creator(resource)
        case _Type.GROW_VOLUME if operation.grow_volume:
            yield "resize_volumes", _role(operation.grow_volume.volume)
        case _Type.SHRINK_VOLUME if operation.shrink_volume:
            yield "resize_volumes", _role(operation.shrink_volume.volume)


def static_roles(resources: Iterable[Resource]) -> set[str]:
    """The roles that an agent reserves resources to by itself."""
    return {_role(resource) for resource in resources} - {"*"}


def problem_of_permission(operation: Offer.Operation, permit: Permit) -> str | None:
    """What a framework is told that may not do this."""
    for action, value in needed(operation):
        if not permit.allows(action, value):
            return f"Not authorized to {_WORDS[action]} as '{permit.principal or 'ANY'}'"
    return None


def problem_of_maker(operation: Offer.Operation, principal: str | None) -> str | None:
    """Whether new reservations and volumes name another maker than who asks for them. None: nobody in particular."""
    if principal is None:
        return None
    for resource in operation.reserve.resources if operation.reserve else ():
        if (named := _reserver(resource)) != principal:
            return (
                f"A reserve operation was attempted by principal '{principal}', but there is a reserved resource in the"
                f" request with principal '{named}' set in `ReservationInfo`"
            )
    for resource in operation.create.volumes if operation.create else ():
        if (named := _creator(resource)) != principal:
            return (
                f"Create volume operation has been attempted by principal '{principal}', but there is a volume in the"
                f" operation with principal '{named}' set in `DiskInfo`"
            )
    return None


def _role(resource: Resource) -> str:
    return (resource.reservations[-1].role if resource.reservations else resource.role) or "*"


def _reserver(resource: Resource) -> str:
    reservation = resource.reservations[-1] if resource.reservations else resource.reservation
    return (reservation.principal if reservation else None) or ""


def _creator(resource: Resource) -> str:
    persistence = resource.disk.persistence if resource.disk else None
    return (persistence.principal if persistence else None) or ""
