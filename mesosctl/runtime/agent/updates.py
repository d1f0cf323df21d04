"""Status updates that arrive: in order per task, repeated until the scheduler has acknowledged them.

Of each task the oldest update that is not acknowledged is sent, and again after 10 s, 20 s and so on up to 10 min (as
in Apache Mesos' src/slave/constants.hpp). No I/O: `forward` is called with what is to be sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field

from mesosctl.runtime.clock import Clock, Timer
from mesosctl.runtime.protocol.basics import FrameworkID, TaskID
from mesosctl.runtime.protocol.tasks import TaskStatus
from mesosctl.runtime.states import TERMINAL

RETRY_FIRST_SECONDS = 10.0
RETRY_LAST_SECONDS = 600.0

Forward = Callable[[FrameworkID, TaskStatus, TaskStatus], None]
"""Called with the framework, the update to send, and the newest one of the same task."""
Key = tuple[str, str]


@dataclass
class _Stream:
    framework_id: FrameworkID
    waiting: deque[TaskStatus] = field(default_factory=deque)
    seen: set[bytes] = field(default_factory=set)
    """The uuid of every update that came."""
    ended: bool = False
    """A terminal update came: what comes after it is dropped."""
    retry_seconds: float = RETRY_FIRST_SECONDS
    timer: Timer | None = None


class StatusUpdates:
    """The updates of all tasks. Paused (nothing is sent) until `resume`."""

    def __init__(self, clock: Clock, forward: Forward) -> None:
        self._clock = clock
        self._forward = forward
        self._streams: dict[Key, _Stream] = {}
        self._paused = True

    def is_new(self, framework_id: FrameworkID, status: TaskStatus) -> bool:
        """False where an update came before, or comes after a terminal one."""
        stream = self._streams.get((framework_id.value, status.task_id.value))
        return stream is None or not (stream.ended or status.uuid in stream.seen)

    def add(self, framework_id: FrameworkID, status: TaskStatus) -> bool:
        """Take an update (its `uuid` is set). False where it is not new."""
        assert status.uuid is not None
        if not self.is_new(framework_id, status):
            return False
        key = (framework_id.value, status.task_id.value)
        stream = self._streams.setdefault(key, _Stream(framework_id))
        stream.seen.add(status.uuid)
        stream.waiting.append(status)
        stream.ended = status.state in TERMINAL
        if len(stream.waiting) == 1:
            self._send(stream)
        return True

    def recover(self, framework_id: FrameworkID, statuses: Sequence[TaskStatus], acknowledged: Set[bytes]) -> None:
        """Take over the updates of a task from the agent before this one, while paused."""
        waiting = [status for status in statuses if status.uuid not in acknowledged]
        ended = any(status.state in TERMINAL for status in statuses)
        if statuses and (waiting or not ended):
            seen = {status.uuid for status in statuses if status.uuid is not None}
            key = (framework_id.value, statuses[0].task_id.value)
            self._streams[key] = _Stream(framework_id, deque(waiting), seen, ended)

    def awaits(self, framework_id: FrameworkID, task_id: TaskID, uuid: bytes) -> bool:
        """Whether it is this update that was sent last."""
        stream = self._streams.get((framework_id.value, task_id.value))
        return stream is not None and bool(stream.waiting) and stream.waiting[0].uuid == uuid

    def acknowledge(self, framework_id: FrameworkID, task_id: TaskID, uuid: bytes) -> TaskStatus | None:
        """The update that this acknowledges; None where it is not the one that was sent last (a late repetition)."""
        if not self.awaits(framework_id, task_id, uuid):
            return None
        key = (framework_id.value, task_id.value)
        stream = self._streams[key]
        acknowledged = stream.waiting.popleft()
        self._stop(stream)
        if stream.waiting:
            self._send(stream)
        elif stream.ended:
            del self._streams[key]
        return acknowledged

    def pause(self) -> None:
        """There is no master: send nothing, keep all."""
        self._paused = True
        for stream in self._streams.values():
            self._stop(stream)

    def resume(self) -> None:
        """There is a master (again): send the oldest update of every task, at once."""
        self._paused = False
        for stream in self._streams.values():
            self._send_again(stream)

    def repeat(self, framework_id: FrameworkID) -> None:
        """The framework's scheduler may be another one now: send it what waits, at once."""
        for stream in self._streams.values():
            if stream.framework_id == framework_id:
                self._send_again(stream)

    def drop_framework(self, framework_id: FrameworkID) -> None:
        """Forget the updates of a framework that is gone: nobody will acknowledge them."""
        for key in [key for key in self._streams if key[0] == framework_id.value]:
            self._stop(self._streams.pop(key))

    def waiting(self, framework_id: FrameworkID, task_id: TaskID) -> int:
        """How many updates of a task are not acknowledged."""
        stream = self._streams.get((framework_id.value, task_id.value))
        return len(stream.waiting) if stream else 0

    def _send_again(self, stream: _Stream) -> None:
        if stream.waiting:
            self._stop(stream)
            self._send(stream)

    def _send(self, stream: _Stream) -> None:
        if self._paused:
            return
        self._forward(stream.framework_id, stream.waiting[0], stream.waiting[-1])
        stream.timer = self._clock.after(stream.retry_seconds, lambda: self._send(stream))
        stream.retry_seconds = min(stream.retry_seconds * 2, RETRY_LAST_SECONDS)

    def _stop(self, stream: _Stream) -> None:
        if stream.timer:
            stream.timer.cancel()
            stream.timer = None
        stream.retry_seconds = RETRY_FIRST_SECONDS
