"""Lets nothing that an agent decides be seen outside before what it wrote down until then is durable."""

from __future__ import annotations

from mesosctl.runtime import internal
from mesosctl.runtime.agent.journal import Journal
from mesosctl.runtime.agent.outside import Outside
from mesosctl.runtime.agent.records import Ending, ExecutorRecord
from mesosctl.runtime.protocol.basics import AgentID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.executor import Event
from mesosctl.runtime.protocol.resources import Resource


class Durable:
    """An `Outside` around another one. All effects keep their order."""

    def __init__(self, outside: Outside, journal: Journal) -> None:
        self._outside = outside
        self._journal = journal

    def to_master(self, message: internal.FromAgent) -> None:
        self._journal.after(lambda: self._outside.to_master(message))

    def to_executor(self, container_id: str, event: Event) -> None:
        self._journal.after(lambda: self._outside.to_executor(container_id, event))

    def launch(self, framework: FrameworkInfo, executor: ExecutorRecord) -> None:
        self._journal.after(lambda: self._outside.launch(framework, executor))

    def hold(self, executor: ExecutorRecord) -> None:
        self._journal.after(lambda: self._outside.hold(executor))

    def limitation(self, executor: ExecutorRecord) -> Ending | None:
        return self._outside.limitation(executor)

    def destroy(self, executor: ExecutorRecord) -> None:
        self._journal.after(lambda: self._outside.destroy(executor))

    def adopt(self, executor: ExecutorRecord) -> None:
        self._outside.adopt(executor)

    def keep_volumes(self, before: tuple[Resource, ...], now: tuple[Resource, ...]) -> None:
        self._outside.keep_volumes(before, now)

    def show_volumes(self, executor: ExecutorRecord) -> None:
        self._journal.after(lambda: self._outside.show_volumes(executor))

    def sandbox(self, agent_id: AgentID, framework_id: str, executor_id: str, container_id: str) -> str:
        return self._outside.sandbox(agent_id, framework_id, executor_id, container_id)
