"""Whatever happens in whatever order: nothing is given twice, nothing is lost, and what was refused is not offered."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mesosctl.runtime.master.allocator import Options
from mesosctl.runtime.protocol.cluster import AgentInfo
from mesosctl.runtime.protocol.offers import Filters
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.resources import Conversion, Resources
from tests.unit.allocation import Small, framework_info

FRAMEWORKS = ["f1", "f2", "f3"]
AGENTS = ["a1", "a2", "a3"]
ROLES = ["r", "r/x", "s"]
TOTALS = [
    "cpus:4;mem:4096;ports:[1-9]",
    "cpus:2;mem:100;cpus(r):1;mem(r):50",
    "cpus(r/x):3;mem(s):77;mem:64",
    "cpus:0.005;mem:16",
]

some_framework = st.sampled_from(FRAMEWORKS)
some_agent = st.sampled_from(AGENTS)
some_roles = st.sets(st.sampled_from(ROLES), min_size=1)
some_total = st.sampled_from(TOTALS)


class Life(RuleBasedStateMachine):
    """The model: who holds what where, which agents and frameworks are there, and what was refused until when."""

    @initialize()
    def start(self) -> None:
        self.small = Small(Options())
        self.allocator = self.small.allocator
        self.held: dict[tuple[str, str], Resources] = {}
        self.totals: dict[str, Resources] = {}
        self.roles: dict[str, set[str]] = {}
        self.quiet: dict[str, set[str]] = {}
        self.active: dict[str, bool] = {}
        self.refused: list[tuple[str, str, str, Resources, float]] = []
        self.limits: dict[str, dict[str, float]] = {}
        for agent, total in zip(AGENTS, TOTALS[1:], strict=True):
            self.agent_comes_or_changes(agent, total)
        self.framework_comes_or_changes("f1", {"r", "s"}, set())
        self.framework_comes_or_changes("f2", {"r/x"}, set())

    # What happens.

    @rule(agent=some_agent, total=some_total)
    def agent_comes_or_changes(self, agent: str, total: str) -> None:
        info, resources = AgentInfo(hostname=agent), Resources.parse(total)
        if any(key[1] == agent for key in self.held):
            return  # with what it lost still in use, nothing here would hold
        if agent in self.totals:
            self.allocator.remove_agent(agent)
        self.allocator.add_agent(agent, info, resources)
        self.totals[agent] = resources
        self._forget(agent=agent)

    @rule(agent=some_agent, again=st.booleans())
    def agent_goes(self, agent: str, again: bool) -> None:
        """Perhaps it comes back with what runs there."""
        if agent not in self.totals:
            return
        self.allocator.remove_agent(agent)
        used = {framework: resources for (framework, on), resources in self.held.items() if on == agent}
        if again:
            self.allocator.add_agent(agent, AgentInfo(hostname=agent), self.totals[agent], used)
        else:
            del self.totals[agent]
            for framework in used:
                del self.held[framework, agent]
        self._forget(agent=agent)

    @rule(framework=some_framework, roles=some_roles, quiet=some_roles)
    def framework_comes_or_changes(self, framework: str, roles: set[str], quiet: set[str]) -> None:
        info = framework_info(*sorted(roles))
        if framework in self.roles:
            for role in self.quiet[framework] - quiet | self.roles[framework] - roles:
                self._forget(framework=framework, role=role)
            self.allocator.update_framework(framework, info, suppressed=quiet)
        else:
            self.allocator.add_framework(framework, info, suppressed=quiet)
            self.active[framework] = True
        self.roles[framework], self.quiet[framework] = roles, quiet & roles

    @rule(framework=some_framework)
    def framework_goes(self, framework: str) -> None:
        if framework not in self.roles:
            return
        self.allocator.remove_framework(framework)
        del self.roles[framework], self.quiet[framework], self.active[framework]
        self.held = {key: resources for key, resources in self.held.items() if key[0] != framework}
        self._forget(framework=framework)

    @rule(framework=some_framework)
    def framework_sleeps_or_wakes(self, framework: str) -> None:
        if framework not in self.roles:
            return
        if self.active[framework]:
            self.allocator.deactivate_framework(framework)
            self._forget(framework=framework)
        else:
            self.allocator.activate_framework(framework)
        self.active[framework] = not self.active[framework]

    @rule(framework=some_framework, roles=some_roles, revive=st.booleans())
    def suppress_or_revive(self, framework: str, roles: set[str], revive: bool) -> None:
        if framework not in self.roles:
            return
        if revive:
            self.allocator.revive(framework, roles)
            self.quiet[framework] -= roles
            for role in roles:
                self._forget(framework=framework, role=role)
        else:
            self.allocator.suppress(framework, roles)
            self.quiet[framework] |= roles & self.roles[framework]

    @rule(data=st.data(), share=st.sampled_from([0.25, 0.5, 1]), seconds=st.sampled_from([None, 0.0, 0.3, 3.0, 60.0]))
    def give_back(self, data: st.DataObject, share: float, seconds: float | None) -> None:
        """A part of all scalars that someone holds in a role."""
        if not self.held:
            return
        framework, agent = key = data.draw(st.sampled_from(sorted(self.held)))
        role = data.draw(st.sampled_from(sorted(self.held[key].allocations())))
        whole = self.held[key].allocations()[role]
        part = whole.map(lambda kind, amount: int(amount * share) if isinstance(amount, int) else amount)
        filters = None if seconds is None else Filters(refuse_seconds=seconds)
        self.allocator.recover_resources(framework, agent, part, filters)
        self.held[key] -= part
        if not self.held[key]:
            del self.held[key]
        if seconds and framework in self.roles and part:
            until = self.small.clock.now() + max(seconds, 1.0)
            self.refused.append((framework, role, agent, part.unallocated(), until))

    @rule(data=st.data())
    def reserve(self, data: st.DataObject) -> None:
        """What is unreserved of someone's, for the role it is held in."""
        if not self.held:
            return
        framework, agent = key = data.draw(st.sampled_from(sorted(self.held)))
        role = data.draw(st.sampled_from(sorted(self.held[key].allocations())))
        consumed = self.held[key].allocations()[role].unreserved()
        dynamic = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role=role)
        conversion = Conversion(consumed, consumed.push_reservation(dynamic))
        if consumed:
            self.allocator.update_allocation(framework, agent, [conversion])
            self.held[key] = conversion.apply(self.held[key])
            self.totals[agent] = conversion.unallocated().apply(self.totals[agent])

    @rule(
        role=st.sampled_from(["r", "s"]), guarantee=st.sampled_from([0, 1, 5]), limit=st.sampled_from([None, 0, 2, 5])
    )
    def quota(self, role: str, guarantee: int, limit: int | None) -> None:
        limits = {} if limit is None else {"cpus": float(limit)}
        self.small.quota(role, {"cpus": min(guarantee, 5 if limit is None else limit)}, limits)
        self.limits[role] = limits

    @rule(seconds=st.sampled_from([0.5, 1.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.small.clock.advance(seconds)

    @rule(agents=st.none() | st.sets(some_agent))
    def cycle(self, agents: set[str] | None) -> None:
        now = self.small.clock.now()
        before = {role: self.allocator.consumed_quota(role) for role in ("r", "s")}
        for framework, role, agent, resources in self.allocator.allocate(agents):
            assert agents is None or agent in agents
            assert self.active[framework]
            assert role in self.roles[framework] - self.quiet[framework]
            assert set(resources.allocations()) == {role}
            for reserved in resources.reservations():
                assert role == reserved or role.startswith(f"{reserved}/")
            assert resources.scalar("cpus") >= 0.01 or resources.scalar("mem") >= 32
            for who, for_role, where, refused, until in self.refused:
                if (who, for_role, where) == (framework, role, agent) and until > now:
                    assert not refused.contains(resources.unallocated())
            self.held[framework, agent] = self.held.get((framework, agent), Resources()) + resources
        for role, limits in self.limits.items():
            for name, limit in limits.items():
                after = self.allocator.consumed_quota(role).get(name, 0)
                assert after <= max(limit * 1000, before[role].get(name, 0))

        if agents is None and not self.limits:
            self._all_is_offered(now)

    def _all_is_offered(self, now: float) -> None:
        """Without quota nothing is free that someone waits for."""
        for agent in self.totals:
            for framework in self.roles:
                for role in self.roles[framework] - self.quiet[framework] if self.active[framework] else ():
                    free = self.allocator.available(agent)
                    free = free.filter(lambda kind: len(kind.reservations) < 2 and kind.allocatable_to(role))  # noqa: B023
                    refused = [
                        entry[3] for entry in self.refused if entry[:3] == (framework, role, agent) and entry[4] > now
                    ]
                    if free.scalar("cpus") >= 0.01 or free.scalar("mem") >= 32:
                        assert any(one.contains(free) for one in refused)

    def _forget(self, agent: str | None = None, framework: str | None = None, role: str | None = None) -> None:
        """Filters that are no more."""
        wanted = (framework, role, agent)
        self.refused = [
            entry
            for entry in self.refused
            if any(w is not None and w != e for w, e in zip(wanted, entry, strict=False))
        ]

    # What holds always.

    @invariant()
    def nothing_is_lost_or_given_twice(self) -> None:
        for agent, total in self.totals.items():
            parts = [resources.unallocated() for (_, on), resources in self.held.items() if on == agent]
            assert sum(parts, self.allocator.available(agent)) == total

    @invariant()
    def the_books_are_right(self) -> None:
        for role in ROLES:
            mine = sum(
                (
                    resources.filter(lambda kind: f"{kind.allocated}/".startswith(f"{role}/"))  # noqa: B023
                    for resources in self.held.values()
                ),
                Resources(),
            )
            assert self.allocator.allocated(role) == mine
        consumed: dict[str, int] = defaultdict(int)
        for resources in self.held.values():
            for role, part in resources.unreserved().allocations().items():
                consumed[role.partition("/")[0]] += part.quantities().get("mem", 0)
        for total in self.totals.values():
            for role, part in total.reservations().items():
                consumed[role.partition("/")[0]] += part.quantities().get("mem", 0)
        for role in ("r", "s"):
            assert self.allocator.consumed_quota(role).get("mem", 0) == consumed[role]


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


@given(
    weights=st.lists(st.sampled_from([1.0, 1.0, 2.0, 5.0]), min_size=1, max_size=6),
    rounds=st.lists(st.integers(1, 8), min_size=1, max_size=5),
)
def test_no_one_is_ahead_by_more_than_an_agent(weights: list[float], rounds: list[int]) -> None:
    """Equal agents come bit by bit to roles of one framework each: shares by weight differ by one agent at most."""
    small = Small()
    got = {f"r{number}": 0 for number in range(len(weights))}
    small.allocator.update_weights(dict(zip(got, weights, strict=True)))
    for role in got:
        small.framework(f"of {role}", role)
    for turn, agents in enumerate(rounds):
        for number in range(agents):
            small.agent(f"{turn}-{number}", "cpus:4;mem:4096")
        for _, role, _, _ in small.cycle():
            got[role] += 1
        assert sum(got.values()) == sum(rounds[: turn + 1])
        for role, weight in zip(got, weights, strict=True):
            for other, theirs in zip(got, weights, strict=True):
                assert got[role] == 0 or (got[role] - 1) / weight <= got[other] / theirs + 1e-9
