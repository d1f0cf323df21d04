"""What the allocator is told once, and what a cycle of it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mesosctl.runtime.protocol.basics import DomainInfo
from mesosctl.runtime.resources import Resources


@dataclass(frozen=True)
class Options:
    """Flags of the master that concern allocation, with their defaults."""

    allocation_interval: float = 1.0
    """Seconds between two cycles; no filter holds shorter than that."""
    min_allocatable: tuple[Mapping[str, float], ...] = ({"cpus": 0.01}, {"mem": 32.0})
    """Nothing is offered that does not reach all amounts of at least one of these. Empty: all is offered."""
    filter_gpu_resources: bool = True
    """Offer agents with GPUs only to frameworks with GPU_RESOURCES."""
    fairness_excluded: frozenset[str] = frozenset()
    """Names of resources that do not count as dominant."""
    recovery_timeout: float = 600.0
    agent_recovery_factor: float = 0.8
    """After `recover` no cycle allocates before this share of the agents is back or the timeout (seconds) is over."""
    domain: DomainInfo | None = None
    """The master's: agents of other regions are offered to REGION_AWARE frameworks only."""


class Allocation(NamedTuple):
    """From now on `resources` of the agent are the framework's, to be offered under `role`.

    All of them carry `allocation_info` with that role. They stay taken until they are recovered.
    """

    framework_id: str
    role: str
    agent_id: str
    resources: Resources
