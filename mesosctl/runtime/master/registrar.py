"""The registry as the master uses it: typed records by kind and name, durable before anybody is told.

    WEIGHTS = Kind("weights", WeightInfo)                       # beside what uses it
    for role, weight in registrar.recovered(WEIGHTS).items():   # in what `Master.recover` calls, before it leads
        ...
    registrar.put(WEIGHTS, role, weight, done=lambda: ...)      # None in place of a record removes it

Changes are put together: one batch is on its way at a time, what comes meanwhile goes with the next. `done` is called
once the change is durable, in the order of the changes. There is no failure to handle: a master that cannot write
stops. Records are small (at most `MAX_VALUE_BYTES`): a record for each role, machine or agent, not one for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from mesosctl.runtime.coordination.registry import MAX_VALUE_BYTES
from mesosctl.runtime.master.actions import Emit, Persist

T = TypeVar("T", bound=msgspec.Struct)

Done = Callable[[], object]


@dataclass(frozen=True)
class Kind(Generic[T]):
    """`name` is part of the keys: it never changes. Fields that `type` gains later need defaults."""

    name: str
    type: type[T]


class Registrar:
    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._encode = msgspec.json.Encoder().encode
        self._recovered: dict[str, dict[str, bytes]] = {}
        self._waiting: dict[str, bytes | None] = {}
        self._sizes: dict[str, int] = {}
        self._waiting_done: list[Done] = []
        self._written_done: list[Done] | None = None
        """Of the batch on its way; None while there is none."""

    def recover(self, content: Mapping[str, bytes]) -> None:
        """What the storage held when this master took it over."""
        self._recovered = {}
        for key, value in content.items():
            kind, _, name = key.partition("/")
            self._recovered.setdefault(kind, {})[name] = value
            self._sizes[key] = len(value)

    def recovered(self, kind: Kind[T]) -> dict[str, T]:
        """The records of a kind that an earlier master left, by name. Raises msgspec.MsgspecError."""
        decode = msgspec.json.Decoder(kind.type).decode
        return {name: decode(value) for name, value in self._recovered.get(kind.name, {}).items()}

    def put(self, kind: Kind[T], name: str, record: T | None, done: Done | None = None) -> None:
        """Raises ValueError where the record is too large."""
        value = None if record is None else self._encode(record)
        if value is not None and len(value) > MAX_VALUE_BYTES:
            raise ValueError(f"The record of {kind.name} {name} is larger than {MAX_VALUE_BYTES} bytes")
        key = f"{kind.name}/{name}"
        self._waiting[key] = value
        if value is None:
            self._sizes.pop(key, None)
        else:
            self._sizes[key] = len(value)
        if done:
            self._waiting_done.append(done)
        self._write()

    @property
    def queued(self) -> int:
        """How many changes wait for those on their way."""
        return len(self._waiting)

    @property
    def size_bytes(self) -> int:
        """Of all records, with those that are on their way."""
        return sum(self._sizes.values())

    def persisted(self) -> None:
        """The batch of the last `Persist` is durable."""
        assert self._written_done is not None
        for done in self._written_done:
            done()
        self._written_done = None
        self._write()

    def _write(self) -> None:
        if self._written_done is None and self._waiting:
            changes, self._waiting = self._waiting, {}
            self._written_done, self._waiting_done = self._waiting_done, []
            self._emit(Persist(changes))
