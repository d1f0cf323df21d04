"""Control groups of this host, version 1 or 2 per controller (cgroups(7)), and the groups of an agent's containers.

A container's group is `CGROUPS_ROOT/AGENT/CONTAINER` in the hierarchy of each controller, where AGENT stands for the
work directory: two agents on one host leave each other's containers alone.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mesosctl.runtime.agent.containerizer.base import Holding, agent_key
from mesosctl.runtime.agent.containerizer.isolator import Isolator, Json
from mesosctl.runtime.agent.records import ExecutorRecord

_MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True)
class Hierarchy:
    path: Path
    """Where it is mounted."""
    version: int


def hierarchies(mountinfo: str, below: str) -> dict[str, Hierarchy]:
    """The controllers that can be used, from /proc/self/mountinfo (see proc(5)): what is mounted at or below a path."""
    found: dict[str, Hierarchy] = {}
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        path = Path(fields.split()[4])
        kind, _, options = rest.split(maxsplit=2)
        if not path.is_relative_to(below):
            continue
        if kind == "cgroup":
            for controller in options.split(","):
                found.setdefault(controller, Hierarchy(path, 1))
        elif kind == "cgroup2":
            with suppress(OSError):
                for controller in path.joinpath("cgroup.controllers").read_text().split():
                    found.setdefault(controller, Hierarchy(path, 2))
    return found


def host_hierarchies(below: str) -> dict[str, Hierarchy]:
    """Those of this host. Raises OSError."""
    return hierarchies(_MOUNTS.read_text(), below)


class Groups:
    """The groups of one agent's containers in the hierarchy of one controller."""

    def __init__(self, hierarchy: Hierarchy, root: str, work_dir: str, controller: str) -> None:
        """Makes the group that holds them. Raises OSError where that is not permitted."""
        self.version = hierarchy.version
        self._path = hierarchy.path / root / agent_key(work_dir)
        self._path.mkdir(parents=True, exist_ok=True)
        if self.version == 2:
            for group in (hierarchy.path, hierarchy.path / root, self._path):
                group.joinpath("cgroup.subtree_control").write_text(f"+{controller}")

    def path(self, container_id: str) -> Path:
        return self._path / container_id

    def names(self) -> set[str]:
        return {entry.name for entry in self._path.iterdir() if entry.is_dir()}

    def write(self, container_id: str, name: str, value: str | int) -> None:
        self.path(container_id).joinpath(name).write_text(str(value))

    def read(self, container_id: str, name: str) -> str:
        return self.path(container_id).joinpath(name).read_text()

    def numbers(self, container_id: str, name: str) -> dict[str, int]:
        """The numbers of a file with a name and a number a line."""
        lines = (line.split() for line in self.read(container_id, name).splitlines())
        return {line[0]: int(line[1]) for line in lines if len(line) == 2}

    def processes(self, container_id: str) -> Iterator[int]:
        for folder, _, _ in os.walk(self.path(container_id)):
            with suppress(FileNotFoundError):
                yield from map(int, Path(folder, "cgroup.procs").read_text().split())

    def kill(self, container_id: str) -> None:
        for pid in self.processes(container_id):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def remove(self, container_id: str) -> bool:
        """Remove a container's group and those within it. False where processes are still in them."""
        for folder, _, _ in os.walk(self.path(container_id), topdown=False):
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                return False
        return True


class CgroupIsolator(Isolator):
    """What the isolators of all controllers have in common."""

    def __init__(self, *groups: Groups) -> None:
        """`groups` are the containers' in all hierarchies that are needed, that of the controller first."""
        self._groups = groups
        self._main = groups[0]
        self._held: dict[str, Holding] = {}

    def prepare(self, executor: ExecutorRecord, held: Holding) -> Json:
        for groups in self._groups:
            groups.path(executor.container_id).mkdir(exist_ok=True)
        self.update(executor.container_id, held)
        return {"cgroups": tuple(str(groups.path(executor.container_id)) for groups in self._groups)}

    def update(self, container_id: str, held: Holding) -> None:
        if self._held.get(container_id) != held:
            self.limit(container_id, held, first=container_id not in self._held)
            self._held[container_id] = held

    def limit(self, container_id: str, held: Holding, *, first: bool) -> None:
        """Set the limits of a container. Raises OSError."""

    def destroy(self, container_id: str) -> None:
        for groups in self._groups:
            groups.kill(container_id)

    def clean_up(self, container_id: str) -> bool:
        self._held.pop(container_id, None)
        self.destroy(container_id)
        removed = [groups.remove(container_id) for groups in self._groups]
        return all(removed)

    def adopt(self, executor: ExecutorRecord, held: Holding) -> None:
        self._held[executor.container_id] = held

    def orphans(self, container_ids: set[str]) -> set[str]:
        return {name for groups in self._groups for name in groups.names()} - container_ids
