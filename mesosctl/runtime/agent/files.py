"""Which files of an agent operators see: its log and the sandboxes of the executors that it remembers."""

from __future__ import annotations

from pathlib import PurePosixPath

from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.sandbox import LATEST

LOG = "/slave/log"


def attached_files(agent: Agent, log: str | None) -> dict[str, str]:
    """The paths of the host by those that operators use: sandboxes by their own path and as the latest of their
    executor, below the work directory and below `/frameworks`. `log` is None where there is no file.
    """
    found = {} if log is None else {LOG: log}
    frameworks = (*agent.ledger.completed_frameworks, *agent.ledger.frameworks.values())
    for framework in frameworks:
        for executor in (*framework.completed, *framework.executors.values()):
            runs = PurePosixPath(executor.directory).parent
            virtual = f"/frameworks/{framework.id}/executors/{executor.id}/runs/{LATEST}"
            for path in (executor.directory, str(runs / LATEST), virtual):
                found[path] = executor.directory
    return found
