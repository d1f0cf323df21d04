"""The registry: batches of changes in the master, and the file that a master alone keeps them in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from mesosctl.runtime.coordination import registry_file
from mesosctl.runtime.coordination.registry import MAX_VALUE_BYTES, Changes, MemoryStorage
from mesosctl.runtime.coordination.registry_file import FileStorage
from mesosctl.runtime.master.actions import Action, Persist
from mesosctl.runtime.master.registrar import Kind, Registrar


class Weight(msgspec.Struct, frozen=True):
    weight: float
    text: str = ""


WEIGHTS = Kind("weights", Weight)
GROUPS = Kind("groups", Weight)


class Writer:
    """Keeps the batches that a registrar wants written."""

    def __init__(self) -> None:
        self.batches: list[Changes] = []
        self.done: list[str] = []
        self.registrar = Registrar(self._emit)

    def put(self, name: str, weight: float | None) -> None:
        record = None if weight is None else Weight(weight)
        self.registrar.put(WEIGHTS, name, record, lambda: self.done.append(name))

    def _emit(self, action: Action) -> None:
        assert isinstance(action, Persist)
        self.batches.append(action.changes)


def test_changes_during_a_write_are_one_batch_after_it() -> None:
    writer = Writer()
    for name, weight in (("a", 1.0), ("b", 2.0), ("c", 3.0), ("b", 4.0)):
        writer.put(name, weight)
    assert [list(batch) for batch in writer.batches] == [["weights/a"]]
    assert not writer.done
    writer.registrar.persisted()
    assert writer.done == ["a"]
    assert [list(batch) for batch in writer.batches[1:]] == [["weights/b", "weights/c"]]
    writer.registrar.persisted()
    assert writer.done == ["a", "b", "c", "b"]
    assert len(writer.batches) == 2
    assert b"4.0" in (writer.batches[1]["weights/b"] or b"")


def test_what_is_done_after_a_write_may_write() -> None:
    writer = Writer()
    writer.registrar.put(WEIGHTS, "a", Weight(1.0), lambda: writer.put("b", 2.0))
    writer.registrar.persisted()
    assert [list(batch) for batch in writer.batches] == [["weights/a"], ["weights/b"]]


def test_records_come_back_by_kind_and_name() -> None:
    writer = Writer()
    writer.put("eng/dev", 2.5)
    content = {key: value for key, value in writer.batches[0].items() if value is not None}
    registrar = Registrar(lambda action: None)
    registrar.recover(content)
    assert registrar.recovered(WEIGHTS) == {"eng/dev": Weight(2.5)}
    assert registrar.recovered(GROUPS) == {}


def test_a_record_that_no_storage_takes_is_refused() -> None:
    writer = Writer()
    with pytest.raises(ValueError, match="larger than"):
        writer.registrar.put(WEIGHTS, "a", Weight(1.0, "x" * MAX_VALUE_BYTES))
    assert not writer.batches


# The file.


def using(folder: Path, scenario: Callable[[FileStorage, dict[str, bytes]], Awaitable[None]]) -> dict[str, bytes]:
    """Take the file over, do something, and let go of it. What was found."""

    async def run() -> dict[str, bytes]:
        storage = FileStorage(str(folder))
        try:
            found = await storage.take_over()
            await scenario(storage, dict(found))
            return found
        finally:
            await storage.close()

    return asyncio.run(run())


async def nothing(storage: FileStorage, found: dict[str, bytes]) -> None:
    pass


async def some_changes(storage: FileStorage, found: dict[str, bytes]) -> None:
    await storage.apply({"a": b"1", "b": b"\x00\xff\n"})
    await storage.apply({"a": None, "c": b"3"})


def test_the_file_keeps_what_was_written(tmp_path: Path) -> None:
    assert using(tmp_path / "new" / "folder", some_changes) == {}
    assert using(tmp_path / "new" / "folder", nothing) == {"b": b"\x00\xff\n", "c": b"3"}


def test_an_unfinished_line_was_never_written(tmp_path: Path) -> None:
    using(tmp_path, some_changes)
    file = tmp_path / registry_file.NAME
    whole = file.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    for length in range(1, len(last) + 1):
        file.write_bytes(whole + last[:-length] + (b"\n" if length == 2 else b""))

        async def more(storage: FileStorage, found: dict[str, bytes]) -> None:
            await storage.apply({"d": b"4"})

        assert using(tmp_path, more) == {"b": b"\x00\xff\n", "c": b"3"}
        assert using(tmp_path, nothing) == {"b": b"\x00\xff\n", "c": b"3", "d": b"4"}


def test_damage_before_the_end_is_told(tmp_path: Path) -> None:
    using(tmp_path, some_changes)
    file = tmp_path / registry_file.NAME
    file.write_bytes(b"x" + file.read_bytes()[1:])
    with pytest.raises(OSError, match="damaged at byte 0"):
        using(tmp_path, nothing)


def test_two_masters_do_not_share_a_file(tmp_path: Path) -> None:
    async def second(storage: FileStorage, found: dict[str, bytes]) -> None:
        with pytest.raises(OSError, match="Another program"):
            await FileStorage(str(tmp_path)).take_over()

    using(tmp_path, second)


def test_a_file_of_old_changes_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_file, "COMPACT_ABOVE_BYTES", 1000)

    async def many(storage: FileStorage, found: dict[str, bytes]) -> None:
        await storage.apply({"kept": b"1"})
        for number in range(500):
            await storage.apply({"changed": b"%d" % number})
        assert (tmp_path / registry_file.NAME).stat().st_size < 2000
        await storage.apply({"last": b"2"})

    using(tmp_path, many)
    assert using(tmp_path, nothing) == {"kept": b"1", "changed": b"499", "last": b"2"}


def test_memory_keeps_nothing_but_serves_the_same() -> None:
    async def scenario() -> None:
        storage = MemoryStorage()
        assert await storage.take_over() == {}
        await storage.apply({"a": b"1", "b": b"2"})
        await storage.apply({"a": None})
        assert await storage.take_over() == {"b": b"2"}

    asyncio.run(scenario())
