"""The allocator: what the master tells it, and the cycle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from random import Random

from mesosctl.runtime.clock import Clock
from mesosctl.runtime.master.allocator.books import Books, open_part
from mesosctl.runtime.master.allocator.constraints import Constraints
from mesosctl.runtime.master.allocator.cycle import Cycle, Turn
from mesosctl.runtime.master.allocator.fairness import Cluster, RoleTree
from mesosctl.runtime.master.allocator.options import Allocation, Options
from mesosctl.runtime.master.allocator.records import Agent, Filter, Framework
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.offers import Filters
from mesosctl.runtime.protocol.quota import QuotaConfig
from mesosctl.runtime.resources import Conversion, Quantities, Resources, ResourcesError, apply
from mesosctl.runtime.resources.amounts import thousandths
from mesosctl.runtime.resources.roles import is_below

_LONGEST_FILTER = 365 * 24 * 3600.0


class Allocator:
    """Keeps account of every agent's resources and shares the free ones out.

    Ids are the plain strings of FrameworkID and AgentID. Resources that are in use carry `allocation_info`
    (`Resources.allocated_to(role)`). Unknown frameworks and agents are KeyErrors, except where it says otherwise.
    """

    def __init__(self, clock: Clock, options: Options, random: Random | None = None) -> None:
        """`random` shuffles the agents in a cycle, so that it is not always the first ones that are given first."""
        self._clock = clock
        self._options = options
        self._random = random or Random()
        self._cluster = Cluster(options.fairness_excluded)
        self._roles = RoleTree(self._cluster)
        self._books = Books()
        self._frameworks: dict[str, Framework] = {}
        self._agents: dict[str, Agent] = {}
        self._whitelist: frozenset[str] | None = None
        self._paused_until = 0.0
        self._awaited_agents = 0.0

    # Frameworks.

    def add_framework(
        self,
        framework_id: str,
        info: FrameworkInfo,
        *,
        suppressed: Iterable[str] = (),
        constraints: Constraints | None = None,
        active: bool = True,
    ) -> None:
        """A framework is there; its roles, capabilities and offer filters are those of `info`.

        What it runs already comes with its agents. Call `allocate()` next.
        """
        assert framework_id not in self._frameworks
        framework = self._frameworks[framework_id] = Framework(info, suppressed, constraints or {}, active)
        framework.agents.update(agent.id for agent in self._agents.values() if framework_id in agent.used)
        self._enlist(framework_id)

    def update_framework(
        self,
        framework_id: str,
        info: FrameworkInfo,
        *,
        suppressed: Iterable[str] = (),
        constraints: Constraints | None = None,
    ) -> None:
        """All this is so from now on. A role it left keeps what it still uses there."""
        framework = self._frameworks[framework_id]
        left = framework.roles
        framework.update(info, suppressed, constraints or {})
        for role in left - framework.roles:
            self._roles.activate(role, framework_id, False)
        self._enlist(framework_id)

    def remove_framework(self, framework_id: str) -> None:
        """The framework is gone; all that it held is free."""
        framework = self._frameworks[framework_id]
        framework.active = False
        self._enlist(framework_id)
        for agent_id in list(framework.agents):
            self.recover_resources(framework_id, agent_id, self._agents[agent_id].used[framework_id])
        del self._frameworks[framework_id]

    def activate_framework(self, framework_id: str) -> None:
        """It gets offers again. Call `allocate()` next."""
        self._frameworks[framework_id].active = True
        self._enlist(framework_id)

    def deactivate_framework(self, framework_id: str) -> None:
        """It gets none until activated (disconnected); its filters are dropped. Recover its offers separately."""
        framework = self._frameworks[framework_id]
        framework.active = False
        framework.want_all(framework.roles)
        self._enlist(framework_id)

    def suppress(self, framework_id: str, roles: Iterable[str] = ()) -> None:
        """No offers for these roles, or for all of its roles where none is named."""
        framework = self._frameworks[framework_id]
        framework.suppressed |= framework.named(roles)
        self._enlist(framework_id)

    def revive(self, framework_id: str, roles: Iterable[str] = ()) -> None:
        """Drops filters and suppression of these roles, or of all. Call `allocate()` next."""
        framework = self._frameworks[framework_id]
        revived = framework.named(roles)
        framework.suppressed -= revived
        framework.want_all(revived)
        self._enlist(framework_id)

    def _enlist(self, framework_id: str) -> None:
        """In which roles it waits for offers."""
        framework = self._frameworks[framework_id]
        for role in framework.roles:
            self._roles.activate(role, framework_id, framework.active and role not in framework.suppressed)

    # Agents.

    def add_agent(
        self, agent_id: str, info: AgentInfo, total: Resources, used: Mapping[str, Resources] | None = None
    ) -> None:
        """An agent registered. `total` includes its dynamic reservations and volumes; `used`: by framework, known yet
        or not, what runs there. Call `allocate([agent_id])` next."""
        assert agent_id not in self._agents
        agent = self._agents[agent_id] = Agent(agent_id, info, Resources())
        self._set_total(agent, total)
        for framework_id, resources in (used or {}).items():
            self._take(framework_id, agent, resources, grant=False)
        agent.recount()

    def remove_agent(self, agent_id: str) -> None:
        """It is gone, with all that was used there, or about to be added again as it has come back: filters for it are
        dropped. Rescind its offers; recovering them is not needed."""
        agent = self._agents[agent_id]
        for framework_id, resources in list(agent.used.items()):
            self.recover_resources(framework_id, agent_id, resources)
        self._set_total(agent, Resources())
        self._want_agent(agent_id)
        del self._agents[agent_id]

    def activate_agent(self, agent_id: str) -> None:
        self._agents[agent_id].active = True

    def deactivate_agent(self, agent_id: str) -> None:
        """It is in no offer until activated (disconnected, draining)."""
        self._agents[agent_id].active = False

    def set_whitelist(self, hostnames: Iterable[str] | None) -> None:
        """Only agents with these hostnames are offered. None: all."""
        self._whitelist = None if hostnames is None else frozenset(hostnames)

    def _set_total(self, agent: Agent, total: Resources) -> None:
        self._cluster.replace(agent.total.quantities(), total.quantities())
        self._books.replace(agent.total, total)
        agent.total = total
        agent.recount()

    def _want_agent(self, agent_id: str) -> None:
        for framework in self._frameworks.values():
            framework.want_agent(agent_id)

    # Resources.

    def recover_resources(
        self, framework_id: str, agent_id: str, resources: Resources, filters: Filters | None = None
    ) -> None:
        """The framework gives these back: declined, not used in an accept, or a task ended.

        `filters`: for decline and accept; it is not offered the same or less of that agent in that role for
        `refuse_seconds` (`Filters()`: 5; negative: 5; at most 365 days; 0: no filter). None: task ended or rescinded.
        Nothing happens where the agent is gone or the framework holds nothing there. Raises ResourcesError, with
        nothing changed, where it holds less.
        """
        agent = self._agents.get(agent_id)
        if agent is None or framework_id not in agent.used:
            return
        held = agent.used[framework_id]
        if not held.contains(resources):
            raise ResourcesError(f"{held} does not contain {resources}")
        self._release(framework_id, agent, resources)
        agent.recount()
        framework = self._frameworks.get(framework_id)
        if framework is None or filters is None or filters.refuse_seconds == 0:
            return
        seconds = filters.refuse_seconds if filters.refuse_seconds > 0 else Filters().refuse_seconds
        until = self._clock.now() + max(min(seconds, _LONGEST_FILTER), self._options.allocation_interval)
        for role, refused in resources.allocations().items():
            framework.refuse(role, agent_id, Filter(until, refused.unallocated()))

    def update_allocation(self, framework_id: str, agent_id: str, conversions: Iterable[Conversion]) -> None:
        """Operations of an accept (RESERVE, CREATE …) turned what the framework holds into something else.

        The conversions are of allocated resources. Raises ResourcesError, with nothing changed, where it holds them
        not.
        """
        conversions = tuple(conversions)
        agent = self._agents[agent_id]
        held = agent.used.get(framework_id, Resources())
        converted = apply(held, conversions)
        total = apply(agent.total, [conversion.unallocated() for conversion in conversions])
        self._release(framework_id, agent, held)
        self._set_total(agent, total)
        self._take(framework_id, agent, converted, grant=False)
        agent.recount()

    def share(self, framework_id: str, agent_id: str, copies: Resources) -> None:
        """The framework uses further copies of shared volumes that it was offered."""
        while copies:
            one = copies.map(lambda kind, amount: 1)
            self._take(framework_id, self._agents[agent_id], one, grant=False)
            copies -= one

    def filters(self) -> Counter[str]:
        """How many filters of frameworks there are, by role."""
        found = Counter[str]()
        for framework in self._frameworks.values():
            found.update(dict.fromkeys(framework.roles, 0))
            for role, count in framework.refusals(self._clock.now()):
                found[role] += count
        return found

    def update_available(self, agent_id: str, conversions: Iterable[Conversion]) -> None:
        """The same for an operator, on resources that nobody holds.

        Raises ResourcesError, with nothing changed, where they are not free (rescind offers and recover first).
        """
        conversions = tuple(conversions)
        agent = self._agents[agent_id]
        apply(agent.free, conversions)
        self._set_total(agent, apply(agent.total, conversions))

    def _take(self, framework_id: str, agent: Agent, resources: Resources, *, grant: bool) -> None:
        """Enters what a framework holds into all accounts."""
        if not resources:
            return
        agent.take(framework_id, resources)
        if framework_id in self._frameworks:
            self._frameworks[framework_id].agents.add(agent.id)
        for role, held in resources.allocations().items():
            self._roles.hold(role, framework_id, held.quantities(), grant=grant)
            self._books.use(role, open_part(held))

    def _release(self, framework_id: str, agent: Agent, resources: Resources) -> None:
        """Takes it out of all accounts, except what is free on the agent."""
        for role, held in resources.allocations().items():
            self._roles.release(role, framework_id, held.quantities())
            self._books.give_back(role, open_part(held))
        agent.used[framework_id] -= resources
        if not agent.used[framework_id]:
            del agent.used[framework_id]
            if framework_id in self._frameworks:
                self._frameworks[framework_id].agents.discard(agent.id)

    # Roles.

    def update_quota(self, quota: QuotaConfig) -> None:
        """Guarantees and limits of a top-level role; both empty: back to none. Outstanding offers are the master's
        to rescind."""
        self._books.guarantees[quota.role] = Quantities.of_scalars(quota.guarantees)
        self._books.limits[quota.role] = {name: thousandths(scalar.value) for name, scalar in quota.limits.items()}

    def update_weights(self, weights: Mapping[str, float]) -> None:
        """Weights of these roles (paths like `a/b`); others keep theirs, 1 if never set."""
        for role, weight in weights.items():
            self._roles.weigh(role, weight)

    def recover(self, expected_agents: int, quotas: Iterable[QuotaConfig], weights: Mapping[str, float]) -> None:
        """First call after an election: what the registry knows.

        With quotas, cycles allocate nothing until enough of the agents are back (see Options).
        """
        for quota in quotas:
            self.update_quota(quota)
            self._paused_until = self._clock.now() + self._options.recovery_timeout
        self._awaited_agents = expected_agents * self._options.agent_recovery_factor
        self.update_weights(weights)

    # The cycle.

    def allocate(self, agent_ids: Iterable[str] | None = None) -> list[Allocation]:
        """Shares out what is free on these agents (None: all; unknown ones are passed over).

        Call it every `allocation_interval`. At most one Allocation for a framework, role and agent.
        """
        if self._clock.now() < self._paused_until:
            if len(self._agents) < self._awaited_agents:
                return []
            self._paused_until = 0.0
        ids = self._agents if agent_ids is None else dict.fromkeys(agent_ids)
        agents = [agent for agent_id in ids if (agent := self._agents.get(agent_id)) and self._offerable(agent)]
        made: dict[tuple[str, str, str], Resources] = {}

        def give(turn: Turn, agent: Agent, resources: Resources) -> None:
            self._take(turn.framework_id, agent, resources, grant=True)
            key = (turn.framework_id, turn.role, agent.id)
            made[key] = made.get(key, Resources()) + resources

        cycle = Cycle(self._options, self._clock.now(), self._frameworks, self._roles, self._books, give)
        if any(self._books.guarantees.values()):
            self._random.shuffle(agents)
            for agent in agents:
                cycle.meet_guarantees(agent)
        self._random.shuffle(agents)
        for agent in agents:
            cycle.share_out(agent)
        return [Allocation(*key, resources) for key, resources in made.items()]

    def _offerable(self, agent: Agent) -> bool:
        return agent.active and (self._whitelist is None or agent.info.hostname in self._whitelist)

    # What it knows, for /roles, /state and metrics.

    def allocated(self, role: str) -> Resources:
        """What the frameworks of a role and of the roles below it hold, offered or used."""
        held = Resources()
        for agent in self._agents.values():
            for resources in agent.used.values():
                held += resources.filter(lambda kind: kind.allocated == role or is_below(kind.allocated or "", role))
        return held

    def consumed_quota(self, role: str) -> Quantities:
        """What counts against the quota of a top-level role."""
        return self._books.consumed(role)

    def available(self, agent_id: str) -> Resources:
        """What nobody holds on an agent."""
        return self._agents[agent_id].free
