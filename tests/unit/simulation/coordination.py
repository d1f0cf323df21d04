"""ZooKeeper as the masters use it: sessions, who leads, and the registry with its fence."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mesosctl.runtime.coordination.registry import Changes, update
from tests.unit.simulation.world import ViolationError, World

if TYPE_CHECKING:
    from tests.unit.simulation.masters import MasterProcess

HOST = "zk"
SESSION_SECONDS = 10.0
_CHECK_SECONDS = 2.0


class ZooKeeper:
    def __init__(self, world: World) -> None:
        self._world = world
        self._candidates: dict[MasterProcess, float] = {}
        """In the order of their nodes, and when ZooKeeper heard of them last."""
        self.registry: dict[str, bytes] = {}
        self.epoch = 0
        self._writers: dict[int, MasterProcess] = {}
        self._leader: MasterProcess | None = None
        self._watchers: list[Callable[[MasterProcess | None], None]] = []
        world.clock.after(_CHECK_SECONDS, self._check)

    @property
    def leader(self) -> MasterProcess | None:
        return self._leader

    def enter(self, master: MasterProcess) -> None:
        self._candidates[master] = self._world.clock.now()
        self._elect()

    def leave(self, master: MasterProcess) -> None:
        """Its session is closed."""
        if self._candidates.pop(master, None) is not None:
            self._elect()

    def watch(self, changed: Callable[[MasterProcess | None], None]) -> None:
        self._watchers.append(changed)

    def reaches(self, master: MasterProcess) -> bool:
        return not {(master.host, HOST), (HOST, master.host)} & self._world.blocked

    def valid(self, master: MasterProcess) -> bool:
        """Whether the master may go on in the belief that it leads."""
        heard = self._candidates.get(master)
        return heard is not None and self._world.clock.now() < heard + SESSION_SECONDS

    def take_over(self, master: MasterProcess) -> tuple[int, dict[str, bytes]]:
        self.epoch += 1
        self._writers[self.epoch] = master
        return self.epoch, dict(self.registry)

    def write(self, master: MasterProcess, epoch: int, changes: Changes) -> bool:
        """False where another master has taken over."""
        if self._writers.get(epoch) is not master:
            raise ViolationError(f"{master} writes in epoch {epoch}, which is not its own")
        if epoch != self.epoch:
            return False
        update(self.registry, changes)
        return True

    def _check(self) -> None:
        self._world.clock.after(_CHECK_SECONDS, self._check)
        now = self._world.clock.now()
        for master, heard in [*self._candidates.items()]:
            if master.alive and not master.stopped and self.reaches(master):
                self._candidates[master] = now
            elif now - heard >= SESSION_SECONDS:
                del self._candidates[master]
        self._elect()

    def _elect(self) -> None:
        leader = next(iter(self._candidates), None)
        if leader is self._leader:
            return
        self._leader = leader
        self._world.log(HOST, "leader", leader)
        for watcher in self._watchers:
            watcher(leader)
        if leader is not None:
            leader.elected()
