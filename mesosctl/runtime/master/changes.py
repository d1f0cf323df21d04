"""What operators change for good: checked first, then held by the registry, and only then done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from mesosctl.runtime.master.registrar import Kind, Registrar


class Record(NamedTuple):
    """A record that the registry is to hold; None in place of its value removes it."""

    kind: Kind[Any]
    name: str
    value: msgspec.Struct | None


class Change(NamedTuple):
    """Something that an operator may do, and that has not been done yet."""

    records: tuple[Record, ...]
    take_effect: Callable[[], None]


def commit(change: Change, registrar: Registrar, done: Callable[[], None] = lambda: None) -> None:
    """Carry out a change once all of its records are durable, then call `done`."""

    def durable() -> None:
        change.take_effect()
        done()

    if not change.records:
        durable()
        return
    *first, last = change.records
    for record in first:
        registrar.put(*record)
    registrar.put(*last, durable)
