"""One cycle: what is free on some agents goes to frameworks.

First, agent by agent, to roles whose guarantee is not met; then all that is left to whoever's turn it is, as far as
limits allow and guarantees that are still to be met need it not. An agent's resources go to one framework as a whole
where possible. Filters, capabilities and minimal sizes are the framework's say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mesosctl.runtime.master.allocator.books import Books, is_open
from mesosctl.runtime.master.allocator.fairness import RoleTree
from mesosctl.runtime.master.allocator.options import Options
from mesosctl.runtime.master.allocator.records import Agent, Framework
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.resources import Quantities, Resources
from mesosctl.runtime.resources.amounts import Amount
from mesosctl.runtime.resources.kinds import Kind

_GPU = FrameworkInfo.Capability.Type.GPU_RESOURCES
_REGION = FrameworkInfo.Capability.Type.REGION_AWARE


class Turn(NamedTuple):
    """Someone whose turn it is, and what they may have of an agent at most."""

    role: str
    framework_id: str
    framework: Framework
    available: Resources


@dataclass
class Cycle:
    """`give` enters into all accounts that a framework holds something of an agent now."""

    options: Options
    now: float
    frameworks: Mapping[str, Framework]
    roles: RoleTree
    books: Books
    give: Callable[[Turn, Agent, Resources], None]

    def __post_init__(self) -> None:
        self._minimum = [Quantities.of(amounts) for amounts in self.options.min_allocatable]
        self._lent: dict[str, Resources] = {}
        """Shared volumes by agent: each is offered once a cycle."""

    def meet_guarantees(self, agent: Agent) -> None:
        """To roles with an unmet guarantee, if the agent helps to meet it."""
        for role in self.roles.order():
            for framework_id in self.roles.frameworks(role):
                missing = self.books.missing(role)
                if not missing or not agent.free:
                    break
                turn = self._turn(agent, role, framework_id)
                if turn is None:
                    continue
                limited = turn.available.filter(is_open)
                needed = _cut(limited, missing, others=False)
                if needed:
                    more = self._allowed(role, limited - needed, needed.quantities())
                    self._offer(turn, agent, turn.available - limited + needed + more)

    def share_out(self, agent: Agent) -> None:
        """All that is left, the neediest first."""
        for role in self.roles.order():
            if not agent.free:
                return
            for framework_id in self.roles.frameworks(role):
                turn = self._turn(agent, role, framework_id)
                if turn is not None:
                    limited = turn.available.filter(is_open)
                    allowed = self._allowed(role, limited, Quantities())
                    self._offer(turn, agent, turn.available - limited + allowed)

    def _turn(self, agent: Agent, role: str, framework_id: str) -> Turn | None:
        """None where the framework can have nothing of this agent, or does not want what there is."""
        framework = self.frameworks[framework_id]
        if framework.passes_over(role, agent, self.now):
            return None
        if agent.gpus and self.options.filter_gpu_resources and not framework.can(_GPU):
            return None
        if agent.remote(self.options.domain) and not framework.can(_REGION):
            return None
        if framework.excludes(role, agent):
            return None
        available = agent.free.filter(lambda kind: kind.allocatable_to(role) and framework.usable(kind))
        if lent := self._lent.get(agent.id):
            available -= lent
        if not available:
            return None
        if framework.refuses(role, agent.id, available, self.now):
            framework.pass_over(role, agent)
            return None
        return Turn(role, framework_id, framework, available)

    def _allowed(self, role: str, resources: Resources, besides: Quantities) -> Resources:
        """What of open resources a role may have, `besides` that which it gets anyway for its guarantee."""
        left = self.books.left(role)
        if left is not None:
            bounds = {name: amount - besides.get(name, 0) for name, amount in left.items()}
            resources = _cut(resources, bounds, others=True)
        surplus = self.books.surplus()
        if surplus is not None:
            resources = _cut(resources, surplus, others=False)
        return resources

    def _offer(self, turn: Turn, agent: Agent, resources: Resources) -> None:
        minimum = turn.framework.minimum(turn.role, self._minimum)
        if not resources or not _reaches(resources, minimum):
            return
        if resources != turn.available and turn.framework.refuses(turn.role, agent.id, resources, self.now):
            return  # it may refuse this part of what is available, though not all of it
        shared = resources.shared()
        if shared:
            self._lent[agent.id] = self._lent.get(agent.id, Resources()) + shared
        self.give(turn, agent, resources.allocated_to(turn.role))


def _reaches(resources: Resources, minimum: list[Quantities]) -> bool:
    if not minimum:
        return True
    quantities = resources.quantities()
    return any(quantities.contains(alternative) for alternative in minimum)


def _cut(scalars: Resources, bounds: Mapping[str, int], *, others: bool) -> Resources:
    """As much of each name as its bound (thousandths) allows, all or nothing of others. What is whole stays whole."""
    given = Quantities()

    def fit(kind: Kind, amount: Amount) -> Amount:
        size = kind.quantity(amount)
        if kind.name not in bounds:
            return amount if others else 0
        room = max(bounds[kind.name] - given.get(kind.name, 0), 0)
        if size > room and (kind.whole or kind.shared is not None):
            return 0
        given.add({kind.name: min(size, room)})
        return amount if size <= room else room

    return scalars.map(fit)
