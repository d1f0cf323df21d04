"""The agent's side of the fetcher: has the URIs of an executor's command fetched, and keeps those that tasks share.

The cache holds whole files, for each user apart. It is empty when an agent starts; what was not used for longest goes
first when it is full.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import shutil
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mesosctl.runtime.agent.containerizer.base import LaunchError, agent_key
from mesosctl.runtime.agent.nursery import Nursery
from mesosctl.runtime.executor.nursery import PLAN, Birth
from mesosctl.runtime.fetcher.download import FetchError, basename
from mesosctl.runtime.fetcher.program import HERE, Item, Plan
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.protocol.containers import CommandInfo

log = logging.getLogger(__name__)

_TAIL_BYTES = 2000
Key = tuple[str, str]
"""A user ("" is the agent's own) and a URI."""


@dataclass(frozen=True)
class Destination:
    """A sandbox, with its files stdout and stderr."""

    container_id: str
    directory: str
    user: str | None


@dataclass
class _Entry:
    path: Path
    ready: asyncio.Future[bool]
    """Whether it could be downloaded."""
    size: int = 0
    users: int = 0


class Fetcher:
    def __init__(self, flags: AgentFlags, nursery: Nursery) -> None:
        self._flags = flags
        self._nursery = nursery
        self._directory = Path(flags.fetcher_cache_dir, agent_key(flags.work_dir))
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._serial = 0
        self._failed = self._succeeded = 0

    def start(self) -> None:
        """Forget what an agent before this one kept."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def metrics(self) -> dict[str, float]:
        """By Mesos' names."""
        return {
            "containerizer/fetcher/cache_size_total_bytes": float(self._flags.fetcher_cache_size),
            "containerizer/fetcher/cache_size_used_bytes": float(self._used_bytes()),
            "containerizer/fetcher/task_fetches_failed": float(self._failed),
            "containerizer/fetcher/task_fetches_succeeded": float(self._succeeded),
        }

    def _used_bytes(self) -> int:
        return sum(entry.size for entry in self._entries.values())

    async def fetch(self, uris: Sequence[CommandInfo.URI], to: Destination) -> None:
        """Put what URIs name into a sandbox. Raises LaunchError."""
        if not uris:
            return
        held: list[_Entry] = []
        try:
            items = [await self._item(uri, to, held) for uri in uris]
            await self._run(to, HERE, items, to.container_id)
        except BaseException:
            self._failed += 1
            raise
        finally:
            for entry in held:
                entry.users -= 1
            self._make_room()
        self._succeeded += 1

    async def _item(self, uri: CommandInfo.URI, to: Destination, held: list[_Entry]) -> Item:
        item = Item(uri.value, uri.extract, bool(uri.executable), uri.output_file)
        if not uri.cache:
            return item
        entry = await self._cached(uri.value, to)
        if entry is None:
            return item
        entry.users += 1
        held.append(entry)
        return msgspec.structs.replace(item, cached=str(entry.path))

    async def _cached(self, uri: str, to: Destination) -> _Entry | None:
        """The entry with the file, downloaded now if it is not there. None: it cannot be kept, so fetch it directly."""
        key = (to.user or "", uri)
        if entry := self._entries.get(key):
            self._entries.move_to_end(key)
            return entry if await asyncio.shield(entry.ready) else None
        try:
            entry = self._new_entry(uri, to.user)
        except (OSError, LookupError, FetchError) as error:
            log.warning("Cannot keep '%s' in the fetcher's cache: %s", uri, error)
            return None
        self._entries[key] = entry
        try:
            item = Item(uri, output_file=entry.path.name)
            await self._run(to, str(entry.path.parent), [item], f"{to.container_id}.cache{self._serial}")
            entry.size = entry.path.stat().st_size
            entry.ready.set_result(True)
        except (LaunchError, OSError) as error:
            log.warning("Cannot keep '%s' in the fetcher's cache: %s", uri, error)
        finally:
            if not entry.ready.done():
                entry.ready.set_result(False)
                del self._entries[key]
        return entry if entry.ready.result() else None

    def _new_entry(self, uri: str, user: str | None) -> _Entry:
        folder = self._directory / (user or "agent")
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
            if user is not None:
                shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
        self._serial += 1
        return _Entry(folder / f"c{self._serial:05}-{basename(uri)}", asyncio.get_running_loop().create_future())

    def _make_room(self) -> None:
        excess = self._used_bytes() - self._flags.fetcher_cache_size
        for key, entry in list(self._entries.items()):
            if excess > 0 and not entry.users and entry.ready.done():
                excess -= entry.size
                del self._entries[key]
                with suppress(OSError):
                    entry.path.unlink()

    async def _run(self, to: Destination, directory: str, items: Iterable[Item], name: str) -> None:
        flags = self._flags
        plan = Plan(directory, tuple(items), to.user, flags.fetcher_stall_timeout, flags.frameworks_home)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MESOS_")}
        environment[PLAN] = msgspec.json.encode(plan).decode()
        status = await self._nursery.run(Birth(f"{name}.fetcher", to.directory, environment))
        if status != 0:
            reason = _last_line(Path(to.directory, "stderr"))
            raise LaunchError(f"Failed to fetch all URIs for container '{to.container_id}': {reason}")


def _last_line(path: Path) -> str:
    """What the fetcher said last."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return "the fetcher failed"
    with open(descriptor, "rb") as file:
        file.seek(max(0, os.fstat(descriptor).st_size - _TAIL_BYTES))
        lines = file.read(_TAIL_BYTES).decode(errors="replace").splitlines()
    return lines[-1] if lines else "the fetcher failed"
