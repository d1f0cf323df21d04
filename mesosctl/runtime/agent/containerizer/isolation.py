"""The isolators that `--isolation` names."""

from __future__ import annotations

from mesosctl.runtime.agent.containerizer.isolator import Isolator
from mesosctl.runtime.flags.agent import AgentFlags


def isolators(flags: AgentFlags) -> list[Isolator]:
    """In the order in which they prepare a container. Raises ValueError where the flag names one that there is not."""
    return []
