"""What the master is told once, when it starts: who it is, and those of its flags that its behaviour depends on."""

from __future__ import annotations

from dataclasses import dataclass

from mesosctl.runtime.protocol.cluster import MasterInfo


@dataclass(frozen=True)
class MasterOptions:
    """Times in seconds."""

    info: MasterInfo
    """Its `id` begins the ids of agents, frameworks and offers."""
    allocation_interval: float = 1.0
    offer_timeout: float | None = None
    agent_ping_timeout: float = 15.0
    max_agent_ping_timeouts: int = 5
    heartbeat_interval: float = 15.0
    max_completed_frameworks: int = 50
    max_completed_tasks_per_framework: int = 1000
    max_unreachable_tasks_per_framework: int = 1000
    root_submissions: bool = True
    """Whether frameworks of the user root are admitted."""
    roles: frozenset[str] | None = None
    """The roles that frameworks may have besides `*`. None: any."""
