"""From offers to launches: each offer is shown to the apps that wait in turn, one instance of each at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random

import msgspec

from mesosctl.runtime.clock import Clock, Timer
from mesosctl.runtime.marathon.core import reservations
from mesosctl.runtime.marathon.core.backoff import Backoff
from mesosctl.runtime.marathon.core.instances import Instances
from mesosctl.runtime.marathon.core.launches import launch, task_records
from mesosctl.runtime.marathon.core.matching import Match, Matcher, Place
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.outside import Outside
from mesosctl.runtime.marathon.core.queue import Queue
from mesosctl.runtime.marathon.core.records import Condition, Instance, QueueItem, Reservation
from mesosctl.runtime.marathon.model import RunSpec
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource

_replace = msgspec.structs.replace
_USED_REFUSE_SECONDS = 0.0
"""For what is left of an offer that was accepted: it may do for the next instance."""


class Launcher:
    """`definition` gives what an instance that waits is to run."""

    def __init__(
        self,
        options: Options,
        clock: Clock,
        outside: Outside,
        instances: Instances,
        definition: Callable[[Instance], RunSpec],
        random: Random,
    ) -> None:
        self._options = options
        self._clock = clock
        self._outside = outside
        self._instances = instances
        self._definition = definition
        self._random = random
        self.matcher = Matcher(options, random)
        self.backoff = Backoff()
        self._queue = Queue()
        self._first = 0
        """Which of the waiting apps has the next offer first."""
        self._suppressed = False
        self._revived = float("-inf")
        self._revival: Timer | None = None
        self._revives_at = 0.0
        self._connected = False
        self._unneeded: dict[str, Reservation] = {}
        """What is to be given up when it is offered, by its id."""
        self.framework_id = ""

    # What waits.

    def wanted(self, app: RunSpec) -> None:
        """One more instance of it waits: as soon as it may be launched, ask for the offers that were declined, too."""
        self._want(self.backoff.until(app))

    def unneeded(self, reservation: Reservation) -> None:
        """Nobody needs that any more."""
        self._unneeded[reservation.id] = reservation
        self._want(0)

    def _want(self, earliest: float) -> None:
        if not self._connected:
            return
        at = max(earliest, self._revived + self._options.revive_seconds)
        if self._revival and self._revives_at <= at:
            return
        self._stop_timer()
        if at <= self._clock.now():
            self._revive()
        else:
            self._revives_at = at
            self._revival = self._clock.after(at - self._clock.now(), self._revive)

    def connected(self) -> None:
        self._connected, self._suppressed, self._revived = True, False, float("-inf")
        self._want_all()

    def disconnected(self) -> None:
        self._connected = False
        self._stop_timer()

    def failed(self, app: RunSpec) -> None:
        """A task ended that was not meant to."""
        self.backoff.failed(app, self._clock.now())

    def reset(self, app_id: str) -> None:
        """Launch it without delay."""
        self.backoff.reset(app_id)
        if app_id in self._instances.waiting():
            self.wanted(self._next_app(app_id))

    def items(self) -> list[QueueItem]:
        waiting = self._instances.waiting()
        self._queue.keep_only(waiting)
        found = []
        for app_id in waiting:
            app = self._next_app(app_id)
            first = self._instances.next_waiting(app_id)
            assert first is not None
            attempt = self._queue.attempt(app_id, first.since)
            found.append(attempt.item(app, self._instances.count_waiting(app_id), self.backoff.until(app)))
        return found

    def _next_app(self, app_id: str) -> RunSpec:
        instance = self._instances.next_waiting(app_id)
        assert instance is not None
        return self._definition(instance)

    def _want_all(self) -> None:
        for app_id in self._instances.waiting():
            self.wanted(self._next_app(app_id))
        if self._unneeded:
            self._want(0)

    def _revive(self) -> None:
        self._revival = None
        self._revived = self._clock.now()
        self._suppressed = False
        self._outside.revive()
        later = [until for until in map(self._delay, self._instances.waiting()) if until > self._revived]
        if later:
            self._revives_at = min(later)
            self._revival = self._clock.after(self._revives_at - self._revived, self._revive)

    def _delay(self, app_id: str) -> float:
        return self.backoff.until(self._next_app(app_id))

    def _stop_timer(self) -> None:
        if self._revival:
            self._revival.cancel()
            self._revival = None

    # Offers.

    def offers(self, offers: Sequence[Offer]) -> None:
        unused = []
        for offer in offers:
            if not self._use(offer):
                unused.append(offer)
        if unused:
            self._outside.decline(unused, self._options.decline_seconds)
        waiting = self._instances.waiting()
        self._queue.keep_only(waiting)
        if not waiting and not self._unneeded and not self._suppressed:
            self._suppressed = True
            self._stop_timer()
            self._outside.suppress()

    def _use(self, offer: Offer) -> bool:
        now = self._clock.now()
        waiting = self._instances.waiting()
        self._first += 1
        turns = deque(waiting)
        turns.rotate(-self._first % len(waiting) if waiting else 0)
        place = Place.of(offer, self.framework_id)
        launched: list[Instance] = []
        operations = list(self._give_up(place))
        while turns and len(launched) < self._options.max_instances_per_offer:
            app_id = turns.popleft()
            instance = self._instances.next_waiting(app_id, place.reserved)
            if instance is None:
                continue
            app = self._definition(instance)
            if self.backoff.until(app) > now:
                continue
            attempt = self._queue.attempt(app_id, instance.since)
            placed = self._instances.agents(app_id) if app.constraints else ()
            match self.matcher.match(app, place, placed, now, instance.reservation):
                case Match() as found:
                    attempt.used(place.agent.id, now)
                    place = place._replace(pool=found.left)
                    if app.resident and not instance.reservation:
                        instance, found, making = self._reserve(instance, app, found)
                        operations += making
                    operations.append(launch(app, instance, found, self.framework_id, self._options))
                    launched.append(self._provision(instance, app, found))
                    turns.append(app_id)
                case reasons:
                    if not launched:  # else it is not this offer any more
                        attempt.unused(offer, reasons, now)
        if operations:
            # Stored before the master hears of them: else a leader who comes later would not know its tasks.
            self._instances.put_all(launched, lambda: self._outside.accept((offer,), operations, _USED_REFUSE_SECONDS))
        return bool(operations)

    def _give_up(self, place: Place) -> Iterator[Offer.Operation]:
        """What nobody needs any more. It may come in parts, the volumes with the last one."""
        for id, resources in place.reserved.items():
            if not self._instances.reserves(id):
                if id in self._unneeded and reservations.volumes_of(resources, self._unneeded[id]) is not None:
                    del self._unneeded[id]
                yield from reservations.give_up(resources)

    def _reserve(self, instance: Instance, app: RunSpec, match: Match) -> tuple[Instance, Match, list[Offer.Operation]]:
        """All that it takes, for this instance alone."""
        principal = self._options.principal or ""
        reservation = reservations.new(app, instance.task_id, self._random)

        def reserving(resources: Iterable[Resource]) -> list[Resource]:
            return reservations.reserving(resources, reservation.id, self.framework_id, self._options.role, principal)

        shares = tuple(share._replace(resources=tuple(reserving(share.resources))) for share in match.shares)
        volumes = tuple(
            reservations.volume(disk, record, principal)
            for disk, record in zip(reserving(match.volumes), reservation.volumes, strict=True)
        )
        match = match._replace(shares=shares, volumes=volumes)
        return _replace(instance, reservation=reservation), match, reservations.make(match.resources, volumes)

    def _provision(self, instance: Instance, app: RunSpec, match: Match) -> Instance:
        now = self._clock.now()
        tasks = task_records(app, instance, match, now)
        provisioned = _replace(
            instance,
            app=app,
            condition=Condition.PROVISIONED,
            since=now,
            agent=match.agent,
            task=tasks[0],
            others=tasks[1:],
        )
        self._instances.note(provisioned)
        return provisioned
