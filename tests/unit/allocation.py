"""A small cluster around the allocator, for its tests: frameworks and agents in a line each."""

from __future__ import annotations

from random import Random

from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.master.allocator import Allocation, Allocator, Options
from mesosctl.runtime.protocol.basics import DomainInfo, FrameworkID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.offers import Filters
from mesosctl.runtime.protocol.quota import QuotaConfig
from mesosctl.runtime.protocol.resources import OfferFilters, Value
from mesosctl.runtime.resources import Resources

Capability = FrameworkInfo.Capability


def framework_info(
    *roles: str, capabilities: tuple[str, ...] = (), minimum: list[dict[str, float]] | None = None
) -> FrameworkInfo:
    """MULTI_ROLE with these roles. `minimum`: the least it wants to be offered, in all of its roles."""
    offer_filters = {}
    if minimum is not None:
        alternatives = tuple(OfferFilters.ResourceQuantities(scalars(**amounts)) for amounts in minimum)
        offer_filters = {role: OfferFilters(OfferFilters.MinAllocatableResources(alternatives)) for role in roles}
    return FrameworkInfo(
        user="u",
        name="f",
        id=FrameworkID("f"),
        roles=roles,
        capabilities=tuple(Capability(Capability.Type[name]) for name in ("MULTI_ROLE", *capabilities)),
        offer_filters=offer_filters,
    )


def scalars(**amounts: float) -> dict[str, Value.Scalar]:
    return {name: Value.Scalar(float(amount)) for name, amount in amounts.items()}


def domain(region: str) -> DomainInfo:
    zone = DomainInfo.FaultDomain.ZoneInfo("z")
    return DomainInfo(DomainInfo.FaultDomain(DomainInfo.FaultDomain.RegionInfo(region), zone))


class Small:
    """An allocator with its clock. `given` is what every cycle gave, newest last, and is not recovered yet."""

    def __init__(self, options: Options | None = None) -> None:
        self.clock = SimulatedClock()
        self.allocator = Allocator(self.clock, options or Options(), Random(7))
        self.given: list[Allocation] = []

    def agent(self, agent_id: str, resources: str, region: str | None = None) -> None:
        info = AgentInfo(hostname=f"{agent_id}.example", domain=domain(region) if region else None)
        self.allocator.add_agent(agent_id, info, Resources.parse(resources))

    def framework(self, framework_id: str, *roles: str, **more: object) -> None:
        self.allocator.add_framework(framework_id, framework_info(*roles, **more))  # type: ignore[arg-type]

    def quota(self, role: str, guarantees: dict[str, float], limits: dict[str, float] | None = None) -> None:
        self.allocator.update_quota(
            QuotaConfig(role=role, guarantees=scalars(**guarantees), limits=scalars(**(limits or {})))
        )

    def cycle(self) -> list[tuple[str, str, str, str]]:
        """Who gets what: framework, role, agent, resources (as text, without the allocation)."""
        new = self.allocator.allocate()
        self.given += new
        return sorted((a.framework_id, a.role, a.agent_id, str(a.resources.unallocated())) for a in new)

    def who(self) -> dict[str, str]:
        """Of a cycle: agent to framework."""
        return {agent: framework for framework, _, agent, _ in self.cycle()}

    def decline(self, seconds: float | None = 5.0, framework_id: str | None = None) -> None:
        """All that is given to a framework, or to all. None: taken back without a filter."""
        for allocation in [a for a in self.given if framework_id in (None, a.framework_id)]:
            self.given.remove(allocation)
            filters = None if seconds is None else Filters(refuse_seconds=seconds)
            self.allocator.recover_resources(
                allocation.framework_id, allocation.agent_id, allocation.resources, filters
            )

    def use(self, resources: str) -> None:
        """All that was given becomes tasks of that size; the rest is free, without a filter."""
        for allocation in list(self.given):
            self.given.remove(allocation)
            rest = allocation.resources - Resources.parse(resources).allocated_to(allocation.role)
            self.allocator.recover_resources(allocation.framework_id, allocation.agent_id, rest)
