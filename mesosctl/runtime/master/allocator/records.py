"""What the allocator keeps of each framework and agent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from mesosctl.runtime.master.allocator.constraints import Constraints, excludes
from mesosctl.runtime.protocol.basics import DomainInfo
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.resources import Quantities, Resources
from mesosctl.runtime.resources.kinds import Kind
from mesosctl.runtime.resources.roles import UNRESERVED

_Capability = FrameworkInfo.Capability.Type


class Filter(NamedTuple):
    """Until then (seconds since the epoch) these resources, or a part of them, are not wanted."""

    until: float
    resources: Resources


class _Refusals:
    """What a framework does not want of an agent in a role."""

    __slots__ = ("filters", "seen", "seen_until")

    def __init__(self) -> None:
        self.filters: list[Filter] = []
        self.seen: Resources | None = None
        """What was free there when all of it was refused last: the very object, which is never changed."""
        self.seen_until = 0.0


class Framework:
    def __init__(self, info: FrameworkInfo, suppressed: Iterable[str], constraints: Constraints, active: bool) -> None:
        self.active = active
        self.suppressed: set[str] = set()
        self.agents: set[str] = set()
        """On which it holds something."""
        self._refusals: dict[str, dict[str, _Refusals]] = {}
        """By role and agent."""
        self.update(info, suppressed, constraints)

    def update(self, info: FrameworkInfo, suppressed: Iterable[str], constraints: Constraints) -> None:
        self._constraints = constraints
        self._excluded: dict[tuple[str, str], tuple[AgentInfo, bool]] = {}
        """What came of the constraints, by role and agent."""
        self._capabilities = {capability.type for capability in info.capabilities}
        if _Capability.MULTI_ROLE in self._capabilities:
            self.roles = frozenset(info.roles)
        else:
            self.roles = frozenset((info.role or UNRESERVED,))
        self._minimum = {
            role: [Quantities.of_scalars(alternative.quantities) for alternative in minimum.quantities]
            for role, filters in info.offer_filters.items()
            if (minimum := filters.min_allocatable_resources) is not None
        }
        before, self.suppressed = self.suppressed, set(suppressed) & self.roles
        self.want_all((self._refusals.keys() - self.roles) | (before - self.suppressed))
        for agents in self._refusals.values():
            for refusals in agents.values():
                refusals.seen = None

    def named(self, roles: Iterable[str]) -> frozenset[str]:
        """Those of its roles that are named, all where none is."""
        named = frozenset(roles)
        return self.roles & named if named else self.roles

    def can(self, capability: FrameworkInfo.Capability.Type) -> bool:
        return capability in self._capabilities

    def usable(self, kind: Kind) -> bool:
        """Whether its capabilities allow to offer it such a resource."""
        return (
            (not kind.revocable or self.can(_Capability.REVOCABLE_RESOURCES))
            and (len(kind.reservations) < 2 or self.can(_Capability.RESERVATION_REFINEMENT))
            and (kind.shared is None or self.can(_Capability.SHARED_RESOURCES))
        )

    def excludes(self, role: str, agent: Agent) -> bool:
        """Whether its constraints rule the agent out."""
        if role not in self._constraints:
            return False
        key = role, agent.id
        known = self._excluded.get(key)
        if known is None or known[0] is not agent.info:
            known = self._excluded[key] = agent.info, excludes(self._constraints, role, agent.info)
        return known[1]

    def minimum(self, role: str, default: list[Quantities]) -> list[Quantities]:
        """The least that it wants to be offered: any of these."""
        return self._minimum.get(role, default)

    # Filters.

    def refuse(self, role: str, agent_id: str, refused: Filter) -> None:
        self._refusals.setdefault(role, {}).setdefault(agent_id, _Refusals()).filters.append(refused)

    def refusals(self, now: float) -> Iterator[tuple[str, int]]:
        """By role, how many filters it has that are not over."""
        for role, agents in self._refusals.items():
            yield role, sum(each.until > now for refusals in agents.values() for each in refusals.filters)

    def refuses(self, role: str, agent_id: str, resources: Resources, now: float) -> bool:
        """Forgets filters of the agent that are over."""
        agents = self._refusals.get(role)
        if not agents or agent_id not in agents:
            return False
        refusals = agents[agent_id]
        refusals.filters = [refused for refused in refusals.filters if refused.until > now]
        if not refusals.filters:
            del agents[agent_id]
        return any(refused.resources.contains(resources) for refused in refusals.filters)

    def pass_over(self, role: str, agent: Agent) -> None:
        """It refuses all that is free on the agent: no need to ask again before that or its filters change."""
        refusals = self._refusals[role][agent.id]
        refusals.seen = agent.free
        refusals.seen_until = min(refused.until for refused in refusals.filters)

    def passes_over(self, role: str, agent: Agent, now: float) -> bool:
        agents = self._refusals.get(role)
        refusals = agents.get(agent.id) if agents else None
        return refusals is not None and refusals.seen is agent.free and refusals.seen_until > now

    def want_all(self, roles: Iterable[str]) -> None:
        """Drops the filters of these roles."""
        for role in roles:
            self._refusals.pop(role, None)

    def want_agent(self, agent_id: str) -> None:
        """Drops the filters for an agent."""
        for role in self._constraints:
            self._excluded.pop((role, agent_id), None)
        for agents in self._refusals.values():
            agents.pop(agent_id, None)


@dataclass
class Agent:
    id: str
    info: AgentInfo
    total: Resources
    active: bool = True
    used: dict[str, Resources] = field(default_factory=dict)
    """By framework, also by such as are not known (yet); with `allocation_info`."""

    def __post_init__(self) -> None:
        self.recount()

    def recount(self) -> None:
        """Counts `free` anew. Shared volumes are always free, how often they may be taken."""
        shared = self.total.shared()
        self.free = self.total - shared
        for resources in self.used.values():
            self.free -= resources.unallocated()
        self.free += shared
        self.gpus = bool(self.total.named("gpus"))

    def take(self, framework_id: str, resources: Resources) -> None:
        """Free ones, with `allocation_info`."""
        self.used[framework_id] = self.used.get(framework_id, Resources()) + resources
        self.free -= resources.filter(lambda kind: kind.shared is None).unallocated()

    def remote(self, domain: DomainInfo | None) -> bool:
        """In another region than that domain; never where either is unknown."""
        mine = self.info.domain.fault_domain if self.info.domain else None
        theirs = domain.fault_domain if domain else None
        return mine is not None and theirs is not None and mine.region != theirs.region
