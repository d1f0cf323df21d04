"""Offers: made of what the allocator gives, held by one framework each, and taken back.

What an offer holds counts as the framework's in the allocator until the offer is accepted, declined, rescinded or
timed out. Allocation runs every `allocation_interval` and, at the end of the current turn, after what may free or
fetch resources.
"""

from __future__ import annotations

from collections.abc import Iterable

from mesosctl.runtime.master.records import Agent, Capability, Framework, Offer
from mesosctl.runtime.master.state import State
from mesosctl.runtime.protocol import offers as wire
from mesosctl.runtime.protocol.basics import URL, Address, AgentID, ExecutorID, OfferID
from mesosctl.runtime.protocol.offers import Filters
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.scheduler import Call, Event


class Offers:
    def __init__(self, state: State) -> None:
        self._state = state
        self._wanted: set[str] | None = set()
        """Agents to allocate at the end of this turn; None for all."""
        self._scheduled: float | None = None
        """Since when an allocation is to come, at the end of this turn."""

    def start(self) -> None:
        """Allocate from now on, every `allocation_interval`."""
        self._state.clock.after(self._state.options.allocation.allocation_interval, self._tick)

    def allocate_soon(self, agent_id: str | None = None) -> None:
        """Allocate once what happens now is done with: one agent, or all."""
        if agent_id is None:
            self._wanted = None
        elif self._wanted is not None:
            self._wanted.add(agent_id)
        if self._scheduled is None:
            self._scheduled = self._state.clock.now()
            self._state.clock.after(0, self._allocate_wanted)

    def decline(self, framework: Framework, call: Call.Decline) -> None:
        """Ids that are no offers of the framework (any more) are passed over."""
        for offer_id in call.offer_ids:
            offer = framework.offers.get(offer_id.value)
            if offer is not None:
                self.give_back(offer, call.filters or Filters())

    def give_back(self, offer: Offer, filters: Filters | None = None) -> None:
        """The offer is no more, and what it held is free."""
        self.remove(offer)
        self._state.allocator.recover_resources(offer.framework_id, offer.agent_id, offer.resources, filters)

    def rescind(self, offer: Offer, *, recover: bool = True, filters: Filters | None = None) -> None:
        """Take an offer back. `recover=False`: its agent is not in the allocator any more."""
        if recover:
            self.give_back(offer, filters)
        else:
            self.remove(offer)
        event = Event.Rescind(offer_id=OfferID(offer.id))
        self._state.send(self._state.frameworks[offer.framework_id], Event(type=Event.Type.RESCIND, rescind=event))

    def rescind_all(self) -> None:
        """Take all offers back, so that what they hold is shared out anew."""
        for offer in [*self._state.offers.values()]:
            self.rescind(offer)

    def remove(self, offer: Offer) -> None:
        """The offer is no more; what it held stays the framework's."""
        if offer.timeout:
            offer.timeout.cancel()
        del self._state.offers[offer.id]
        del self._state.frameworks[offer.framework_id].offers[offer.id]
        del self._state.agents[offer.agent_id].offers[offer.id]

    def _tick(self) -> None:
        self.start()
        self._allocate(None)

    def _allocate_wanted(self) -> None:
        assert self._scheduled is not None
        self._state.timings.allocation_latency.add(self._state.clock.now() - self._scheduled)
        wanted, self._wanted, self._scheduled = self._wanted, set(), None
        self._allocate(wanted)

    def _allocate(self, agent_ids: Iterable[str] | None) -> None:
        made: dict[str, list[wire.Offer]] = {}
        began = self._state.clock.now()
        allocations = self._state.allocator.allocate(agent_ids)
        self._state.timings.allocation.add(self._state.clock.now() - began)
        for allocation in allocations:
            framework, agent = self._state.frameworks[allocation.framework_id], self._state.agents[allocation.agent_id]
            offer = Offer(self._state.new_offer_id(), framework.id, agent.id, allocation.role, allocation.resources)
            self._keep(offer, framework, agent)
            made.setdefault(framework.id, []).append(offer_message(offer, framework, agent))
        for framework_id, offers in made.items():
            event = Event(type=Event.Type.OFFERS, offers=Event.Offers(offers=tuple(offers)))
            self._state.send(self._state.frameworks[framework_id], event)

    def _keep(self, offer: Offer, framework: Framework, agent: Agent) -> None:
        self._state.offers[offer.id] = framework.offers[offer.id] = agent.offers[offer.id] = offer
        if self._state.options.offer_timeout is not None:
            offer.timeout = self._state.clock.after(self._state.options.offer_timeout, lambda: self.rescind(offer))


def offer_message(offer: Offer, framework: Framework, agent: Agent) -> wire.Offer:
    """The offer as the framework reads it: by its capabilities without allocations and refined reservations."""
    multi_role = framework.can(Capability.MULTI_ROLE)
    resources = offer.resources if multi_role else offer.resources.unallocated()
    return wire.Offer(
        id=OfferID(offer.id),
        framework_id=framework.framework_id,
        agent_id=AgentID(agent.id),
        hostname=agent.info.hostname,
        url=agent_url(agent),
        domain=agent.info.domain,
        resources=resources.messages(framework.form),
        attributes=agent.info.attributes,
        executor_ids=tuple(
            ExecutorID(executor_id) for framework_id, executor_id in agent.executors if framework_id == framework.id
        ),
        unavailability=agent.unavailability,
        allocation_info=Resource.AllocationInfo(role=offer.role) if multi_role else None,
    )


def agent_url(agent: Agent) -> URL:
    """Where schedulers reach the agent's API."""
    address = Address(hostname=agent.info.hostname, ip=agent.ip, port=agent.info.port)
    return URL(scheme="http", address=address, path="/slave(1)")
