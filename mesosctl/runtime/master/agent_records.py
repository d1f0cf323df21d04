"""What the registry holds of agents: who was admitted, and since when it cannot be reached."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from mesosctl.runtime.master.records import Agent
from mesosctl.runtime.master.registrar import Done, Kind, Registrar
from mesosctl.runtime.protocol.cluster import AgentInfo
from mesosctl.runtime.resources import Resources


class AgentRecord(Struct, frozen=True, omit_defaults=True):
    """Times in seconds since the epoch."""

    info: AgentInfo
    ip: str
    registered: float
    unreachable: float | None = None


AGENTS = Kind("agents", AgentRecord)
"""By agent."""


class AgentRecords:
    def __init__(self, registrar: Registrar) -> None:
        self._registrar = registrar
        self._durable: dict[str, AgentRecord] = {}

    def recover(self) -> Iterator[tuple[Agent, float | None]]:
        """The agents that earlier masters knew, and since when those that are unreachable are."""
        self._durable = self._registrar.recovered(AGENTS)
        for agent_id, record in self._durable.items():
            total = Resources.of(record.info.resources)
            yield Agent(agent_id, record.info, record.ip, "", total, record.registered), record.unreachable

    def hold(self, agent: Agent, unreachable: float | None, done: Done) -> None:
        """The agent is admitted, or unreachable since then. Nothing is written where that is known already."""
        record = AgentRecord(agent.info, agent.ip, agent.registered, unreachable)
        if record == self._durable.get(agent.id):
            done()
            return

        def durable() -> None:
            self._durable[agent.id] = record
            done()

        self._registrar.put(AGENTS, agent.id, record, durable)

    def drop(self, agent_id: str, done: Done = lambda: None) -> None:
        """Nothing is known of the agent any more."""
        self._durable.pop(agent_id, None)
        self._registrar.put(AGENTS, agent_id, None, done)
