"""What a container of an executor offers to containers within it."""

from __future__ import annotations

from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.nested import Surroundings, base_environment
from mesosctl.runtime.agent.records import ExecutorState
from mesosctl.runtime.executor.command import with_environment


def parent(agent: Agent, ip: str, container_id: str) -> Surroundings | None:
    """The surroundings in the container of an executor, which a session there gets; None where it does not run."""
    found = agent.ledger.find_container(container_id)
    if found is None or found[1].state is ExecutorState.TERMINATED:
        return None
    executor = found[1]
    command = executor.info.command
    environment = with_environment(base_environment(executor.directory, ip), command.environment if command else None)
    return Surroundings(executor.directory, executor.user, environment, executor.pid, found[0].info.checkpoint)
