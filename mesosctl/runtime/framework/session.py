"""What a scheduler remembers from one subscription to the next, and what it makes of events. Synchronous, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from mesosctl.runtime.clock import Clock, Timer
from mesosctl.runtime.framework.reconciliation import Asked, Reconciliation
from mesosctl.runtime.protocol.basics import AgentID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.scheduler import Call, Event, OfferConstraints

HEARTBEAT_SECONDS = 15.0
"""Of a master that has not said how often its heartbeats come."""
MISSED_HEARTBEATS = 3
"""So many intervals without any event, and the connection counts as lost."""


class Disconnected(msgspec.Struct, frozen=True):
    """The master is lost for now: offers are void, calls are not taken. A new `Event.Subscribed` will follow."""

    reason: str


Received = (
    Event.Subscribed
    | Event.Offers
    | Event.InverseOffers
    | Event.Rescind
    | Event.RescindInverseOffer
    | Event.Update
    | Event.UpdateOperationStatus
    | Event.Message
    | Event.Failure
    | Event.Error
    | Disconnected
)


class Outside(Protocol):
    """What a session acts on."""

    def send(self, call: Call) -> None:
        """Make a call that nobody waits for."""

    def reconnect(self, reason: str) -> None:
        """Give the connection up and subscribe anew."""


class Session:
    """`connecting`, `received` for every event, `disconnected`: in this order, again and again."""

    def __init__(self, info: FrameworkInfo, clock: Clock, outside: Outside) -> None:
        self.info = info
        self.subscribed = False
        self._clock = clock
        self._outside = outside
        self._suppressed: set[str] = set()
        self._offer_constraints: OfferConstraints | None = None
        self._heartbeat_seconds = HEARTBEAT_SECONDS
        self._watchdog: Timer | None = None
        self._reconciliation = Reconciliation(clock, self._reconcile)

    @property
    def framework_id(self) -> FrameworkID | None:
        """None before the master gave one."""
        return self.info.id

    @property
    def reconciling(self) -> frozenset[TaskID]:
        """The tasks that were asked for and of which nothing was heard since."""
        return self._reconciliation.tasks

    def connecting(self) -> Call:
        """A connection is begun: the call to subscribe with."""
        self._heartbeat_seconds = HEARTBEAT_SECONDS
        self._expect_event()
        subscribe = Call.Subscribe(self.info, tuple(sorted(self._suppressed)), self._offer_constraints)
        return Call(type=Call.Type.SUBSCRIBE, framework_id=self.info.id, subscribe=subscribe)

    def received(self, event: Event) -> Received | None:
        """An event of the master; gives what the framework should hear of it."""
        if event.subscribed:
            self.info = msgspec.structs.replace(self.info, id=event.subscribed.framework_id)
            self._heartbeat_seconds = event.subscribed.heartbeat_interval_seconds or HEARTBEAT_SECONDS
            self.subscribed = True
            self._reconciliation.connected()
        elif event.update:
            self._reconciliation.answered(event.update.status.task_id)
        self._expect_event()
        return (
            event.subscribed
            or event.offers
            or event.inverse_offers
            or event.rescind
            or event.rescind_inverse_offer
            or event.update
            or event.update_operation_status
            or event.message
            or event.failure
            or event.error
        )

    def disconnected(self) -> None:
        self.subscribed = False
        self._reconciliation.disconnected()
        if self._watchdog:
            self._watchdog.cancel()

    def called(self, call: Call) -> None:
        """A call was made, and perhaps lost: what it changes holds for the subscriptions to come, too."""
        match call.type:
            case Call.Type.SUPPRESS:
                self._suppressed.update((call.suppress and call.suppress.roles) or self._roles())
            case Call.Type.REVIVE:
                self._suppressed.difference_update((call.revive and call.revive.roles) or self._roles())
            case Call.Type.UPDATE_FRAMEWORK if call.update_framework:
                self.info = call.update_framework.framework_info
                self._suppressed = set(call.update_framework.suppressed_roles)
                self._offer_constraints = call.update_framework.offer_constraints
            case _:
                pass

    def reconcile(self, tasks: Iterable[tuple[TaskID, AgentID | None]]) -> None:
        """Ask for these tasks until there is news of each."""
        self._reconciliation.add(tasks)

    def _roles(self) -> tuple[str, ...]:
        return self.info.roles or (self.info.role or "*",)

    def _reconcile(self, tasks: tuple[Asked, ...]) -> None:
        self._outside.send(Call(type=Call.Type.RECONCILE, framework_id=self.info.id, reconcile=Call.Reconcile(tasks)))

    def _expect_event(self) -> None:
        if self._watchdog:
            self._watchdog.cancel()
        seconds = self._heartbeat_seconds * MISSED_HEARTBEATS
        self._watchdog = self._clock.after(
            seconds, lambda: self._outside.reconnect(f"The master was silent for {seconds:g} s")
        )
