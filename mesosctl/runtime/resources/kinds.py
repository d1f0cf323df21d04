"""What sort of resource: all that must agree for two resources to be added, and the forms it is written in."""

from __future__ import annotations

from enum import Enum, auto
from functools import lru_cache

import msgspec

from mesosctl.runtime.protocol.basics import Labels, ResourceProviderID
from mesosctl.runtime.protocol.resources import Resource, Value, Volume
from mesosctl.runtime.resources.amounts import Amount, Items, Ranges, scalar_text, thousandths
from mesosctl.runtime.resources.errors import ResourcesError
from mesosctl.runtime.resources.roles import UNRESERVED, is_below

Disk = Resource.DiskInfo
Reservation = Resource.ReservationInfo
_DYNAMIC, _STATIC = Reservation.Type.DYNAMIC, Reservation.Type.STATIC


class Form(Enum):
    """How a reservation is written in a message."""

    REFINED = auto()
    """The stack in `reservations`. For frameworks with RESERVATION_REFINEMENT, and among master and agents."""
    SIMPLE = auto()
    """`role` and `reservation`, which cannot express several levels. For other frameworks."""
    ENDPOINT = auto()
    """Both, as far as possible. In the operator API and the older endpoints."""


class Kind(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """The identity of a resource. Hashed often, so it remembers its hash."""

    name: str
    type: Value.Type
    allocated: str | None = None
    """The role it is allocated to."""
    reservations: tuple[Reservation, ...] = ()
    disk: Disk | None = None
    revocable: bool = False
    shared: int | None = None
    """Set for a shared volume: its size in thousandths. The amount counts its copies instead."""
    provider: str | None = None

    @property
    def role(self) -> str | None:
        """The role it is reserved to."""
        return self.reservations[-1].role if self.reservations else None

    @property
    def dynamic(self) -> bool:
        return bool(self.reservations) and self.reservations[-1].type is _DYNAMIC

    @property
    def volume(self) -> bool:
        """A persistent one."""
        return self.disk is not None and self.disk.persistence is not None

    @property
    def whole(self) -> bool:
        """Cannot be split: persistent volumes, mounts, block devices and raw disks with an id."""
        if self.disk is None or self.shared is not None:
            return False
        if self.disk.persistence is not None:
            return True
        source = self.disk.source
        return source is not None and (
            source.type in (Disk.Source.Type.MOUNT, Disk.Source.Type.BLOCK)
            or (source.type is Disk.Source.Type.RAW and source.id is not None)
        )

    @property
    def scalar(self) -> bool:
        return self.type is Value.Type.SCALAR

    def allocatable_to(self, role: str) -> bool:
        """Unreserved, or reserved to that role or one above it."""
        mine = self.role
        return mine is None or mine == role or is_below(role, mine)

    def quantity(self, amount: Amount) -> int:
        """Thousandths of a scalar, copies of a shared volume counted once; 0 for others."""
        if self.shared is not None:
            return self.shared
        return amount if isinstance(amount, int) else 0


@lru_cache(maxsize=65536)
def allocated_to(kind: Kind, role: str | None) -> Kind:
    return msgspec.structs.replace(kind, allocated=role)


def reserved_as(kind: Kind, reservations: tuple[Reservation, ...]) -> Kind:
    return msgspec.structs.replace(kind, reservations=reservations)


def without_volume(kind: Kind) -> Kind:
    """The disk space that a persistent volume was made of."""
    assert kind.disk is not None
    disk = msgspec.structs.replace(kind.disk, persistence=None, volume=None) if kind.disk.source else None
    return msgspec.structs.replace(kind, disk=disk, shared=None)


def split(resource: Resource) -> tuple[Kind, Amount]:
    """A valid resource, in any form, as kind and amount."""
    amount: Amount
    shared = None
    if resource.scalar is not None:
        amount = thousandths(resource.scalar.value)
        if resource.shared is not None:
            shared, amount = amount, 1
    elif resource.ranges is not None:
        amount = Ranges.of((part.begin, part.end) for part in resource.ranges.range)
    else:
        amount = Items(resource.set.item if resource.set else ())
    return Kind(
        name=resource.name,
        type=resource.type,
        allocated=resource.allocation_info.role if resource.allocation_info else None,
        reservations=_stack(resource),
        disk=resource.disk,
        revocable=resource.revocable is not None,
        shared=shared,
        provider=resource.provider_id.value if resource.provider_id else None,
    ), amount


def _stack(resource: Resource) -> tuple[Reservation, ...]:
    if resource.reservations or resource.role in (None, UNRESERVED):
        return resource.reservations
    if resource.reservation is None:
        return (Reservation(type=_STATIC, role=resource.role),)
    return (msgspec.structs.replace(resource.reservation, type=_DYNAMIC, role=resource.role),)


def message(kind: Kind, amount: Amount, form: Form) -> Resource:
    """Raises ResourcesError where the form cannot express the reservation."""
    role: str | None = None
    reservation: Reservation | None = None
    reservations = kind.reservations
    if form is not Form.REFINED and len(reservations) < 2:
        role = kind.role or UNRESERVED
        if kind.dynamic:
            reservation = Reservation(principal=reservations[0].principal, labels=reservations[0].labels)
    if form is Form.SIMPLE:
        if len(reservations) > 1:
            raise ResourcesError("Invalid resource format conversion: the resource has refined reservations")
        reservations = ()
    scalar = kind.shared if kind.shared is not None else amount
    return Resource(
        name=kind.name,
        type=kind.type,
        provider_id=ResourceProviderID(kind.provider) if kind.provider is not None else None,
        scalar=Value.Scalar(scalar / 1000) if isinstance(scalar, int) else None,
        ranges=Value.Ranges(tuple(Value.Range(*bounds) for bounds in amount.bounds))
        if isinstance(amount, Ranges)
        else None,
        set=Value.Set(amount.names) if isinstance(amount, Items) else None,
        role=role,
        allocation_info=Resource.AllocationInfo(kind.allocated) if kind.allocated is not None else None,
        reservation=reservation,
        reservations=reservations,
        disk=kind.disk,
        revocable=Resource.RevocableInfo() if kind.revocable else None,
        shared=Resource.SharedInfo() if kind.shared is not None else None,
    )


def text(kind: Kind, amount: Amount) -> str:
    """As Mesos writes it in messages: `disk(allocated: r)(reservations: [(STATIC,r)])[id:path]:100`."""
    parts = [kind.name]
    if kind.allocated is not None:
        parts.append(f"(allocated: {kind.allocated})")
    if kind.reservations:
        parts.append(f"(reservations: [{','.join(f'({_reservation_text(r)})' for r in kind.reservations)}])")
    if kind.disk:
        parts.append(f"[{_disk_text(kind.disk)}]")
    parts.append("{REV}" if kind.revocable else "")
    if kind.shared is not None:
        return "".join([*parts, f"<SHARED>:{scalar_text(kind.shared)}<{amount}>"])
    return "".join([*parts, ":", scalar_text(amount) if isinstance(amount, int) else str(amount)])


def _reservation_text(reservation: Reservation) -> str:
    parts = [str(reservation.type), reservation.role or ""]
    if reservation.principal is not None:
        parts.append(reservation.principal)
    if reservation.labels is not None:
        parts.append(labels_text(reservation.labels))
    return ",".join(parts)


def labels_text(labels: Labels) -> str:
    return "{" + ", ".join(f"{x.key}: {x.value}" if x.value is not None else x.key for x in labels.labels) + "}"


def _disk_text(disk: Disk) -> str:
    persistence = disk.persistence.id if disk.persistence else None
    parts = ",".join(part for part in (source_text(disk.source) if disk.source else None, persistence) if part)
    return f"{parts}:{_volume_text(disk.volume)}" if disk.volume else parts


def source_text(source: Disk.Source) -> str:
    if source.id is not None or source.profile is not None:
        return f"{source.type}({source.vendor or ''},{source.id or ''},{source.profile or ''})"
    place = source.mount or source.path
    return f"{source.type}:{place.root}" if place and place.root is not None else str(source.type)


def _volume_text(volume: Volume) -> str:
    if volume.host_path is None:
        return volume.container_path
    return f"{volume.host_path}:{volume.container_path}:{volume.mode.lower()}"
