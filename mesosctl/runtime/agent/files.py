"""Which files of an agent operators see: its log and the sandboxes of the executors that it remembers."""

from __future__ import annotations

from pathlib import PurePosixPath

from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.records import ExecutorRecord, FrameworkRecord
from mesosctl.runtime.agent.sandbox import LATEST
from mesosctl.runtime.agent.visible import user_of
from mesosctl.runtime.http.files import Needed

LOG = "/slave/log"


def attached_files(agent: Agent, log: str | None) -> dict[str, str]:
    """The paths of the host by those that operators use: sandboxes by their own path and as the latest of their
    executor, below the work directory and below `/frameworks`. `log` is None where there is no file.
    """
    found = {} if log is None else {LOG: log}
    frameworks = (*agent.ledger.completed_frameworks.values(), *agent.ledger.frameworks.values())
    for framework in frameworks:
        for executor in (*framework.completed, *framework.executors.values()):
            for path in _paths(framework, executor):
                found[path] = executor.directory
    return found


def needed_for(agent: Agent, path: str) -> Needed:
    """What access control lists must allow one who looks at one of these paths."""
    for framework in (*agent.ledger.frameworks.values(), *agent.ledger.completed_frameworks.values()):
        for executor in (*framework.executors.values(), *framework.completed):
            if path in _paths(framework, executor):
                return "access_sandboxes", user_of(framework, executor)
    return "access_mesos_logs", None


def _paths(framework: FrameworkRecord, executor: ExecutorRecord) -> tuple[str, ...]:
    runs = PurePosixPath(executor.directory).parent
    virtual = f"/frameworks/{framework.id}/executors/{executor.id}/runs/{LATEST}"
    return executor.directory, str(runs / LATEST), virtual
