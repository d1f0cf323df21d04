"""What the registry forgets: agents that were unreachable or gone for too long, and the oldest where they are too many.

Of a forgotten agent nothing is known: tasks that were on it are TASK_UNKNOWN to who asks for them.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesosctl.runtime.master.agents import Agents
from mesosctl.runtime.master.draining import Draining
from mesosctl.runtime.master.state import State


class Forgetting:
    def __init__(self, state: State, agents: Agents, draining: Draining) -> None:
        self._state = state
        self._agents = agents
        self._draining = draining

    def start(self) -> None:
        """Look from now on, every `registry_gc_interval`."""
        self._state.clock.after(self._state.options.registry_gc_interval, self._look)

    def _look(self) -> None:
        unreachable = {name: each.since.nanoseconds / 1e9 for name, each in self._state.unreachable.items()}
        for agent_id in self._too_old(unreachable):
            self._agents.forget(agent_id)
        for agent_id in self._too_old(self._state.gone):
            self._draining.forget(agent_id)
        self.start()

    def _too_old(self, since: Mapping[str, float]) -> list[str]:
        """The names in `since` (seconds since the epoch) that are beyond the limits."""
        options = self._state.options
        oldest_first = sorted(since, key=since.__getitem__)
        too_many = max(0, len(oldest_first) - options.registry_max_agent_count)
        earliest = self._state.clock.now() - options.registry_max_agent_age
        return oldest_first[:too_many] + [each for each in oldest_first[too_many:] if since[each] < earliest]
