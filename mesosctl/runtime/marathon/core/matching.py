"""Whether what is left of an offer suffices for one instance of an app, what it takes of it, or why it does not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from random import Random
from typing import NamedTuple

from mesosctl.runtime.marathon.core.constraints import agent_of, fits
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.pool import Pool
from mesosctl.runtime.marathon.core.records import AgentRecord, Reservation
from mesosctl.runtime.marathon.core.reservations import Reserved, persistent_volumes, reserved, volumes_of
from mesosctl.runtime.marathon.model import App, Pod, PodContainer, PortDefinition, RunSpec
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.resources.roles import UNRESERVED


class Reason(StrEnum):
    """Why an offer does not do, in the order of the queue's summary."""

    ROLE = "UnfulfilledRole"
    CONSTRAINT = "UnfulfilledConstraint"
    RESERVATION = "NoCorrespondingReservationFound"
    MAINTENANCE = "AgentMaintenance"
    CPUS = "InsufficientCpus"
    MEMORY = "InsufficientMemory"
    DISK = "InsufficientDisk"
    GPUS = "InsufficientGpus"
    PORTS = "InsufficientPorts"
    SCARCE = "DeclinedScarceResources"


class Share(NamedTuple):
    """What one container needs, or a pod's executor. `ports`: the host ports, 0 for any, None for none."""

    cpus: float
    mem: float
    disk: float
    gpus: int = 0
    ports: tuple[int | None, ...] = ()


class Taken(NamedTuple):
    """What it gets. `ports` has a host port for each of its ports, None for one without."""

    resources: tuple[Resource, ...]
    ports: tuple[int | None, ...]


class Match(NamedTuple):
    """`shares`: in the order of `shares_of`. `volumes`: the disks of persistent volumes, in the definition's order;
    where they are reserved already, the volumes."""

    agent: AgentRecord
    shares: tuple[Taken, ...]
    volumes: tuple[Resource, ...]
    left: Pool

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Of all shares."""
        return tuple(resource for share in self.shares for resource in share.resources)

    @property
    def ports(self) -> tuple[int | None, ...]:
        """Of the only share of an app."""
        return self.shares[0].ports


class Place(NamedTuple):
    """An offer, and what tasks have left of it."""

    offer: Offer
    agent: AgentRecord
    pool: Pool
    reserved: Reserved

    @classmethod
    def of(cls, offer: Offer, framework_id: str = "") -> Place:
        return cls(offer, agent_of(offer), Pool(offer.resources), reserved(offer, framework_id))


class Matcher:
    def __init__(self, options: Options, random: Random) -> None:
        self._options = options
        self._random = random
        self._roles = options.default_accepted_roles or (UNRESERVED, options.role)
        self.region: str | None = None
        """The master's. Elsewhere only those apps run that say so."""

    def match(
        self,
        app: RunSpec,
        place: Place,
        placed: Sequence[AgentRecord],
        now: float,
        reservation: Reservation | None = None,
    ) -> Match | tuple[Reason, ...]:
        """`placed`: the agents of the app's other instances, one for each. `reservation`: the instance runs on what
        that keeps for it, wherever it is. Nothing is taken from `place`."""
        if reservation:
            return self._match_reserved(app, place, now, reservation)
        reasons = set()
        pool = place.pool.copy()
        roles = (UNRESERVED,) if app.resident else app.acceptedResourceRoles or self._roles
        if not pool.any(roles):
            reasons.add(Reason.ROLE)
        if not self._in_region(app, place.agent) or not fits(app.constraints, place.agent, placed):
            reasons.add(Reason.CONSTRAINT)
        if self._options.maintenance and _unavailable(place.offer, now):
            reasons.add(Reason.MAINTENANCE)
        if self._too_good(app, pool):
            reasons.add(Reason.SCARCE)
        volumes = [pool.disk(wanted, roles) for _, wanted in persistent_volumes(app)]
        if None in volumes:
            reasons.add(Reason.DISK)
        shares = self._take(app, pool, roles, reasons)
        if reasons:
            return _ordered(reasons)
        return Match(place.agent, shares, tuple(filter(None, volumes)), pool)

    def _match_reserved(
        self, app: RunSpec, place: Place, now: float, reservation: Reservation
    ) -> Match | tuple[Reason, ...]:
        resources = place.reserved.get(reservation.id, ())
        volumes = volumes_of(resources, reservation)
        reasons = set()
        if volumes is None or not resources:
            reasons.add(Reason.RESERVATION)
        if self._options.maintenance and _unavailable(place.offer, now):
            reasons.add(Reason.MAINTENANCE)
        shares = self._take(app, Pool(resources, reserved=True), (self._options.role,), reasons)
        if reasons or volumes is None:
            return _ordered(reasons)
        return Match(place.agent, shares, tuple(volumes), place.pool)

    def _take(self, app: RunSpec, pool: Pool, roles: Collection[str], reasons: set[Reason]) -> tuple[Taken, ...]:
        """What each share gets, and to `reasons` what is missing."""
        wanted = shares_of(app)
        ports = pool.ports([port for share in wanted for port in share.ports if port is not None], roles, self._random)
        if ports is None:
            reasons.add(Reason.PORTS)
        numbers = iter(ports[0] if ports else ())
        parts = Pool(ports[1] if ports else (), reserved=pool.reserved)
        shares = []
        for share in wanted:
            taken: list[Resource] = []
            for name, amount, reason in (
                ("cpus", share.cpus, Reason.CPUS),
                ("mem", share.mem, Reason.MEMORY),
                ("disk", share.disk, Reason.DISK),
                ("gpus", share.gpus, Reason.GPUS),
            ):
                found = pool.scalar(name, amount, roles)
                if found is None:
                    reasons.add(reason)
                taken += found or ()
            given = tuple(None if port is None else next(numbers, None) for port in share.ports)
            own = parts.ports([port for port in given if port is not None], roles, self._random)
            shares.append(Taken((*taken, *(own[1] if own else ())), given))
        return tuple(shares)

    def _in_region(self, app: RunSpec, agent: AgentRecord) -> bool:
        if self.region is None or agent.region in (None, self.region):
            return True
        return any(constraint.fieldName == "@region" for constraint in app.constraints)

    def _too_good(self, app: RunSpec, pool: Pool) -> bool:
        """An agent with GPUs, for an app that needs none."""
        behaviour = app.labels.get("GPU_SCHEDULING_BEHAVIOR", self._options.gpu_policy)
        return behaviour == "restricted" and not app.gpus and pool.has("gpus")


def shares_of(spec: RunSpec) -> tuple[Share, ...]:
    """What an instance needs: an app one share; a pod one for its executor and one for each of its containers."""
    if not isinstance(spec, Pod):
        return (Share(spec.cpus, spec.mem, spec.disk, spec.gpus, asked_ports(spec)),)
    own = spec.executorResources
    containers = (
        Share(each.resources.cpus, each.resources.mem, each.resources.disk, each.resources.gpus, _host_ports(each))
        for each in spec.containers
    )
    return (Share(own.cpus, own.mem, own.disk), *containers)


def _host_ports(container: PodContainer) -> tuple[int | None, ...]:
    return tuple(endpoint.hostPort for endpoint in container.endpoints)


def _ordered(reasons: Collection[Reason]) -> tuple[Reason, ...]:
    return tuple(reason for reason in Reason if reason in reasons)


def asked_ports(app: App) -> tuple[int | None, ...]:
    """The host ports that an instance needs: 0 for any, None for none."""
    return tuple(
        (port.port if app.requirePorts else 0) if isinstance(port, PortDefinition) else port.hostPort
        for port in app.ports
    )


def _unavailable(offer: Offer, now: float) -> bool:
    """The agent is being maintained now."""
    if offer.unavailability is None:
        return False
    start = offer.unavailability.start.nanoseconds / 1e9
    duration = offer.unavailability.duration
    return start <= now and (duration is None or now < start + duration.nanoseconds / 1e9)
