"""What the master is told once, when it starts: who it is, and those of its flags that its behaviour depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mesosctl.runtime.authorization import Acls
from mesosctl.runtime.master.allocator import Options
from mesosctl.runtime.master.rate_limits import RateLimits
from mesosctl.runtime.protocol.cluster import MasterInfo


@dataclass(frozen=True)
class MasterOptions:
    """Times in seconds."""

    info: MasterInfo
    """Its `id` begins the ids of agents, frameworks and offers."""
    allocation: Options = field(default_factory=Options)
    offer_timeout: float | None = None
    agent_ping_timeout: float = 15.0
    max_agent_ping_timeouts: int = 5
    agent_reregister_timeout: float = 600.0
    agent_removal_interval: float = 0.0
    """Time between one agent marked unreachable and the next."""
    recovery_agent_removal_limit: float = 1.0
    """Share of the recovered agents that may be marked unreachable, from 0 to 1."""
    registry_fetch_timeout: float = 60.0
    registry_store_timeout: float = 20.0
    registry_gc_interval: float = 900.0
    registry_max_agent_age: float = 1209600.0
    registry_max_agent_count: int = 102400
    heartbeat_interval: float = 15.0
    max_completed_frameworks: int = 50
    max_completed_tasks_per_framework: int = 1000
    max_unreachable_tasks_per_framework: int = 1000
    root_submissions: bool = True
    """Whether frameworks of the user root are admitted."""
    roles: frozenset[str] | None = None
    """The roles that frameworks may have besides `*`. None: any."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of roles, as long as operators have set none."""
    rate_limits: RateLimits | None = None
    """Of the calls of frameworks."""
    regex_size: int = 100
    """The most instructions that a regular expression in offer constraints may have."""
    require_agent_domain: bool = False
    acls: Acls | None = None
    """What frameworks and agents may do. None: everything."""

    def admits_role(self, role: str) -> bool:
        """Whether the flag `roles` allows it."""
        return role == "*" or self.roles is None or role in self.roles
