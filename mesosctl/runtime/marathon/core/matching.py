"""Whether what is left of an offer suffices for one instance of an app, what it takes of it, or why it does not."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from random import Random
from typing import NamedTuple

from mesosctl.runtime.marathon.core.constraints import agent_of, fits
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.pool import Pool
from mesosctl.runtime.marathon.core.records import AgentRecord
from mesosctl.runtime.marathon.model import App, PortDefinition
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


class Match(NamedTuple):
    """`ports` has a host port for each of the app's ports, None for one without."""

    agent: AgentRecord
    resources: tuple[Resource, ...]
    ports: tuple[int | None, ...]
    left: Pool


class Place(NamedTuple):
    """An offer, and what tasks have left of it."""

    offer: Offer
    agent: AgentRecord
    pool: Pool

    @classmethod
    def of(cls, offer: Offer) -> Place:
        return cls(offer, agent_of(offer), Pool(offer.resources))


class Matcher:
    def __init__(self, options: Options, random: Random) -> None:
        self._options = options
        self._random = random
        self._roles = options.default_accepted_roles or (UNRESERVED, options.role)
        self.region: str | None = None
        """The master's. Elsewhere only those apps run that say so."""

    def match(self, app: App, place: Place, placed: Sequence[AgentRecord], now: float) -> Match | tuple[Reason, ...]:
        """`placed`: the agents of the app's other instances, one for each, for its constraints. Nothing is taken from
        `place`."""
        reasons = set()
        pool = place.pool.copy()
        roles = app.acceptedResourceRoles or self._roles
        if not pool.any(roles):
            reasons.add(Reason.ROLE)
        if not self._in_region(app, place.agent) or not fits(app.constraints, place.agent, placed):
            reasons.add(Reason.CONSTRAINT)
        if self._options.maintenance and _unavailable(place.offer, now):
            reasons.add(Reason.MAINTENANCE)
        if any(volume.persistent for volume in app.volumes):
            reasons.add(Reason.RESERVATION)  # nothing reserves for persistent volumes: do not run it without them
        if self._too_good(app, pool):
            reasons.add(Reason.SCARCE)
        taken: list[Resource] = []
        for name, amount, reason in (
            ("cpus", app.cpus, Reason.CPUS),
            ("mem", app.mem, Reason.MEMORY),
            ("disk", app.disk, Reason.DISK),
            ("gpus", app.gpus, Reason.GPUS),
        ):
            found = pool.scalar(name, amount, roles)
            if found is None:
                reasons.add(reason)
            else:
                taken += found
        asked = asked_ports(app)
        ports = pool.ports([port for port in asked if port is not None], roles, self._random)
        if ports is None:
            reasons.add(Reason.PORTS)
        if reasons or ports is None:
            return tuple(reason for reason in Reason if reason in reasons)
        numbers = iter(ports[0])
        return Match(
            agent=place.agent,
            resources=(*taken, *ports[1]),
            ports=tuple(None if port is None else next(numbers) for port in asked),
            left=pool,
        )

    def _in_region(self, app: App, agent: AgentRecord) -> bool:
        if self.region is None or agent.region in (None, self.region):
            return True
        return any(constraint.fieldName == "@region" for constraint in app.constraints)

    def _too_good(self, app: App, pool: Pool) -> bool:
        """An agent with GPUs, for an app that needs none."""
        behaviour = app.labels.get("GPU_SCHEDULING_BEHAVIOR", self._options.gpu_policy)
        return behaviour == "restricted" and not app.gpus and pool.has("gpus")


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
