"""The durable store of an agent's checkpoints, and the order of things: nothing that the agent does is seen outside
before what it wrote down until then is safe on the disk.

All that is written in one turn of the event loop is one line of `journal`, made durable by one fdatasync in a thread
(a group commit); then the effects that waited for it happen. The files that the line speaks of are written later, by
another thread. Whoever opens the journal again writes them once more: a process that was killed may have left some out.
When the journal is long, a new one is begun, and the old one removed once everything is on the disk.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from mesosctl.runtime.agent.checkpoint import AGENT_INFO, JOURNAL, LATEST, META, SENTINEL, agent_folder
from mesosctl.runtime.files import sync_folder

_LONG_BYTES = 16 * 2**20
_LATER_SECONDS = 0.5
_OLD = f"{JOURNAL}.old"
_REMOVE = -1


class Change(msgspec.Struct, frozen=True, array_like=True):
    """`offset` None: replace the file by `content`; _REMOVE: remove the folder; else write `content` there."""

    path: str
    offset: int | None
    content: str


class Journal:
    def __init__(self, work_dir: str, failed: Callable[[Exception], None]) -> None:
        """`failed` is called when something cannot be made durable: the agent must not go on. Raises OSError."""
        self._meta = Path(work_dir, META)
        self._meta.mkdir(parents=True, exist_ok=True)
        self._failed = failed
        self._folder: Path | None = None
        self._file = -1
        self._size = 0
        self._changes: list[Change] = []
        self._waiting: list[Callable[[], None]] = []
        self._busy = False
        """A commit is under way or due, or its effects are happening."""
        self._offsets: dict[str, int] = {}
        self._committed: list[Change] = []
        """What is durable and not in its file."""
        self._later: asyncio.TimerHandle | None = None
        self._renewing = False
        self._thread = ThreadPoolExecutor(1, "journal")
        self._writer = ThreadPoolExecutor(1, "checkpoints")
        self._encode = msgspec.json.Encoder().encode

    def save(self, path: str, content: bytes) -> None:
        save(self._meta / path, content)

    def register(self, agent_id: str, info: bytes) -> None:
        folder = self._meta / agent_folder(agent_id)
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.joinpath(AGENT_INFO).exists() or folder.joinpath(AGENT_INFO).read_bytes() != info:
            save(folder / AGENT_INFO, info)
        latest = self._meta / LATEST
        if not latest.is_symlink() or os.readlink(latest) != agent_id:
            new = latest.with_name(".latest")
            new.unlink(missing_ok=True)
            new.symlink_to(agent_id)
            os.replace(new, latest)
            sync_folder(latest.parent)
        if self._folder != folder:
            self._folder = folder
            self._open()

    def put(self, path: str, content: bytes) -> None:
        folder, _, name = path.rpartition("/")
        if name == SENTINEL:
            self._forget(folder)
        self._change(Change(path, None, content.decode()))

    def add(self, path: str, line: bytes) -> None:
        assert self._folder is not None
        offset = self._offsets.get(path)
        if offset is None:
            file = self._folder / path
            offset = file.stat().st_size if file.exists() else 0
        self._offsets[path] = offset + len(line) + 1
        self._change(Change(path, offset, f"{line.decode()}\n"))

    def remove(self, folder: str) -> None:
        self._forget(folder)
        self._change(Change(folder, _REMOVE, ""))

    def _forget(self, folder: str) -> None:
        for path in [path for path in self._offsets if path.startswith(f"{folder}/")]:
            del self._offsets[path]

    def after(self, effect: Callable[[], None]) -> None:
        """Let something happen once all that was written is durable: now, if it is."""
        if self._busy:
            self._waiting.append(effect)
        else:
            effect()

    def close(self) -> None:
        """Make the rest durable. Effects that wait do not happen."""
        changes, self._changes = self._changes, []
        self._thread.submit(self._commit, changes)
        self._thread.shutdown()
        if self._later:
            self._later.cancel()
        self._writer.shutdown()

    def _change(self, change: Change) -> None:
        self._changes.append(change)
        if not self._busy:
            self._busy = True
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        changes, self._changes = self._changes, []
        effects, self._waiting = self._waiting, []
        self._run(self._thread, self._commit, changes).add_done_callback(partial(self._durable, changes, effects))

    def _durable(self, changes: list[Change], effects: list[Callable[[], None]], future: asyncio.Future[None]) -> None:
        if future.cancelled() or future.exception():
            return
        self._committed += changes
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(_LATER_SECONDS, self._write_files)
        self._release(effects)

    def _release(self, effects: list[Callable[[], None]]) -> None:
        """What an effect brings about comes after the effects that are due already."""
        while True:
            for effect in effects:
                effect()
            if self._changes:
                self._start()
                return
            effects, self._waiting = self._waiting, []
            if not effects:
                self._busy = False
                return

    def _write_files(self) -> None:
        assert self._folder is not None
        self._later = None
        changes, self._committed = self._committed, []
        self._run(self._writer, apply, self._folder, changes)
        if self._size > _LONG_BYTES and not self._renewing and not self._folder.joinpath(_OLD).exists():
            self._renewing = True
            self._run(self._thread, self._renew).add_done_callback(self._renewed)

    def _renewed(self, future: asyncio.Future[None]) -> None:
        """All that the old journal speaks of is in files once the writer has done what it is told now."""
        assert self._folder is not None
        self._renewing = False
        if not future.cancelled() and future.exception() is None:
            changes, self._committed = self._committed, []
            self._run(self._writer, apply, self._folder, changes)
            self._run(self._writer, _discard, self._folder)

    def _run(self, thread: ThreadPoolExecutor, work: Callable[..., None], *arguments: object) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().run_in_executor(thread, work, *arguments)
        future.add_done_callback(self._check)
        return future

    def _check(self, future: asyncio.Future[None]) -> None:
        if not future.cancelled() and isinstance(error := future.exception(), Exception):
            self._failed(error)

    # In the thread

    def _commit(self, changes: list[Change]) -> None:
        if changes:
            line = self._encode(changes) + b"\n"
            _write(self._file, line)
            os.fdatasync(self._file)
            self._size += len(line)

    def _renew(self) -> None:
        assert self._folder is not None
        os.replace(self._folder / JOURNAL, self._folder / _OLD)
        os.close(self._file)
        self._open()

    def _open(self) -> None:
        assert self._folder is not None
        self._file = os.open(self._folder / JOURNAL, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = 0
        sync_folder(self._folder)


class JournalError(Exception):
    """A journal with lines that cannot be read, and others after them."""


def replay(folder: Path) -> None:
    """Write the files of an agent's folder that its journal speaks of, and empty it. Raises OSError, JournalError.

    A last line that is cut off was never durable, and nothing that came after it was seen outside.
    """
    decoder = msgspec.json.Decoder(list[Change])
    names = [name for name in (_OLD, JOURNAL) if folder.joinpath(name).exists()]
    for name in names:
        lines = folder.joinpath(name).read_bytes().split(b"\n")
        for number, line in enumerate(lines, 1):
            if number == len(lines):
                break
            try:
                changes = decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise JournalError(f"{folder / name}, line {number}: {error}") from None
            apply(folder, changes)
    if names:
        os.sync()
    for name in names:
        folder.joinpath(name).unlink()


def apply(folder: Path, changes: list[Change]) -> None:
    """Make changes to files, once or again. Raises OSError."""
    for change in changes:
        path = folder / change.path
        if change.offset == _REMOVE:
            shutil.rmtree(path, ignore_errors=True)
            continue
        content = change.content.encode()
        try:
            _apply(path, change.offset, content)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            _apply(path, change.offset, content)


def _apply(path: Path, offset: int | None, content: bytes) -> None:
    target = path if offset is not None else path.with_name(f".{path.name}.new")
    file = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | (os.O_TRUNC if offset is None else 0), 0o600)
    try:
        os.lseek(file, offset or 0, os.SEEK_SET)
        _write(file, content)
    finally:
        os.close(file)
    if offset is None:
        os.replace(target, path)


def save(path: Path, content: bytes) -> None:
    """Replace a file, durably, making its folder. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    sync_folder(path.parent)


def _discard(folder: Path) -> None:
    os.sync()
    with suppress(FileNotFoundError):
        folder.joinpath(_OLD).unlink()


def _write(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]
