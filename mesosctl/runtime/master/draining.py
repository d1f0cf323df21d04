"""What operators decide about one agent: deactivate it, drain it, take it back, or declare it gone.

A deactivated agent is in no offers. A draining one also loses its tasks: they are killed, and once the frameworks
have acknowledged that, it is drained, and gone where that was asked for. A gone agent never comes back.
"""

from __future__ import annotations

from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from mesosctl.runtime import internal
from mesosctl.runtime.master.agents import Agents
from mesosctl.runtime.master.changes import Change, Record, commit
from mesosctl.runtime.master.offers import Offers
from mesosctl.runtime.master.records import Agent, Restriction, Task
from mesosctl.runtime.master.registrar import Kind
from mesosctl.runtime.master.state import State
from mesosctl.runtime.protocol.basics import DurationInfo
from mesosctl.runtime.protocol.cluster import DrainConfig, DrainInfo, DrainState
from mesosctl.runtime.protocol.containers import KillPolicy
from mesosctl.runtime.protocol.errors import Refusal

_USUAL_GRACE = DurationInfo(3_000_000_000)
"""How long a task without a kill policy has to end after it was asked to."""


class Gone(Struct, frozen=True):
    since: float
    """Seconds since the epoch."""


RESTRICTIONS = Kind("restrictions", Restriction)
GONE = Kind("gone", Gone)
"""Both by agent."""


class Draining:
    def __init__(self, state: State, offers: Offers, agents: Agents) -> None:
        self._state = state
        self._offers = offers
        self._agents = agents
        self._restrictions: dict[str, Restriction] = {}
        self._settling: set[str] = set()
        """Agents that are drained, which the registry does not hold yet."""
        state.admitted.append(self._admitted)

    def recover(self) -> None:
        """What the registry held when this master was elected."""
        self._restrictions = self._state.registrar.recovered(RESTRICTIONS)
        self._state.gone |= {name: gone.since for name, gone in self._state.registrar.recovered(GONE).items()}

    def drain(self, agent_id: str, max_grace_period: DurationInfo | None, *, mark_gone: bool) -> Change:
        """DRAIN_AGENT. Raises Refusal (400)."""
        self._check_known(agent_id)
        config = DrainConfig(max_grace_period=max_grace_period, mark_gone=mark_gone)
        return self._restrict(agent_id, Restriction(DrainInfo(DrainState.DRAINING, config)))

    def deactivate(self, agent_id: str) -> Change:
        """DEACTIVATE_AGENT: no offers, but its tasks go on. Raises Refusal (400)."""
        self._check_known(agent_id)
        return self._restrict(agent_id, self._restrictions.get(agent_id, Restriction()))

    def reactivate(self, agent_id: str) -> Change:
        """REACTIVATE_AGENT. Raises Refusal (400)."""
        restriction = self._restrictions.get(agent_id)
        if restriction is None:
            raise Refusal(400, "Agent is not deactivated")
        if restriction.drain and restriction.drain.state is DrainState.DRAINING:
            raise Refusal(400, "Agent is still in the DRAINING state")

        def take_effect() -> None:
            self._restrictions.pop(agent_id, None)
            agent = self._state.agents.get(agent_id)
            if agent is None:
                return
            agent.restriction = agent.drain_started = None
            if agent.connected:
                self._state.allocator.activate_agent(agent_id)
                self._offers.allocate_soon(agent_id)

        return Change((Record(RESTRICTIONS, agent_id, None),), take_effect)

    def mark_gone(self, agent_id: str) -> Change:
        """MARK_AGENT_GONE. Nothing is left to do for one that is gone already. Raises Refusal (404)."""
        if agent_id in self._state.gone:
            return Change((), lambda: None)
        if not self._known(agent_id):
            raise Refusal(404, f"Agent '{agent_id}' not found")
        return self._gone(agent_id)

    def forget(self, agent_id: str) -> None:
        """A gone agent is not remembered any more."""
        self._state.registrar.put(GONE, agent_id, None, lambda: self._state.gone.pop(agent_id, None))

    def settle(self) -> None:
        """Draining agents without tasks are drained, where they are connected: one that is away may bring some back.

        To be called whenever something may have ended.
        """
        for agent_id, restriction in [*self._restrictions.items()]:
            agent = self._state.agents.get(agent_id)
            drain = restriction.drain
            if (
                agent is None
                or not agent.connected
                or agent.tasks
                or drain is None
                or drain.state is DrainState.DRAINED
            ):
                continue
            if agent_id not in self._settling:
                self._settling.add(agent_id)
                drained = Restriction(replace(drain, state=DrainState.DRAINED))
                change = self._gone(agent_id) if drain.config.mark_gone else self._restrict(agent_id, drained)
                commit(change, self._state.registrar, partial(self._settling.discard, agent_id))

    def _known(self, agent_id: str) -> bool:
        """Whether it is registered, unreachable, or expected to come back after a failover."""
        return any(agent_id in found for found in (self._state.agents, self._state.unreachable, self._state.recovered))

    def _check_known(self, agent_id: str) -> None:
        if not self._known(agent_id):
            raise Refusal(400, "Unknown agent")

    def _restrict(self, agent_id: str, restriction: Restriction) -> Change:
        def take_effect() -> None:
            self._restrictions[agent_id] = restriction
            if agent := self._state.agents.get(agent_id):
                self._admitted(agent)
                for offer in [*agent.offers.values()]:
                    self._offers.rescind(offer)
                self.settle()

        return Change((Record(RESTRICTIONS, agent_id, restriction),), take_effect)

    def _gone(self, agent_id: str) -> Change:
        gone = Gone(self._state.clock.now())

        def take_effect() -> None:
            self._restrictions.pop(agent_id, None)
            self._agents.mark_gone(agent_id, gone.since)

        return Change((Record(RESTRICTIONS, agent_id, None), Record(GONE, agent_id, gone)), take_effect)

    def _admitted(self, agent: Agent) -> None:
        """The agent is here, or newly restricted: what was decided about it holds."""
        restriction = agent.restriction = self._restrictions.get(agent.id)
        if restriction is None:
            return
        self._state.allocator.deactivate_agent(agent.id)
        drain = restriction.drain
        if drain is not None and drain.state is DrainState.DRAINING:
            agent.drain_started = agent.drain_started or self._state.clock.now()
            for task in agent.tasks.values():
                if not task.ended:
                    self._kill(agent, task, drain.config.max_grace_period)

    def _kill(self, agent: Agent, task: Task, max_grace_period: DurationInfo | None) -> None:
        framework_id = self._state.frameworks[task.framework_id].framework_id
        agent.killed.add((task.framework_id, task.id))
        own = task.info.kill_policy.grace_period if task.info.kill_policy else None
        policy = None
        if max_grace_period is not None:
            policy = KillPolicy(min(own or _USUAL_GRACE, max_grace_period, key=lambda each: each.nanoseconds))
        self._state.tell(agent, internal.KillTask(framework_id, task.info.task_id, policy))
