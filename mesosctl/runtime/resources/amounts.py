"""How much of a resource: thousandths of a scalar, ranges of integers, items of a set.

All three know `+` (union), `-` (what is left), `>=` (contains) and truth (not empty), so that the arithmetic on
resources need not tell them apart. Scalars are plain ints: Mesos counts to three decimals and no further.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

LARGEST = 2**63 / 1000
"""Mesos counts thousandths in 64 bits."""


def thousandths(value: float) -> int:
    """A scalar in fixed point, rounded half away from zero as Mesos does. Raises ValueError beyond LARGEST."""
    if not abs(value) < LARGEST:
        raise ValueError(f"{value} is no amount")
    return int(math.copysign(math.floor(abs(value) * 1000 + 0.5), value))


def scalar_text(amount: int) -> str:
    """Thousandths as Mesos prints them: `1.5`, `8192`."""
    return f"{amount / 1000:.15g}"


@dataclass(frozen=True, slots=True)
class Ranges:
    """Inclusive ranges of integers, in order, apart from each other by more than one."""

    bounds: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, bounds: Iterable[tuple[int, int]]) -> Ranges:
        """Overlapping and adjacent ones are joined."""
        joined: list[tuple[int, int]] = []
        for begin, end in sorted(bounds):
            if joined and begin <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((begin, end))
        return cls(tuple(joined))

    def __add__(self, other: Ranges) -> Ranges:
        return Ranges.of(self.bounds + other.bounds)

    def __sub__(self, other: Ranges) -> Ranges:
        left: list[tuple[int, int]] = []
        for begin, end in self.bounds:
            for low, high in other.bounds:
                if high < begin or low > end:
                    continue
                if begin < low:
                    left.append((begin, low - 1))
                begin = high + 1
            if begin <= end:
                left.append((begin, end))
        return Ranges(tuple(left))

    def __ge__(self, other: Ranges) -> bool:
        return all(any(low <= begin and end <= high for low, high in self.bounds) for begin, end in other.bounds)

    def __bool__(self) -> bool:
        return bool(self.bounds)

    def __len__(self) -> int:
        return sum(end - begin + 1 for begin, end in self.bounds)

    def __str__(self) -> str:
        return "[" + ", ".join(f"{begin}-{end}" for begin, end in self.bounds) + "]"


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a set, each once, in the order they came."""

    names: tuple[str, ...] = ()

    def __add__(self, other: Items) -> Items:
        return Items(tuple(dict.fromkeys(self.names + other.names)))

    def __sub__(self, other: Items) -> Items:
        return Items(tuple(name for name in self.names if name not in other.names))

    def __ge__(self, other: Items) -> bool:
        return set(self.names) >= set(other.names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Items) and set(self.names) == set(other.names)

    def __hash__(self) -> int:
        return hash(frozenset(self.names))

    def __bool__(self) -> bool:
        return bool(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        return "{" + ", ".join(self.names) + "}"


Amount: TypeAlias = int | Ranges | Items


def plus(left: Amount, right: Amount) -> Amount:
    """Both are of one type."""
    return left + right  # type: ignore[operator]


def minus(left: Amount, right: Amount) -> Amount:
    """What is left, nothing where more is taken than there is."""
    rest = left - right  # type: ignore[operator]
    return max(rest, 0) if isinstance(rest, int) else rest


def covers(left: Amount, right: Amount) -> bool:
    return bool(left >= right)  # type: ignore[operator]
