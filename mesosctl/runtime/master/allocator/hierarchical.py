"""The allocator: what the master tells it, and the cycle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mesosctl.runtime.clock import Clock
from mesosctl.runtime.master.allocator.options import Allocation, Options
from mesosctl.runtime.protocol.basics import Unavailability
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.offers import Filters
from mesosctl.runtime.protocol.quota import QuotaConfig
from mesosctl.runtime.resources import Conversion, Resources


class Allocator:
    """Keeps account of every agent's resources and shares the free ones out.

    Ids are the plain strings of FrameworkID and AgentID. Resources that are in use carry `allocation_info`
    (`Resources.allocated_to(role)`). Unknown frameworks and agents are KeyErrors, except in `recover_resources`, where
    either may be gone already.
    """

    def __init__(self, clock: Clock, options: Options) -> None:
        raise NotImplementedError

    # Frameworks.

    def add_framework(
        self,
        framework_id: str,
        info: FrameworkInfo,
        used: Mapping[str, Resources] | None = None,
        *,
        suppressed: Iterable[str] = (),
        active: bool = True,
    ) -> None:
        """A framework is there; its roles, capabilities and offer filters are those of `info`.

        `used`: by agent, what it runs already (after a failover of the master). An agent that is not added yet brings
        it with `add_agent`. Call `allocate()` next.
        """
        raise NotImplementedError

    def update_framework(self, framework_id: str, info: FrameworkInfo, *, suppressed: Iterable[str] = ()) -> None:
        """Its info, and the roles it suppresses, are these now. A role it left keeps what it still uses there."""
        raise NotImplementedError

    def remove_framework(self, framework_id: str) -> None:
        """The framework is gone; all that it held is free."""
        raise NotImplementedError

    def activate_framework(self, framework_id: str) -> None:
        """It gets offers again. Call `allocate()` next."""
        raise NotImplementedError

    def deactivate_framework(self, framework_id: str) -> None:
        """It gets none until activated (disconnected); its filters are dropped. Recover its offers separately."""
        raise NotImplementedError

    def suppress(self, framework_id: str, roles: Iterable[str] = ()) -> None:
        """No offers for these roles, or for all of its roles where none is named."""
        raise NotImplementedError

    def revive(self, framework_id: str, roles: Iterable[str] = ()) -> None:
        """Drops filters and suppression of these roles, or of all. Call `allocate()` next."""
        raise NotImplementedError

    # Agents.

    def add_agent(
        self,
        agent_id: str,
        info: AgentInfo,
        total: Resources,
        used: Mapping[str, Resources] | None = None,
        unavailability: Unavailability | None = None,
    ) -> None:
        """An agent registered. `total` includes its dynamic reservations and volumes; `used`: by framework, what runs
        there. Call `allocate([agent_id])` next."""
        raise NotImplementedError

    def update_agent(self, agent_id: str, info: AgentInfo, total: Resources) -> None:
        """It registered again, with other info or resources: filters for it are dropped."""
        raise NotImplementedError

    def remove_agent(self, agent_id: str) -> None:
        """It is gone, with all that was used there. Rescind its offers; recovering them is not needed."""
        raise NotImplementedError

    def activate_agent(self, agent_id: str) -> None:
        raise NotImplementedError

    def deactivate_agent(self, agent_id: str) -> None:
        """It is in no offer until activated (disconnected, draining)."""
        raise NotImplementedError

    def update_unavailability(self, agent_id: str, unavailability: Unavailability | None) -> None:
        """Its maintenance window is this now; filters for it are dropped."""
        raise NotImplementedError

    def set_whitelist(self, hostnames: Iterable[str] | None) -> None:
        """Only agents with these hostnames are offered. None: all."""
        raise NotImplementedError

    # Resources.

    def recover_resources(
        self, framework_id: str, agent_id: str, resources: Resources, filters: Filters | None = None
    ) -> None:
        """The framework gives these back (all of one role): declined, not used in an accept, or a task ended.

        `filters`: for decline and accept; it is not offered the same or less of that agent in that role for
        `refuse_seconds` (`Filters()`: 5; negative: 5; at most 365 days; 0: no filter). None: task ended or rescinded.
        """
        raise NotImplementedError

    def update_allocation(self, framework_id: str, agent_id: str, conversions: Iterable[Conversion]) -> None:
        """Operations of an accept (RESERVE, CREATE …) turned what the framework holds into something else."""
        raise NotImplementedError

    def update_available(self, agent_id: str, conversions: Iterable[Conversion]) -> None:
        """The same for an operator, on resources that nobody holds.

        Raises ResourcesError, with nothing changed, where they are not free (rescind offers and recover first).
        """
        raise NotImplementedError

    # Roles.

    def update_quota(self, quota: QuotaConfig) -> None:
        """Guarantees and limits of a role; both empty: back to none. Outstanding offers are the master's to rescind."""
        raise NotImplementedError

    def update_weights(self, weights: Mapping[str, float]) -> None:
        """Weights of these roles (paths like `a/b`); others keep theirs, 1 if never set."""
        raise NotImplementedError

    def recover(self, expected_agents: int, quotas: Iterable[QuotaConfig], weights: Mapping[str, float]) -> None:
        """First call after an election: what the registry knows.

        With quotas, cycles allocate nothing until enough of the agents are back (see Options).
        """
        raise NotImplementedError

    # The cycle.

    def allocate(self, agent_ids: Iterable[str] | None = None) -> list[Allocation]:
        """Shares out what is free on these agents (None: all). Call it every `allocation_interval`."""
        raise NotImplementedError

    # What it knows, for /roles, /state and metrics.

    def allocated(self, role: str) -> Resources:
        """What the frameworks of a role and of the roles below it hold, offered or used."""
        raise NotImplementedError

    def available(self, agent_id: str) -> Resources:
        """What nobody holds on an agent."""
        raise NotImplementedError
