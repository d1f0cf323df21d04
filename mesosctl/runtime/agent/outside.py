"""What an agent's decisions act on."""

from __future__ import annotations

from typing import Protocol

from mesosctl.runtime import internal
from mesosctl.runtime.agent.records import Ending, ExecutorRecord
from mesosctl.runtime.protocol import executor as api
from mesosctl.runtime.protocol.basics import AgentID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.resources import Resource


class Outside(Protocol):
    """What the agent's decisions act on. Outcomes of `launch` and `destroy` come back as calls of the agent."""

    def to_master(self, message: internal.FromAgent) -> None: ...

    def to_executor(self, container_id: str, event: api.Event) -> None: ...

    def launch(self, framework: FrameworkInfo, executor: ExecutorRecord) -> None:
        """Start the executor's container: `container_launched` or `container_failed` follows."""

    def hold(self, executor: ExecutorRecord) -> None:
        """The executor has other tasks than before: hold its container to what they hold."""

    def limitation(self, executor: ExecutorRecord) -> Ending | None:
        """The limit that the container went over, if it did."""

    def destroy(self, executor: ExecutorRecord) -> None:
        """Kill all processes of the container: `container_exited` follows, if it did not before."""

    def adopt(self, executor: ExecutorRecord) -> None:
        """Watch a container that an agent before this one launched, by its `pid` and `started`: `container_exited`
        follows when it has ended, at once where it has already."""

    def keep_volumes(self, before: tuple[Resource, ...], now: tuple[Resource, ...]) -> None:
        """Make and remove persistent volumes. Raises OSError."""

    def show_volumes(self, executor: ExecutorRecord) -> None:
        """Let the sandbox of a container show the persistent volumes of a task that came later."""

    def sandbox(self, agent_id: AgentID, framework_id: str, executor_id: str, container_id: str) -> str:
        """The path that the sandbox of a container will have."""
