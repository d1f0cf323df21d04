"""What RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME and SHRINK_VOLUME turn resources into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.resources.algebra import Resources
from mesosctl.runtime.resources.amounts import thousandths
from mesosctl.runtime.resources.errors import ResourcesError

_Type = Offer.Operation.Type


class Conversion(NamedTuple):
    """`consumed` becomes `converted`; nothing else changes."""

    consumed: Resources
    converted: Resources
    last_copy: bool = False
    """What is consumed must not be there a second time (a shared volume that is destroyed)."""

    def apply(self, resources: Resources) -> Resources:
        """Raises ResourcesError where what is consumed is not there."""
        if not resources.contains(self.consumed):
            raise ResourcesError(f"{resources} does not contain {self.consumed}")
        rest = resources - self.consumed
        if self.last_copy and rest.contains(self.consumed):
            raise ResourcesError(f"Persistent volume {self.consumed} cannot be removed due to additional shared copies")
        return rest + self.converted

    def allocated_to(self, role: str) -> Conversion:
        return self._replace(consumed=self.consumed.allocated_to(role), converted=self.converted.allocated_to(role))

    def unallocated(self) -> Conversion:
        return self._replace(consumed=self.consumed.unallocated(), converted=self.converted.unallocated())


def apply(resources: Resources, conversions: Iterable[Conversion]) -> Resources:
    """One after the other. Raises ResourcesError."""
    for conversion in conversions:
        resources = conversion.apply(resources)
    return resources


def with_checkpointed(resources: Iterable[Resource], checkpointed: Iterable[Resource]) -> Resources:
    """What an agent has, with its dynamic reservations and volumes. Raises ResourcesError where these do not fit."""
    total = Resources.of(resources)
    for resource in checkpointed:
        made = Resources.of([resource])
        base = made.without_volumes()
        while base.checkpointed():
            base = base.pop_reservation()
        total = Conversion(base, made).apply(total)
    return total


def conversions(operation: Offer.Operation) -> tuple[Conversion, ...]:
    """What an operation converts; nothing for LAUNCH and LAUNCH_GROUP.

    Raises ResourcesError where it is malformed or not one of these. Whether the framework may do it is not asked.
    """
    try:
        return tuple(_conversions(operation))
    except ResourcesError as error:
        raise ResourcesError(f"Invalid {operation.type} Operation: {error}") from None


def _conversions(operation: Offer.Operation) -> Iterator[Conversion]:
    match operation.type:
        case _Type.LAUNCH | _Type.LAUNCH_GROUP:
            pass
        case _Type.RESERVE if operation.reserve:
            if operation.reserve.source:
                yield Conversion(Resources.of(operation.reserve.source), Resources.of(operation.reserve.resources))
                return
            for reserved in _dynamic(operation.reserve.resources, "Resource must be reserved"):
                yield Conversion(reserved.pop_reservation(), reserved)
        case _Type.UNRESERVE if operation.unreserve:
            for reserved in _dynamic(operation.unreserve.resources, "Resource is not reserved"):
                yield Conversion(reserved, reserved.pop_reservation())
        case _Type.CREATE if operation.create:
            for volume in _volumes(operation.create.volumes):
                yield Conversion(volume.without_volumes(), volume)
        case _Type.DESTROY if operation.destroy:
            for volume in _volumes(operation.destroy.volumes):
                yield Conversion(volume, volume.without_volumes(), last_copy=bool(volume.shared()))
        case _Type.GROW_VOLUME if operation.grow_volume:
            grow = operation.grow_volume
            amount = _size(grow.volume) + _size(grow.addition)
            consumed = Resources.of((grow.volume, grow.addition))
            yield Conversion(consumed, Resources.of((_resized(grow.volume, amount),)))
        case _Type.SHRINK_VOLUME if operation.shrink_volume:
            shrink = operation.shrink_volume
            amount = _size(shrink.volume) - thousandths(shrink.subtract.value)
            consumed = Resources.of((shrink.volume,))
            freed = Resources.of((_resized(shrink.volume, thousandths(shrink.subtract.value)),)).without_volumes()
            yield Conversion(consumed, Resources.of((_resized(shrink.volume, amount),)) + freed)
        case _:
            raise ResourcesError("Operation not supported")


def _dynamic(resources: tuple[Resource, ...], unreserved: str) -> Iterator[Resources]:
    for resource in resources:
        reserved = Resources.of((resource,))
        if reserved.unreserved():
            raise ResourcesError(unreserved)
        if any(not kind.dynamic for kind, _ in reserved.items()):
            raise ResourcesError("Missing 'reservation'")
        yield reserved


def _volumes(resources: tuple[Resource, ...]) -> Iterator[Resources]:
    for resource in resources:
        if resource.disk is None:
            raise ResourcesError("Missing 'disk'")
        if resource.disk.persistence is None:
            raise ResourcesError("Missing 'persistence'")
        yield Resources.of((resource,))


def _size(resource: Resource) -> int:
    return thousandths(resource.scalar.value) if resource.scalar else 0


def _resized(volume: Resource, amount: int) -> Resource:
    return msgspec.structs.replace(volume, scalar=Value.Scalar(amount / 1000))
