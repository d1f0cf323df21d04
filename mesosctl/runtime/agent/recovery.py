"""Reads what an agent before this one wrote down (see `mesosctl.runtime.agent.checkpoint`)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from mesosctl.runtime.agent.checkpoint import (
    AGENT_INFO,
    BOOT_ID,
    EXECUTOR_INFO,
    FORKED_PID,
    FRAMEWORK_INFO,
    LATEST,
    META,
    RESOURCES,
    RUN_INFO,
    SENTINEL,
    STARTS,
    TASK_INFO,
    TASK_UPDATES,
    Acknowledgement,
    Forked,
    Run,
    Update,
)
from mesosctl.runtime.agent.journal import JournalError, replay, save
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskStatus

log = logging.getLogger(__name__)

T = TypeVar("T")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class RecoveryError(Exception):
    """Why an agent cannot take over from the one before it, and what to do."""


@dataclass
class FoundTask:
    info: TaskInfo
    statuses: list[TaskStatus] = field(default_factory=list)
    acknowledged: set[bytes] = field(default_factory=set)


@dataclass
class FoundRun:
    executor: ExecutorInfo
    container_id: str
    run: Run
    forked: Forked | None
    completed: bool
    tasks: list[FoundTask]
    changed: float
    """When it was last written to, in seconds since the epoch: for a completed one, when it ended."""


@dataclass
class FoundFramework:
    info: FrameworkInfo
    runs: list[FoundRun]


@dataclass
class Found:
    """`info` is None where no agent registered before."""

    info: AgentInfo | None
    frameworks: list[FoundFramework]
    resources: tuple[Resource, ...]
    rebooted: bool
    starts: int = 0
    """How many agents there were before this one."""
    errors: int = 0
    """How many checkpoints could not be read."""


def find(work_dir: str, *, strict: bool, boot_id: str | None = None) -> Found:
    """All that was written down. What cannot be read is an error if `strict`, else it is left out with a warning.

    Raises RecoveryError and OSError.
    """
    meta = Path(work_dir, META)
    reader = _Reader(meta, strict)
    boot_id = boot_id or _BOOT_ID.read_text().strip()
    file = meta / BOOT_ID
    before = file.read_text().strip() if file.exists() else boot_id
    rebooted = before != boot_id
    if rebooted or not file.exists():
        if rebooted:
            log.info("This host was rebooted: what ran on it is gone")
        save(file, boot_id.encode())
    starts = reader.optional(meta / STARTS, int) or 0
    save(meta / STARTS, b"%d" % (starts + 1))
    resources = reader.optional(meta / RESOURCES, tuple[Resource, ...]) or ()
    folder = meta / LATEST
    if not folder.exists():
        return Found(None, [], resources, rebooted, starts)
    folder = folder.resolve()
    try:
        replay(folder)
    except JournalError as error:
        reader.complain(str(error))
    info = reader.optional(folder / AGENT_INFO, AgentInfo)
    if info is None:
        return Found(None, [], resources, rebooted, starts, reader.errors)
    frameworks = list(reader.frameworks(folder))
    return Found(info, frameworks, resources, rebooted, starts, reader.errors)


def forget(work_dir: str) -> None:
    """Let the next agent with this work directory be a new one."""
    Path(work_dir, META, LATEST).unlink(missing_ok=True)


def remedy(work_dir: str) -> str:
    """The words of Apache Mesos for an agent that cannot go on as what it was."""
    return (
        "To restart this agent with a new agent id instead, do as follows:\n"
        f"rm -f {Path(work_dir, META, LATEST)}\n"
        "This ensures that the agent does not recover old live executors."
    )


class _UnreadableError(Exception):
    pass


class _Reader:
    def __init__(self, meta: Path, strict: bool) -> None:
        self._meta = meta
        self._strict = strict
        self.errors = 0

    def complain(self, problem: str) -> None:
        if self._strict:
            raise RecoveryError(
                f"Cannot read a checkpoint: {problem}\nStart with --no-strict to go on without what cannot be read. "
                + remedy(str(self._meta.parent))
            )
        self.errors += 1
        log.warning("Going on without a checkpoint that cannot be read: %s", problem)

    def optional(self, path: Path, type_: type[T]) -> T | None:
        """None where there is no such file, or one that cannot be read."""
        try:
            return _decode(path, type_) if path.exists() else None
        except _UnreadableError as error:
            self.complain(str(error))
            return None

    def frameworks(self, folder: Path) -> Iterator[FoundFramework]:
        for each in _folders(folder / "frameworks"):
            try:
                info = _decode(each / FRAMEWORK_INFO, FrameworkInfo)
            except _UnreadableError as error:
                self.complain(str(error))
                continue
            yield FoundFramework(
                info, [run for executor in _folders(each / "executors") for run in self._runs(executor)]
            )

    def _runs(self, folder: Path) -> Iterator[FoundRun]:
        for each in _folders(folder / "runs"):
            try:
                yield FoundRun(
                    executor=_decode(folder / EXECUTOR_INFO, ExecutorInfo),
                    container_id=each.name,
                    run=_decode(each / RUN_INFO, Run),
                    forked=_decode(each / FORKED_PID, Forked) if each.joinpath(FORKED_PID).exists() else None,
                    completed=each.joinpath(SENTINEL).exists(),
                    tasks=list(self._tasks(each)),
                    changed=each.stat().st_mtime,
                )
            except _UnreadableError as error:
                self.complain(str(error))

    def _tasks(self, folder: Path) -> Iterator[FoundTask]:
        for each in _folders(folder / "tasks"):
            try:
                task = FoundTask(_decode(each / TASK_INFO, TaskInfo))
                for line in _lines(each / TASK_UPDATES):
                    match line:
                        case Update():
                            task.statuses.append(line.status)
                        case Acknowledgement():
                            task.acknowledged.add(line.uuid)
                yield task
            except _UnreadableError as error:
                self.complain(str(error))


def _folders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(each for each in path.iterdir() if each.is_dir() and not each.is_symlink())


def _decode(path: Path, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _UnreadableError(f"{path}: {error}") from None


def _lines(path: Path) -> list[Update | Acknowledgement]:
    """The lines of `task.updates`. A last one that is cut off was never durable: it is removed."""
    decoder = msgspec.json.Decoder(Update | Acknowledgement)
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        log.warning("%s: the last record is cut off", path)
        with path.open("r+b") as file:
            file.truncate(whole)
    lines = content[:whole].split(b"\n")[:-1]
    try:
        return [decoder.decode(line) for line in lines]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _UnreadableError(f"{path}: {error}") from None
