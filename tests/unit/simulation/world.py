"""Time, chance, the network and processes that stop and die: what all actors of the simulation share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from mesosctl.runtime.clock import SimulatedClock, Timer
from tests.unit.simulation.trace import brief

Action = Callable[[], Any]


class ViolationError(AssertionError):
    """Something happened that must never happen."""


class SimulationError(Exception):
    """A run went wrong. `world` tells what happened."""

    def __init__(self, seed: int, world: World, cause: BaseException) -> None:
        super().__init__(f"MESOSCTL_TEST_SEED={seed}: {type(cause).__name__}: {cause}")
        self.world = world


class DiedError(Exception):
    """Raised by a process that ends itself in the middle of what it does."""


class World:
    def __init__(self, seed: int, *, traced: bool = False) -> None:
        self.random = Random(seed)
        self.clock = SimulatedClock()
        self.blocked: set[tuple[str, str]] = set()
        """From which host to which nothing comes through."""
        self.slowness = 1.0
        self.trace: list[str] = []
        self.current: Process | None = None
        """What runs now."""
        self._traced = traced
        self._start = self.clock.now()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return self.clock.now() - self._start

    def log(self, who: str, what: str, *details: object) -> None:
        if self._traced:
            self.trace.append(f"{self.seconds:9.3f} {who:10} {what} {' '.join(map(brief, details))}")

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.random.random()

    def latency(self) -> float:
        """Mostly short, sometimes long, so that what goes by different ways comes in any order."""
        seconds = self.random.random() * 0.02
        if self.random.random() < 0.05:
            seconds *= 100 * self.random.random()
        return seconds * self.slowness


class Process:
    """Something that can be stopped and killed; also the clock of what runs in it."""

    def __init__(self, world: World, host: str) -> None:
        self.world = world
        self.host = host
        self.alive = True
        self.stopped = False
        self._held: list[Action] = []

    def now(self) -> float:
        return self.world.clock.now()

    def after(self, seconds: float, callback: Action) -> Timer:
        timer = _ProcessTimer(self, callback)
        self.world.clock.after(seconds, timer.run)
        return timer

    def run(self, action: Action) -> None:
        """Let it do something now, or when it is continued; never, if it is dead."""
        if not self.alive:
            return
        if self.stopped:
            self._held.append(action)
            return
        before, self.world.current = self.world.current, self
        try:
            action()
        except DiedError as error:
            self.world.log(self.host, "dies:", error)
            self.kill()
        finally:
            self.world.current = before

    def kill(self) -> None:
        self.alive = False
        self._held.clear()

    def stop(self) -> None:
        self.stopped = True

    def resume(self) -> None:
        self.stopped = False
        held, self._held = self._held, []
        for action in held:
            self.run(action)


class _ProcessTimer:
    def __init__(self, process: Process, callback: Action) -> None:
        self._process = process
        self._callback: Action | None = callback

    def run(self) -> None:
        if self._callback is not None and self._process.alive:
            self._process.run(self._fire)

    def _fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    def cancel(self) -> None:
        self._callback = None


class Line:
    """One direction of a connection: what is sent arrives in order, late where the network is blocked."""

    def __init__(self, world: World, source: str, target: Process) -> None:
        self._world = world
        self._way = source, target.host
        self._target = target
        self._queue: deque[Action] = deque()
        self._moving = False
        self.cut = False
        """Nothing arrives any more."""

    def send(self, arrive: Action) -> None:
        if self.cut:
            return
        self._queue.append(arrive)
        if not self._moving:
            self._moving = True
            self._world.clock.after(self._world.latency(), self._move)

    def _move(self) -> None:
        if self._way in self._world.blocked and not self.cut:
            self._world.clock.after(1.0, self._move)
            return
        self._moving = False
        while self._queue and not self.cut:
            self._target.run(self._unless_cut(self._queue.popleft()))
            if self._queue and self._world.random.random() < 0.5:  # the next ones are in another segment
                self._moving = True
                self._world.clock.after(self._world.latency(), self._move)
                return

    def _unless_cut(self, arrive: Action) -> Action:
        return lambda: None if self.cut else arrive()


class Stream:
    """A long answer of a server to a client. Both ends learn in their own time that the other is gone."""

    def __init__(self, world: World, client: Process, server: Process, client_ended: Action, server_ended: Action):
        """`client_ended` is called at the client when the server's end is closed, and the other way round."""
        self._to_client = Line(world, server.host, client)
        self._to_server = Line(world, client.host, server)
        self._client_ended = client_ended
        self._server_ended = server_ended
        self._is_served = True

    def send(self, arrive: Action) -> None:
        if self._is_served:
            self._to_client.send(arrive)

    def close_client(self) -> None:
        """The client is gone or hangs up: it hears nothing more."""
        self._to_client.cut = True
        self._to_server.send(self._end_server)

    def close_server(self) -> None:
        """The server is gone or hangs up, after all that it sent."""
        if self._is_served:
            self._is_served = False
            self._to_client.send(self._client_ended)

    def _end_server(self) -> None:
        if self._is_served:
            self._is_served = False
            self._server_ended()


def post(
    client: Process,
    server: Process,
    handle: Callable[[], int],
    answered: Callable[[int | None], None],
    again: float = 0,
) -> None:
    """A request and its answer: a status, or None where the server is gone before it answers.

    While the network is blocked both wait. `again` is the chance that the request comes twice.
    """
    world = client.world

    def arrive() -> None:
        if (client.host, server.host) in world.blocked:
            world.clock.after(1.0, arrive)
        elif server.alive:
            server.run(serve)
            if not server.alive:
                answer(None)
        else:
            answer(None)

    def serve() -> None:
        status = handle()
        world.clock.after(world.latency(), lambda: answer(status))

    def answer(status: int | None) -> None:
        if (server.host, client.host) in world.blocked:
            world.clock.after(1.0, lambda: answer(status))
        else:
            client.run(lambda: answered(status))

    world.clock.after(world.latency(), arrive)
    if again and world.chance(again):
        world.clock.after(world.latency() * 10, lambda: server.run(lambda: handle()))
