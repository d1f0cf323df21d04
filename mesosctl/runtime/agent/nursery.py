"""The agent's side of the nursery (see `mesosctl.runtime.executor.nursery`): built-in executors that start in a moment.

The nursery is started with the first executor and again after it was lost. Executors outlive it: those that it can no
longer tell of are watched by their process ids, and count as failed when they end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from mesosctl.runtime.agent.adopted import UNKNOWN_STATUS, Exited
from mesosctl.runtime.agent.containerizer.base import LaunchError
from mesosctl.runtime.executor.nursery import MAX_MESSAGE_BYTES, Birth, Born, Died
from mesosctl.runtime.executor.processes import kill_all

log = logging.getLogger(__name__)

MODULE = "mesosctl.runtime.executor.nursery"


class Nursery:
    def __init__(self, born: Callable[[str, int], None], exited: Exited, preloaded: Sequence[str] = ()) -> None:
        """`born` is called with a container and the process id of its executor, `exited` as by the launcher.

        `preloaded` names modules that executors need besides.
        """
        self._preloaded = preloaded
        self._born = born
        self._exited = exited
        self._socket: socket.socket | None = None
        self._pids: dict[str, int | None] = {}
        """None: ordered, not born yet."""
        self._doomed: set[str] = set()
        """To be killed as soon as they are born."""
        self._runs: dict[str, asyncio.Future[int]] = {}
        self._orders: deque[bytes] = deque()
        self._decoder: msgspec.json.Decoder[Born | Died] = msgspec.json.Decoder(Born | Died)

    def start(self) -> None:
        """Start the process, if it does not run. Raises OSError."""
        if self._socket is not None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-P", "-m", MODULE, *self._preloaded]
            process = subprocess.Popen(command, stdin=theirs.fileno(), start_new_session=True)
        ours.setblocking(False)
        self._socket = ours
        asyncio.get_running_loop().add_reader(ours, self._read, ours, process)

    def launch(self, birth: Birth) -> None:
        """Order an executor; the files stdout and stderr are in its directory. Raises LaunchError."""
        try:
            self.start()
        except OSError as error:
            raise LaunchError(f"Cannot start the nursery of executors: {error}") from None
        order = msgspec.json.encode(birth)
        if len(order) > MAX_MESSAGE_BYTES:
            raise LaunchError("The environment and the command are too long")
        self._pids[birth.container_id] = None
        self._orders.append(order)
        self._send()

    def _send(self) -> None:
        """Send the orders, as many as the socket takes now."""
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        while self._orders:
            try:
                self._socket.send(self._orders[0])
            except BlockingIOError:
                loop.add_writer(self._socket, self._send)
                return
            except OSError as error:  # reading will tell that it is gone
                log.error("Cannot order an executor: %s", error)
                break
            self._orders.popleft()
        self._orders.clear()
        loop.remove_writer(self._socket)

    async def run(self, birth: Birth) -> int:
        """Order a process that is no executor and return its status when it has ended; killed when this is cancelled.

        Raises LaunchError.
        """
        name = birth.container_id
        self.launch(birth)
        self._runs[name] = asyncio.get_running_loop().create_future()
        try:
            return await self._runs[name]
        finally:
            del self._runs[name]
            self.destroy(name)

    def destroy(self, container_id: str) -> bool:
        """Kill all processes of a container. False where this is none of ours."""
        if container_id not in self._pids:
            return False
        if pid := self._pids[container_id]:
            kill_all(pid)
        else:
            self._doomed.add(container_id)
        return True

    def stop(self) -> None:
        """End the process, not its executors."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            asyncio.get_running_loop().remove_writer(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self, ours: socket.socket, process: subprocess.Popen[bytes]) -> None:
        while True:
            try:
                message = ours.recv(MAX_MESSAGE_BYTES)
            except BlockingIOError:
                return
            except ConnectionError:
                message = b""
            if not message:
                break
            self._heard(self._decoder.decode(message))
        self.stop()
        log.error("The nursery of executors ended with status %d", process.wait())
        for container_id, pid in list(self._pids.items()):
            if pid is None:
                self._gone(container_id)
            else:
                self._watch(container_id, pid)

    def _heard(self, message: Born | Died) -> None:
        match message:
            case Born(container_id, pid):
                self._pids[container_id] = pid
                if container_id in self._doomed:
                    self._doomed.discard(container_id)
                    kill_all(pid)
                if container_id not in self._runs:
                    self._born(container_id, pid)
            case Died(container_id, status):
                self._ended(container_id, status)

    def _watch(self, container_id: str, pid: int) -> None:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self._gone(container_id)
            return
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            self._gone(container_id)

        loop.add_reader(descriptor, ended)

    def _gone(self, container_id: str) -> None:
        self._ended(container_id, UNKNOWN_STATUS)

    def _ended(self, container_id: str, status: int) -> None:
        del self._pids[container_id]
        self._doomed.discard(container_id)
        if run := self._runs.get(container_id):
            if not run.done():
                run.set_result(status)
        else:
            self._exited(container_id, status)
