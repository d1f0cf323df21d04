"""Carries out chapters on one host over a connection that somebody else has made."""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mesosctl import tasks
from mesosctl.distribution import bundled, tarball
from mesosctl.engine import lock, upload
from mesosctl.engine.facts import Facts
from mesosctl.engine.gather import gather
from mesosctl.engine.host_program import Execute, HostProgram
from mesosctl.engine.mask import Mask
from mesosctl.engine.report import Result
from mesosctl.engine.workflow import refuse
from mesosctl.errors import MesosctlError
from mesosctl.inventory.load import load_inventory
from mesosctl.inventory.model import Cluster
from mesosctl.resources.program import Lock, Mode
from mesosctl.resources.types import Resource
from mesosctl.transport import keys

LOCK_SECONDS = 1800
"""How long a host's lock lasts if the run that took it is never heard of again."""

Put = Callable[[Path, str], None]
"""Copies a file to a path of the host, which is root's there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of the chapters on the host."""

    results: tuple[Result, ...]
    notes: tuple[str, ...]


class Chapters:
    """Chapters of a host's cluster. `execute` and `put` reach the host."""

    def __init__(self, inventory: Path, host: str, execute: Execute, put: Put) -> None:
        """Raises MesosctlError for an inventory that is not valid, or has no such host."""
        self._cluster = load_inventory(inventory)
        try:
            self._host = self._cluster.host(host)
        except KeyError:
            raise MesosctlError(
                f"the inventory has no host {host}", where=str(inventory), fix="name the hosts as it does"
            ) from None
        self._execute, self._put = execute, put
        self._lock = Lock(
            run=f"ansible-{secrets.token_hex(3)}",
            controller=lock.controller_id(),
            seconds=LOCK_SECONDS,
            owner=lock.owner(),
        )

    def carry_out(self, names: Sequence[str], *, write: bool, diff: bool, step_timeout: int) -> Done:
        """Reach what the chapters ask for; without `write` only say what would change.

        Raises MesosctlError where a step fails, and for what would lose data.
        """
        facts = gather(self._cluster, self._host, self._execute)
        cluster = self._prepared(names, facts, write=write)
        refuse(cluster, {self._host.name: facts})
        resources = [each for name in names for each in tasks.chapter(name).resources(cluster, self._host, facts)]
        if write:
            self._upload(resources, facts)
        program = HostProgram(
            self._host.name,
            resources,
            Mode(write=write, diff=diff),
            mask=Mask(cluster),
            step_timeout=step_timeout,
            lock=self._lock if write else None,
            unlock=True,
        )
        reader = program.run(self._execute)
        return Done(results=tuple(reader.results.values()), notes=tuple(reader.notes))

    def _prepared(self, names: Sequence[str], facts: Facts, *, write: bool) -> Cluster:
        """The cluster with its keys and what is to be installed, made first where they are missing.

        Ansible works on several hosts in processes of their own: one makes, the others wait.
        """
        cluster = self._cluster
        with _alone(cluster):
            if "ssh_keys" in names and write:
                cluster = replace(cluster, keys=keys.ensure(cluster))
            if "mesos_package" in names:
                cluster = bundled.ensure(cluster, {self._host.name: facts})
            if write:
                tarball.ensure(cluster)
        return cluster

    def _upload(self, resources: Sequence[Resource], facts: Facts) -> None:
        for archive in upload.missing(resources, facts):
            self._put(archive.source, upload.path_of(archive))


@contextmanager
def _alone(cluster: Cluster) -> Iterator[None]:
    cluster.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (cluster.state_dir / "ansible.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
