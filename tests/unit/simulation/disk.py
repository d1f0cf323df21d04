"""The threads of an agent's journal: they take their time, and what they were at when the agent died may be lost."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable

import msgspec

from tests.unit.simulation.world import Process, World


class _Future:
    def __init__(self) -> None:
        self._callbacks: list[Callable[[_Future], None]] = []

    def add_done_callback(self, callback: Callable[[_Future], None]) -> None:
        self._callbacks.append(callback)

    def cancelled(self) -> bool:
        return False

    def exception(self) -> None:
        return None

    def done(self) -> None:
        for callback in self._callbacks:
            callback(self)


class Loop:
    """What the journal needs of an event loop. Its threads take their time, and stop with the process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.doomed: Callable[[], None] | None = None
        """Ends the process while it writes next: the disk hangs until then, and all else goes on."""
        self._hangs = False
        self._threads: dict[object, deque[tuple[Callable[..., None], tuple[object, ...], _Future]]] = {}
        self.call_later = lambda seconds, callback: process.after(seconds, callback)

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._process.after(0, callback)

    def run_in_executor(self, thread: object, work: Callable[..., None], *arguments: object) -> _Future:
        future = _Future()
        if self.doomed and not self._hangs:
            self._hangs = True
            world = self._process.world
            self._process.after(world.random.choice([world.latency(), world.between(0.1, 1.5)]), self.doomed)
        queue = self._threads.setdefault(thread, deque())
        queue.append((work, arguments, future))
        if len(queue) == 1:
            self._process.after(self._process.world.latency(), lambda: self._work(queue))
        return future

    def _work(self, queue: deque[tuple[Callable[..., None], tuple[object, ...], _Future]]) -> None:
        if self._hangs:
            return
        work, arguments, future = queue.popleft()
        work(*arguments)
        self._process.after(self._process.world.latency() / 10, future.done)
        if queue:
            self._process.after(self._process.world.latency(), lambda: self._work(queue))

    def crash(self) -> None:
        """What the threads were at may be done, or not, or half."""
        world = self._process.world
        for queue in self._threads.values():
            for work, arguments, _ in queue:
                if world.chance(0.5):
                    if work.__name__ == "_commit" and world.chance(0.5):
                        line = msgspec.json.encode(arguments[0])
                        os.write(work.__self__._file, line[: int(len(line) * world.random.random())])
                    break
                work(*arguments)


def journal_asyncio(world: World) -> object:
    """To be put in the place of the journal's `asyncio`."""

    class Asyncio:
        @staticmethod
        def get_running_loop() -> Loop:
            assert world.current is not None
            return world.current.loop

    return Asyncio
