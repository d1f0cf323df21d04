"""What an isolator is: one kind of limit or of separation that the mesos containerizer puts around an executor."""

from __future__ import annotations

from typing import Any

from mesosctl.runtime.agent.containerizer.base import Holding
from mesosctl.runtime.agent.records import Ending, ExecutorRecord

Json = dict[str, Any]


class Isolator:
    """The base of all: it does nothing."""

    def prepare(self, executor: ExecutorRecord, held: Holding) -> Json:
        """Make ready. Returns fields of the `Preparation` that the container's first process needs.

        Raises OSError, and ValueError with the reason where the executor asks for what cannot be had.
        """
        return {}

    def update(self, container_id: str, held: Holding) -> None:
        """Raises OSError."""

    def limitation(self, container_id: str) -> Ending | None:
        """The limit that the container went over, if it did."""
        return None

    def usage(self, container_id: str) -> Json:
        """Fields of its ResourceStatistics. Raises OSError."""
        return {}

    def destroy(self, container_id: str) -> None:
        """Kill what runs in the container, wherever it hides. Raises OSError."""

    def clean_up(self, container_id: str) -> bool:
        """Remove what `prepare` made. False: not yet, something still runs. Raises OSError."""
        return True

    def adopt(self, executor: ExecutorRecord, held: Holding) -> None:
        """Take over a container that an agent before this one prepared."""

    def orphans(self, container_ids: set[str]) -> set[str]:
        """The containers that an agent before this one prepared and that are not among these. Raises OSError."""
        return set()
