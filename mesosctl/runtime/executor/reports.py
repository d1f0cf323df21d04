"""What an executor tells its agent: statuses until they are acknowledged, and subscriptions that repeat the rest."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from mesosctl.runtime.clock import Clock
from mesosctl.runtime.protocol.basics import ExecutorID, FrameworkID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.executor import Call
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskStatus

SHUTDOWN_MARGIN_SECONDS = 1.0
"""So much earlier than the agent would, an executor kills its tasks itself."""


@dataclass(frozen=True)
class Identity:
    framework_id: FrameworkID
    executor_id: ExecutorID


class Reports:
    def __init__(self, identity: Identity, clock: Clock, send: Callable[[Call], None]) -> None:
        self._identity = identity
        self._clock = clock
        self._send = send
        self._unacknowledged: dict[bytes, Call.Update] = {}
        self._repeated: frozenset[bytes] = frozenset()
        """Those in the newest call to subscribe."""
        self._known: set[str] = set()
        """The tasks of which the agent has acknowledged something."""

    @property
    def waiting(self) -> bool:
        """Not all is acknowledged."""
        return bool(self._unacknowledged)

    def report(self, status: TaskStatus) -> None:
        new_uuid = uuid.UUID(bytes=os.urandom(16), version=4).bytes
        executor_id = self._identity.executor_id
        status = replace(status, executor_id=executor_id, timestamp=self._clock.now(), uuid=new_uuid)
        self._unacknowledged[new_uuid] = update = Call.Update(status)
        self._send(self._call(Call.Type.UPDATE, update=update))

    def acknowledged(self, task_id: str, acknowledged: bytes) -> None:
        self._known.add(task_id)
        self._unacknowledged.pop(acknowledged, None)

    def subscription(self, tasks: Iterable[TaskInfo]) -> Call:
        """The call to subscribe with, for the first time or again. `tasks`: all that this executor got."""
        unknown = tuple(task for task in tasks if task.task_id.value not in self._known)
        self._repeated = frozenset(self._unacknowledged)
        subscribe = Call.Subscribe(unknown, tuple(self._unacknowledged.values()))
        return self._call(Call.Type.SUBSCRIBE, subscribe=subscribe)

    def subscribed(self) -> None:
        """The agent hears this executor. What was reported while the call was on its way may have come too early."""
        for known, update in self._unacknowledged.items():
            if known not in self._repeated:
                self._send(self._call(Call.Type.UPDATE, update=update))

    def _call(
        self, type_: Call.Type, subscribe: Call.Subscribe | None = None, update: Call.Update | None = None
    ) -> Call:
        return Call(
            executor_id=self._identity.executor_id,
            framework_id=self._identity.framework_id,
            type=type_,
            subscribe=subscribe,
            update=update,
        )


def has_killing_state(framework: FrameworkInfo | None) -> bool:
    """Whether a framework knows TASK_KILLING."""
    killing = FrameworkInfo.Capability.Type.TASK_KILLING_STATE
    return framework is not None and any(capability.type is killing for capability in framework.capabilities)
