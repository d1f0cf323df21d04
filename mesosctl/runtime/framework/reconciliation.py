"""Explicit reconciliation: ask the master for tasks again and again, ever more seldom, until there is news of each.

After docs/reconciliation.md of Apache Mesos: an answer may be missing for a while, as when agents have yet to come back
to a new master. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mesosctl.runtime.clock import Clock, Timer
from mesosctl.runtime.protocol.basics import AgentID, TaskID
from mesosctl.runtime.protocol.scheduler import Call

FIRST_SECONDS = 5.0
MAX_SECONDS = 300.0

Asked = Call.Reconcile.Task


class Reconciliation:
    def __init__(self, clock: Clock, ask: Callable[[tuple[Asked, ...]], None]) -> None:
        """`ask` sends a RECONCILE call for these tasks."""
        self._clock = clock
        self._ask = ask
        self._tasks: dict[TaskID, AgentID | None] = {}
        self._connected = False
        self._seconds = FIRST_SECONDS
        self._timer: Timer | None = None

    @property
    def tasks(self) -> frozenset[TaskID]:
        """Those without an answer."""
        return frozenset(self._tasks)

    def add(self, tasks: Iterable[tuple[TaskID, AgentID | None]]) -> None:
        """Ask for these too, at once where a master is there."""
        self._tasks.update(tasks)
        self._restart()

    def answered(self, task_id: TaskID) -> None:
        """There is a status of this task."""
        self._tasks.pop(task_id, None)

    def connected(self) -> None:
        self._connected = True
        self._restart()

    def disconnected(self) -> None:
        self._connected = False
        self._stop()

    def _restart(self) -> None:
        self._stop()
        self._seconds = FIRST_SECONDS
        if self._connected:
            self._ask_again()

    def _ask_again(self) -> None:
        if not self._tasks:
            return  # a call without tasks would ask for all there are
        self._timer = self._clock.after(self._seconds, self._ask_again)
        self._seconds = min(self._seconds * 2, MAX_SECONDS)
        self._ask(tuple(Asked(task_id, agent_id) for task_id, agent_id in self._tasks.items()))

    def _stop(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
