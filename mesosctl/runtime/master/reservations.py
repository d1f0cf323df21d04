"""Reservations and persistent volumes: made and taken back on an agent, by operators or in an ACCEPT."""

from __future__ import annotations

from collections.abc import Iterable

from mesosctl.runtime import internal
from mesosctl.runtime.master.offers import Offers
from mesosctl.runtime.master.records import NOTHING, Agent
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.validation.operations import problem_of_operation
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.offers import Filters, Offer
from mesosctl.runtime.resources import Conversion, Form, Resources, ResourcesError, apply, conversions

_Type = Offer.Operation.Type
_WITHOUT_AGENT = frozenset({_Type.UNRESERVE, _Type.DESTROY})
"""Whose refusals do not name the agent."""


class Reservations:
    def __init__(self, state: State, offers: Offers) -> None:
        self._state = state
        self._offers = offers

    def perform(self, agent_id: str, operation: Offer.Operation) -> None:
        """An operator's RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME or SHRINK_VOLUME, on what is not used.

        Offers that hold what it needs are rescinded. Raises Refusal: 400, or 409 where it is used.
        """
        agent = self._state.agents.get(agent_id)
        if agent is None:
            raise Refusal(400, "No agent found with specified ID")
        if problem := problem_of_operation(operation, None, agent):
            where = "" if operation.type in _WITHOUT_AGENT else f" on agent {agent}"
            raise Refusal(400, f"Invalid {operation.type} operation{where}: {problem}")
        try:
            made = conversions(operation)
        except ResourcesError as error:
            raise Refusal(400, str(error)) from None
        self._free(agent, sum((each.consumed for each in made), NOTHING))
        try:
            self._state.allocator.update_available(agent.id, made)
        except ResourcesError as error:
            raise Refusal(409, str(error)) from None
        convert(self._state, agent, made)
        self._offers.allocate_soon(agent.id)

    def _free(self, agent: Agent, needed: Resources) -> None:
        """Rescind the offers of the agent that hold some of this; they do not come again at once."""
        for offer in [*agent.offers.values()]:
            left = needed - offer.resources.unallocated()
            if left != needed:
                needed = left
                self._offers.rescind(offer, filters=Filters())


def convert(state: State, agent: Agent, made: Iterable[Conversion]) -> None:
    """The agent has these conversions of its resources from now on, and keeps what they make.

    Raises ResourcesError, with nothing changed, where it does not have what they consume.
    """
    agent.total = apply(agent.total, (each.unallocated() for each in made))
    agent.checkpointed = agent.total.checkpointed().messages(Form.REFINED)
    state.tell(agent, internal.Checkpoint(agent.checkpointed))
