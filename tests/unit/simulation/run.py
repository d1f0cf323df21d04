"""One run: a cluster, things that go wrong, then peace, in which all must come right."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from unittest import mock

from mesosctl.runtime.agent import journal
from mesosctl.runtime.master.actions import AgentRemoved
from tests.unit.simulation.agents import Host
from tests.unit.simulation.books import Books
from tests.unit.simulation.coordination import ZooKeeper
from tests.unit.simulation.disk import journal_asyncio
from tests.unit.simulation.masters import MasterProcess
from tests.unit.simulation.peace import problems, settle
from tests.unit.simulation.schedulers import Framework
from tests.unit.simulation.trouble import trouble
from tests.unit.simulation.world import SimulationError, ViolationError, World

_RESOURCES = ["cpus:4;mem:1024;disk:512;ports:[1-6]", "cpus:2;mem:512;disk:64;ports:[1-3];cpus(r):1;mem(r):128"]
_MEMORY = Path("/dev/shm")
PEACE_SECONDS = 900.0
_STEP_SECONDS = 30.0


class Cluster:
    def __init__(self, world: World, folder: Path) -> None:
        random = world.random
        self.world = world
        self.zookeeper = ZooKeeper(world)
        self.books = Books(self.zookeeper.registry)
        self.masters: dict[str, MasterProcess | None] = {f"m{number}": None for number in range(random.randint(1, 3))}
        self._runs = 0
        self.hosts = [
            Host(world, self.zookeeper, self.books, f"h{number}", folder, random.choice(_RESOURCES))
            for number in range(random.randint(1, 3))
        ]
        self.frameworks = [
            Framework(world, self.zookeeper, self.books, f"f{number}") for number in range(random.randint(1, 3))
        ]
        for name in self.masters:
            self.start_master(name)
        for host in self.hosts:
            host.start_soon(world.between(0, 2))
        for framework in self.frameworks:
            framework.start_scheduler()

    def start_master(self, name: str) -> None:
        before = self.masters[name]
        if before is not None and before.alive:
            return
        self._runs += 1
        process = MasterProcess(self.world, self.zookeeper, self.books, name, self._runs)
        process.master.state.changed = lambda change: (
            self.books.agent_removed(process.name, change.agent.id) if isinstance(change, AgentRemoved) else None
        )
        self.masters[name] = process

    @property
    def leader(self) -> MasterProcess | None:
        leader = self.zookeeper.leader
        return leader if leader and leader.alive and leader.ready and not leader.stopped else None


def _nothing(*_: object) -> None: ...


@contextmanager
def simulated(world: World) -> Iterator[Path]:
    """Disks that are memory, and chance that is the seed's."""
    chance = Random(world.random.random())
    folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        with (
            mock.patch.multiple(os, urandom=chance.randbytes, sync=_nothing, fsync=_nothing, fdatasync=_nothing),
            mock.patch.object(journal, "asyncio", journal_asyncio(world)),
        ):
            yield folder
    finally:
        shutil.rmtree(folder)


def run(seed: int, *, traced: bool = False) -> World:
    """Raises SimulationError for whatever goes wrong. The world tells what happened."""
    world = World(seed, traced=traced)
    with simulated(world) as folder:
        cluster = Cluster(world, folder)
        world.books = cluster.books
        try:
            trouble(cluster)
            settle(cluster)
            start = world.seconds
            while found := problems(cluster):
                if world.seconds - start > PEACE_SECONDS:
                    raise ViolationError("In the end: " + "; ".join(found))
                world.clock.advance(_STEP_SECONDS)
        except Exception as error:
            raise SimulationError(seed, world, error) from error
        finally:
            for host in cluster.hosts:
                if host.agent:
                    host.agent.kill()
    return world
