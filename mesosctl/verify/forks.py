"""Work on each of many things in a process of its own, which begins as a copy of this one.

So it has all that is at hand here, secrets included, without a word of it crossing a pipe; only what it finds does.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Generic, TypeVar

from mesosctl.errors import MesosctlError

Item = TypeVar("Item")
Found = TypeVar("Found")

FORK = multiprocessing.get_context("fork")


def side_by_side(items: Sequence[Item], work: Callable[[Item], Found], at_most: int) -> Iterator[Found]:
    """What `work` finds for each item, as it is found, at most so many at a time.

    No thread may run when this is called. Raises MesosctlError where a process ends without a word; what still runs
    is ended with the iterator.
    """
    waiting = list(reversed(items))
    running: dict[Connection, _Fork[Item, Found]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_most:
                fork = _Fork(waiting.pop(), work)
                running[fork.said] = fork
            for said in wait(list(running)):
                assert isinstance(said, Connection)
                yield running.pop(said).found()
    finally:
        for fork in running.values():
            fork.end()


class _Fork(Generic[Item, Found]):
    def __init__(self, item: Item, work: Callable[[Item], Found]) -> None:
        self.item = item
        self.said, own = FORK.Pipe(duplex=False)
        self._process: ForkProcess = FORK.Process(target=_do, args=(item, work, own), daemon=True)
        self._process.start()
        own.close()

    def found(self) -> Found:
        try:
            found: Found = self.said.recv()
        except EOFError:
            self._process.join()
            raise MesosctlError(f"the process for {self.item} ended with {self._process.exitcode}") from None
        self.end()
        return found

    def end(self) -> None:
        self._process.terminate()
        self._process.join()
        self.said.close()


def _do(item: Item, work: Callable[[Item], Found], own: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches it, too, but it is ended by who began it
    own.send(work(item))
