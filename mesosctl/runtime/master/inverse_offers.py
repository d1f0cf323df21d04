"""Inverse offers: schedulers are asked to give back what they hold of an agent that will be unavailable.

Each framework that holds something there is asked, once at a time; after its answer, or a timeout, it is asked again
when its filter is over. What it answers is only shown: nothing is taken from it.
"""

from __future__ import annotations

from collections.abc import Iterable

from mesosctl.runtime.master.offers import agent_url
from mesosctl.runtime.master.records import Agent, Framework, InverseOffer
from mesosctl.runtime.master.state import State
from mesosctl.runtime.protocol import offers as wire
from mesosctl.runtime.protocol.basics import AgentID, OfferID, TimeInfo, Unavailability
from mesosctl.runtime.protocol.maintenance import InverseOfferStatus
from mesosctl.runtime.protocol.offers import Filters
from mesosctl.runtime.protocol.scheduler import Event

_Status = InverseOfferStatus.Status
_Pair = tuple[str, str]
"""Framework and agent."""


class InverseOffers:
    def __init__(self, state: State) -> None:
        self._state = state
        self._answers: dict[_Pair, InverseOfferStatus] = {}
        self._filters: dict[_Pair, float] = {}
        """Until when not to ask again."""

    def start(self) -> None:
        """Ask from now on, every `allocation_interval`."""
        self._state.clock.after(self._state.options.allocation.allocation_interval, self._tick)

    def review(self) -> None:
        """Take back what does not hold any more, and ask whom it concerns."""
        for inverse in [*self._state.inverse_offers.values()]:
            if not self._holds(inverse):
                self._rescind(inverse)
        asked: dict[str, list[wire.InverseOffer]] = {}
        for agent in self._state.agents.values():
            if agent.unavailability is None:
                continue
            holders = dict.fromkeys([*agent.used, *(offer.framework_id for offer in agent.offers.values())])
            for framework in (self._state.frameworks[framework_id] for framework_id in holders):
                if self._may_ask(framework, agent):
                    asked.setdefault(framework.id, []).append(self._ask(framework, agent, agent.unavailability))
        for framework_id, inverses in asked.items():
            event = Event.InverseOffers(inverse_offers=tuple(inverses))
            framework = self._state.frameworks[framework_id]
            self._state.send(framework, Event(type=Event.Type.INVERSE_OFFERS, inverse_offers=event))

    def answer(self, framework: Framework, ids: Iterable[OfferID], filters: Filters | None, *, accept: bool) -> None:
        """Ids of none of the framework's (any more) are passed over."""
        named = {each.value for each in ids}
        now = self._state.clock.now()
        for pair, inverse in [*self._state.inverse_offers.items()]:
            if inverse.message.id.value not in named or inverse.framework_id != framework.id:
                continue
            del self._state.inverse_offers[pair]
            status = _Status.ACCEPT if accept else _Status.DECLINE
            self._answers[pair] = InverseOfferStatus(status, framework.framework_id, TimeInfo(int(now * 1e9)))
            seconds = (filters or Filters()).refuse_seconds
            self._filters[pair] = now + (seconds if seconds >= 0 else Filters().refuse_seconds)

    def statuses(self, agent_id: str) -> list[InverseOfferStatus]:
        """What frameworks answered last about an agent."""
        return [answer for pair, answer in self._answers.items() if pair[1] == agent_id]

    def _tick(self) -> None:
        self.start()
        self.review()
        self._forget()

    def _forget(self) -> None:
        """Answers and filters of what is not there any more."""
        for kept in (self._answers, self._filters):
            for framework_id, agent_id in [*kept]:
                agent = self._state.agents.get(agent_id)
                if agent is None or agent.unavailability is None or framework_id not in self._state.frameworks:
                    del kept[framework_id, agent_id]

    def _may_ask(self, framework: Framework, agent: Agent) -> bool:
        pair = framework.id, agent.id
        if not framework.connected or pair in self._state.inverse_offers:
            return False
        return self._filters.get(pair, 0.0) <= self._state.clock.now()

    def _ask(self, framework: Framework, agent: Agent, unavailability: Unavailability) -> wire.InverseOffer:
        message = wire.InverseOffer(
            id=OfferID(self._state.new_offer_id()),
            framework_id=framework.framework_id,
            unavailability=unavailability,
            url=agent_url(agent),
            agent_id=AgentID(agent.id),
        )
        inverse = InverseOffer(message, framework.id, agent.id, framework.stream, self._state.clock.now())
        self._state.inverse_offers[framework.id, agent.id] = inverse
        return message

    def _holds(self, inverse: InverseOffer) -> bool:
        agent = self._state.agents.get(inverse.agent_id)
        framework = self._state.frameworks.get(inverse.framework_id)
        timeout = self._state.options.offer_timeout
        return (
            agent is not None
            and agent.unavailability == inverse.message.unavailability
            and framework is not None
            and framework.stream == inverse.stream
            and (timeout is None or inverse.made + timeout > self._state.clock.now())
        )

    def _rescind(self, inverse: InverseOffer) -> None:
        """Whoever was asked is told, unless another scheduler has taken its place."""
        del self._state.inverse_offers[inverse.framework_id, inverse.agent_id]
        framework = self._state.frameworks.get(inverse.framework_id)
        if framework is not None and framework.stream == inverse.stream:
            event = Event.RescindInverseOffer(inverse_offer_id=inverse.message.id)
            self._state.send(framework, Event(type=Event.Type.RESCIND_INVERSE_OFFER, rescind_inverse_offer=event))
