"""What is left of an offer while tasks are put on it, and taking from it.

Resources are given as they were offered, only their amounts differ: so they are in the form the master expects.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from random import Random
from typing import NamedTuple

import msgspec

from mesosctl.runtime.marathon.model import Constraint, PersistentVolume
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.resources.amounts import Ranges, thousandths
from mesosctl.runtime.resources.roles import UNRESERVED


class _Part(NamedTuple):
    resource: Resource
    left: int | Ranges
    name: str
    role: str
    """To which it is reserved, statically; `*` if to none."""


class Pool:
    """Of resources that anyone in their role may use: what is revocable or reserved dynamically is not taken."""

    def __init__(self, resources: Iterable[Resource], *, reserved: bool = False) -> None:
        """`reserved`: the resources are one reservation's; its volumes are not taken."""
        self._parts = [
            _Part(resource, amount, _kind(resource), _reserved_to(resource))
            for resource in resources
            if resource.revocable is None and _dynamically_reserved(resource) is reserved and not _is_volume(resource)
            if (amount := _amount(resource))
        ]
        self.reserved = reserved
        self._parts.sort(key=lambda part: part.role == UNRESERVED)  # what is reserved is used first

    def copy(self) -> Pool:
        made = Pool((), reserved=self.reserved)
        made._parts = list(self._parts)
        return made

    def any(self, roles: Collection[str]) -> bool:
        """Whether there is anything of these roles."""
        return any(part.role in roles for part in self._parts)

    def has(self, name: str) -> bool:
        return any(part.name == name for part in self._parts)

    def scalar(self, name: str, amount: float, roles: Collection[str]) -> tuple[Resource, ...] | None:
        """Take that much, what is reserved first; None, and nothing taken, where there is less."""
        missing = thousandths(amount)
        if not missing:
            return ()
        parts, taken = list(self._parts), []
        for index in self._of(name, roles):
            part = parts[index]
            assert isinstance(part.left, int)
            use = min(part.left, missing)
            parts[index] = part._replace(left=part.left - use)
            missing -= use
            taken.append(msgspec.structs.replace(part.resource, scalar=Value.Scalar(use / 1000)))
            if not missing:
                self._parts = [part for part in parts if part.left]
                return tuple(taken)
        return None

    def disk(self, wanted: PersistentVolume, roles: Collection[str]) -> Resource | None:
        """Take the disk for a volume, which is of one piece; a mounted one is taken whole. None, and nothing taken,
        where there is none."""
        least = wanted.size * 1000
        for index in self._of("disk" if wanted.type == "root" else f"disk:{wanted.type}", roles):
            part = self._parts[index]
            assert isinstance(part.left, int)
            use = part.left if wanted.type == "mount" else least
            most = wanted.maxSize * 1000 if wanted.maxSize is not None else use
            if least <= use <= min(part.left, most) and _path_fits(part.resource, wanted.constraints):
                left = part._replace(left=part.left - use)
                self._parts = [each for each in (*self._parts[:index], left, *self._parts[index + 1 :]) if each.left]
                return msgspec.structs.replace(part.resource, scalar=Value.Scalar(use / 1000))
        return None

    def ports(
        self, asked: Iterable[int], roles: Collection[str], random: Random
    ) -> tuple[list[int], list[Resource]] | None:
        """Take these ports, where 0 is any other. The numbers in the same order, and what was taken."""
        asked = list(asked)
        fixed = [port for port in asked if port]
        if len(set(fixed)) < len(fixed):
            return None
        parts = list(self._parts)
        used: dict[int, list[int]] = {}
        order = self._of("ports", roles)
        for port in fixed:
            if not _take(parts, order, port, used):
                return None
        numbers = []
        for port in asked:
            if not port:
                found = _any_port(parts, order, random)
                if found is None:
                    return None
                _take(parts, order, found, used)
                port = found
            numbers.append(port)
        taken = [
            msgspec.structs.replace(parts[index].resource, ranges=_ranges(Ranges.of((port, port) for port in ports)))
            for index, ports in used.items()
        ]
        self._parts = [part for part in parts if part.left]
        return numbers, taken

    def _of(self, name: str, roles: Collection[str]) -> list[int]:
        """Where such resources are."""
        return [i for i, part in enumerate(self._parts) if part.name == name and part.role in roles]


def _kind(resource: Resource) -> str:
    """Its name; that of a disk of its own tells of which kind it is: `disk:path`, `disk:mount`."""
    source = resource.disk.source if resource.disk else None
    return f"{resource.name}:{source.type.value.lower()}" if source else resource.name


def _is_volume(resource: Resource) -> bool:
    return resource.disk is not None and resource.disk.persistence is not None


def _path_fits(resource: Resource, constraints: Iterable[Constraint]) -> bool:
    """Of a disk of its own. Its constraints are `path` LIKE or UNLIKE a pattern."""
    source = resource.disk.source if resource.disk else None
    at = (source.path or source.mount) if source else None
    root = (at.root if at else None) or ""
    return all((re.fullmatch(each.value or "", root) is not None) is (each.operator == "LIKE") for each in constraints)


def _reserved_to(resource: Resource) -> str:
    if resource.reservations:
        return resource.reservations[-1].role or UNRESERVED
    return resource.role or UNRESERVED


def _dynamically_reserved(resource: Resource) -> bool:
    if resource.reservations:
        return resource.reservations[-1].type is Resource.ReservationInfo.Type.DYNAMIC
    return resource.reservation is not None


def _amount(resource: Resource) -> int | Ranges | None:
    if resource.scalar is not None:
        return thousandths(resource.scalar.value)
    if resource.ranges is not None:
        return Ranges.of((part.begin, part.end) for part in resource.ranges.range)
    return None


def _ranges(ranges: Ranges) -> Value.Ranges:
    return Value.Ranges(tuple(Value.Range(begin, end) for begin, end in ranges.bounds))


def _take(parts: list[_Part], order: list[int], port: int, used: dict[int, list[int]]) -> bool:
    one = Ranges(((port, port),))
    for index in order:
        part = parts[index]
        assert isinstance(part.left, Ranges)
        if part.left >= one:
            parts[index] = part._replace(left=part.left - one)
            used.setdefault(index, []).append(port)
            return True
    return False


def _any_port(parts: list[_Part], order: list[int], random: Random) -> int | None:
    """A random one, so that a port just freed is seldom the next one used."""
    for index in order:
        left = parts[index].left
        assert isinstance(left, Ranges)
        if left:
            return next(_nth(left, random.randrange(len(left))))
    return None


def _nth(ranges: Ranges, number: int) -> Iterator[int]:
    for begin, end in ranges.bounds:
        if number <= end - begin:
            yield begin + number
            return
        number -= end - begin + 1
