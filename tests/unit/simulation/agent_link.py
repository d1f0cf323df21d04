"""An agent's connection to the leading master, as `mesosctl.runtime.agent.master_link` keeps it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mesosctl.runtime import internal
from mesosctl.runtime.clock import Timer
from tests.unit.simulation.coordination import ZooKeeper
from tests.unit.simulation.masters import MasterProcess
from tests.unit.simulation.world import Line, Stream, post

if TYPE_CHECKING:
    from tests.unit.simulation.agents import AgentProcess

_MISSED_PINGS = 5
_MAX_BACKOFF_SECONDS = 60.0


class Link:
    def __init__(self, process: AgentProcess, zookeeper: ZooKeeper) -> None:
        self._process = process
        self._zookeeper = zookeeper
        self._world = process.world
        self._master: MasterProcess | None = None
        self._attempt = 0
        """Number of the connection; what belongs to an earlier one is of no interest."""
        self._limit = 1.0
        self._stream: Stream | None = None
        self._line: Line | None = None
        self._connected = False
        self._admitted = False
        self._outgoing: deque[internal.FromAgent] | None = None
        self._ping_seconds = 15.0
        self._watchdog: Timer | None = None

    def start(self) -> None:
        self._zookeeper.watch(
            lambda leader: self._world.clock.after(
                self._world.between(0, 3), lambda: self._process.run(lambda: self._detected(leader))
            )
        )
        self._detected(self._zookeeper.leader)

    def drop(self) -> None:
        """The process is dead, or follows another master: the kernel closes what is open."""
        self._attempt += 1
        if self._watchdog:
            self._watchdog.cancel()
        self._outgoing, self._admitted = None, False
        if self._stream:
            self._stream.close_client()
            self._stream = None

    def _detected(self, leader: MasterProcess | None) -> None:
        if leader is not None and leader is not self._master and leader is self._zookeeper.leader:
            self._master = leader
            self._limit = 1.0
            self._lose()

    def _lose(self) -> None:
        """The connection is over; another one follows."""
        connected, self._connected = self._connected, False
        self.drop()
        if connected:
            self._process.agent.disconnected()
        attempt = self._attempt
        seconds = self._world.between(0, min(self._limit, _MAX_BACKOFF_SECONDS))
        self._limit *= 2
        self._process.after(seconds, lambda: self._register() if attempt == self._attempt else None)

    def _register(self) -> None:
        process, master, attempt = self._process, self._master, self._attempt
        self._outgoing = deque()
        message = process.agent.registration()
        self._world.log(process.name, "->", master, message)
        self._connected = True
        self._line = Line(self._world, process.host, master)
        self._expect_ping(15.0)

        def handle() -> int:
            stream = master.serve_agent(_AgentEnd(self, attempt), message)
            if stream is None:
                return 503
            if attempt == self._attempt:
                self._stream = stream
            else:
                stream.close_client()  # it arrives when nobody reads the answer any more
            return 200

        def answered(status: int | None) -> None:
            if status != 200 and attempt == self._attempt:
                self._lose()

        post(process, master, handle, answered)

    def hears(self, attempt: int, stream: Stream, message: internal.ToAgent) -> None:
        if attempt != self._attempt:
            return
        process = self._process
        match message:
            case internal.Registered():
                self._limit = 1.0
                self._ping_seconds = message.ping_seconds
                self._admitted = True
                self._speak()
                process.agent.registered(message.agent_id, message.master)
            case internal.Refused():
                process.refused(message.reason)
                return
            case internal.Ping():
                self.send(internal.Pong())
            case _:
                process.from_master(message)
        self._expect_ping(self._ping_seconds)

    def ended(self, attempt: int) -> None:
        if attempt == self._attempt:
            self._lose()

    def send(self, message: internal.FromAgent) -> None:
        if self._outgoing is not None:
            self._outgoing.append(message)
            self._speak()

    def _speak(self) -> None:
        """All on the connection that the registration came by."""
        process, master = self._process, self._master
        while self._admitted and self._outgoing:
            message, stream = self._outgoing.popleft(), self._stream
            if not isinstance(message, internal.Pong):
                self._world.log(process.name, "->", master, message)
            self._line.send(lambda message=message, stream=stream: master.serve_message(stream.id, message))

    def _expect_ping(self, seconds: float) -> None:
        if self._watchdog:
            self._watchdog.cancel()
        self._watchdog = self._process.after(seconds * _MISSED_PINGS, self._lose)


class _AgentEnd:
    """The agent's end of one connection, as the master's streams know it."""

    def __init__(self, link: Link, attempt: int) -> None:
        self._link = link
        self._attempt = attempt
        process = link._process
        self.world, self.host, self.name, self.run = process.world, process.host, process.name, process.run

    def from_master(self, message: internal.ToAgent) -> None:
        self._link.hears(self._attempt, None, message)

    def ended(self, stream_id: str) -> None:
        self._link.ended(self._attempt)
