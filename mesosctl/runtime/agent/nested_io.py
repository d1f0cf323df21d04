"""The input and output of a container that can be attached to: pipes or a terminal, held by the agent.

What the container writes goes to all who are attached, as fast as the slowest of them takes it, and to the sandbox's
files where it has some. What is written while nobody is attached yet is kept for the first, up to a bound.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import BinaryIO

from mesosctl.runtime.executor.terminal import open_terminal, set_size
from mesosctl.runtime.protocol.agent import ProcessIO
from mesosctl.runtime.protocol.containers import TTYInfo

_CHUNK_BYTES = 64 * 1024
_WAITING = 64
"""So many records may wait for one who is attached."""

Data = ProcessIO.Data


class Ends:
    """The container's side of its input and output; closed by `close` once it has been started."""

    def __init__(self, stdin: int, stdout: int, stderr: int) -> None:
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr

    def close(self) -> None:
        for descriptor in {self.stdin, self.stdout, self.stderr}:
            os.close(descriptor)


class Switchboard:
    def __init__(self, tty: TTYInfo | None, user: str | None, keep: Callable[[str], BinaryIO] | None) -> None:
        """`keep` opens the file of the sandbox for "stdout" and "stderr"; None where nothing is kept.

        A terminal belongs to `user`. Raises OSError and LookupError.
        """
        self.is_terminal = tty is not None
        self.input_taken = False
        """One at a time may be attached to the input."""
        self._input_open = True
        self._attached: set[asyncio.Queue[ProcessIO | None]] = set()
        self._early: asyncio.Queue[ProcessIO | None] | None = asyncio.Queue(_WAITING)
        self._attached.add(self._early)
        if tty is not None:
            master, slave = open_terminal(tty, user)
            self.ends = Ends(slave, slave, slave)
            self._stdin = master
            self._outputs = [_Output(master, Data.Type.STDOUT, keep("stdout") if keep else None)]
        else:
            stdin, self._stdin = os.pipe()
            stdout, stdout_end = os.pipe()
            stderr, stderr_end = os.pipe()
            self.ends = Ends(stdin, stdout_end, stderr_end)
            self._outputs = [
                _Output(stdout, Data.Type.STDOUT, keep("stdout") if keep else None),
                _Output(stderr, Data.Type.STDERR, keep("stderr") if keep else None),
            ]
        for descriptor in {self._stdin, *(output.descriptor for output in self._outputs)}:
            os.set_blocking(descriptor, False)
        self._finished = False
        self._pumps = asyncio.gather(*(self._pump(output) for output in self._outputs))

    def resize(self, tty: TTYInfo) -> None:
        """Give the terminal another size."""
        if self.is_terminal and self._input_open:
            set_size(self._stdin, tty)

    async def output(self) -> AsyncGenerator[ProcessIO, None]:
        """What is written from now on, until the container has ended; with what nobody has heard yet."""
        queue = self._early or asyncio.Queue(_WAITING)
        self._early = None
        self._attached.add(queue)
        try:
            while not (self._finished and queue.empty()) and (record := await queue.get()) is not None:
                yield record
        finally:
            self._attached.discard(queue)
            while not queue.empty():  # frees a pump that waits for this one
                queue.get_nowait()

    async def write(self, data: bytes) -> None:
        """Write to the container's input; dropped once that is closed."""
        while data and self._input_open:
            try:
                data = data[os.write(self._stdin, data) :]
            except BlockingIOError:
                await _ready(self._stdin, write=True)
            except OSError:
                self.close_input()

    def close_input(self) -> None:
        """The container reads the end of its input: ^D where it is a terminal."""
        if not self._input_open:
            return
        if self.is_terminal:
            with contextlib.suppress(OSError):
                os.write(self._stdin, b"\x04")
        else:
            self._input_open = False
            os.close(self._stdin)

    async def finish(self) -> None:
        """The container's processes are gone: deliver what they left, then end the streams."""
        await self._pumps
        if not self.is_terminal:
            self.close_input()
        self._input_open = False
        for output in self._outputs:
            output.close()
        self._finished = True
        await self._deliver(None)

    async def _pump(self, output: _Output) -> None:
        async for data in _chunks(output.descriptor):
            if output.file:
                output.file.write(data)
            record = ProcessIO(type=ProcessIO.Type.DATA, data=Data(output.type, data))
            await self._deliver(record)

    async def _deliver(self, record: ProcessIO | None) -> None:
        for queue in list(self._attached):
            if queue is self._early and queue.full():
                queue.get_nowait()
            await queue.put(record)


@dataclass
class _Output:
    descriptor: int
    type: Data.Type
    file: BinaryIO | None

    def close(self) -> None:
        os.close(self.descriptor)
        if self.file:
            self.file.close()


async def _chunks(descriptor: int) -> AsyncIterator[bytes]:
    while True:
        try:
            data = os.read(descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            await _ready(descriptor)
            continue
        except OSError:  # of a terminal that nobody has open any more
            return
        if not data:
            return
        yield data


async def _ready(descriptor: int, *, write: bool = False) -> None:
    """Wait until a descriptor can be read or written."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    # A terminal's one descriptor serves both ways, and the loop keeps readers and writers apart.
    add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    add(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        remove(descriptor)
