"""What is kept on an agent for one instance: dynamic reservations and persistent volumes, with Marathon's labels.

The label `marathon_framework_id` says whose they are, `marathon_task_id` for whom: the id of the task that they were
made for, which later tasks of its instance go on using. What nobody of ours needs any more is destroyed and given back
as soon as it is offered. After Marathon's docs/persistent-volumes.md.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

import msgspec

from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.records import Reservation, VolumeRecord
from mesosctl.runtime.marathon.model import Group, PersistentVolume, Pod, RunSpec, Violation, run_specs
from mesosctl.runtime.protocol.basics import Label, Labels
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource, Volume
from mesosctl.runtime.resources.roles import UNRESERVED

_FRAMEWORK = "marathon_framework_id"
_TASK = "marathon_task_id"
_replace = msgspec.structs.replace
_Operation = Offer.Operation
Reserved = Mapping[str, tuple[Resource, ...]]
"""By the reservation's id."""


def persistent_volumes(spec: RunSpec) -> tuple[tuple[str, PersistentVolume], ...]:
    """With the path where each is seen: in the container, or, by its name, in the pod's sandbox."""
    if isinstance(spec, Pod):
        return tuple((volume.name, volume.persistent) for volume in spec.volumes if volume.persistent)
    return tuple((volume.containerPath, volume.persistent) for volume in spec.volumes if volume.persistent)


def unreservable(old: Group, new: Group, options: Options) -> Iterator[Violation]:
    """Of what is new in a tree: who has no role cannot reserve, and what nobody signs for anybody may destroy."""
    if options.role != UNRESERVED and options.principal is not None:
        return
    before = run_specs(old)
    for id, spec in run_specs(new).items():
        if spec.resident and spec is not before.get(id):
            path = "/volumes" if isinstance(spec, Pod) else "/container/volumes"
            needs = "--mesos_role (other than *) and --mesos_authentication_principal"
            yield Violation(path, f"{id} has persistent volumes: that needs a Marathon with {needs}")


def reserved(offer: Offer, framework_id: str) -> dict[str, tuple[Resource, ...]]:
    """What of an offer is reserved by this framework."""
    found: dict[str, tuple[Resource, ...]] = {}
    for resource in offer.resources:
        labels = _labels(resource)
        if _TASK in labels and labels.get(_FRAMEWORK) == framework_id:
            found[labels[_TASK]] = (*found.get(labels[_TASK], ()), resource)
    return found


def new(spec: RunSpec, task_id: str, random: Random) -> Reservation:
    """For the first task of an instance."""
    name = spec.id.strip("/").replace("/", "_")
    volumes = (
        VolumeRecord(path, f"{name}#{path}#{uuid.UUID(int=random.getrandbits(128), version=4)}")
        for path, _ in persistent_volumes(spec)
    )
    return Reservation(task_id, tuple(volumes))


def reserving(resources: Iterable[Resource], id: str, framework_id: str, role: str, principal: str) -> list[Resource]:
    """These resources, reserved."""
    labels = Labels((Label(_FRAMEWORK, framework_id), Label(_TASK, id)))
    info = Resource.ReservationInfo(principal=principal, labels=labels)
    return [_replace(each, role=role, reservation=info) for each in resources]


def volume(resource: Resource, record: VolumeRecord, principal: str) -> Resource:
    """The persistent volume on a reserved disk."""
    disk = Resource.DiskInfo(
        persistence=Resource.DiskInfo.Persistence(record.id, principal),
        volume=Volume(mode=Volume.Mode.RW, container_path=record.path),
        source=resource.disk.source if resource.disk else None,
    )
    return _replace(resource, disk=disk)


def volumes_of(resources: Iterable[Resource], reservation: Reservation) -> list[Resource] | None:
    """Its volumes among these resources, in its order; None where one is missing."""
    found = {id: each for each in resources if (id := _persistence(each))}
    if any(record.id not in found for record in reservation.volumes):
        return None
    return [found[record.id] for record in reservation.volumes]


def is_volume(resource: Resource) -> bool:
    return _persistence(resource) is not None


def make(plain: Sequence[Resource], volumes: Sequence[Resource]) -> list[Offer.Operation]:
    """The operations that reserve these resources and create these volumes. All are in their reserved form."""
    disks = [_without_volume(each) for each in volumes]
    operations = [
        _Operation(type=_Operation.Type.RESERVE, reserve=_Operation.Reserve(resources=(*plain, *disks))),
        _Operation(type=_Operation.Type.CREATE, create=_Operation.Create(tuple(volumes))),
    ]
    return operations if volumes else operations[:1]


def give_up(resources: Iterable[Resource]) -> Iterator[Offer.Operation]:
    """The operations that destroy what is in them and give them back."""
    everything = tuple(resources)
    if volumes := tuple(each for each in everything if is_volume(each)):
        yield _Operation(type=_Operation.Type.DESTROY, destroy=_Operation.Destroy(volumes))
    plain = tuple(map(_without_volume, everything))
    yield _Operation(type=_Operation.Type.UNRESERVE, unreserve=_Operation.Unreserve(plain))


def _without_volume(resource: Resource) -> Resource:
    if not is_volume(resource):
        return resource
    source = resource.disk.source if resource.disk else None
    return _replace(resource, disk=Resource.DiskInfo(source=source) if source else None)


def _persistence(resource: Resource) -> str | None:
    return resource.disk.persistence.id if resource.disk and resource.disk.persistence else None


def _labels(resource: Resource) -> dict[str, str]:
    info = resource.reservations[-1] if resource.reservations else resource.reservation
    labels = info.labels.labels if info and info.labels else ()
    return {label.key: label.value or "" for label in labels}
