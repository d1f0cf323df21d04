"""The value class of all arithmetic on resources."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable

from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.resources import kinds, text, validation
from mesosctl.runtime.resources.amounts import Amount, Items, Ranges, covers, minus, plus
from mesosctl.runtime.resources.errors import ResourcesError
from mesosctl.runtime.resources.kinds import Form, Kind, Reservation
from mesosctl.runtime.resources.quantities import Quantities
from mesosctl.runtime.resources.roles import UNRESERVED


class Resources:
    """An immutable sum of resources: an amount for each kind. `Resources()` is nothing."""

    __slots__ = ("_amounts", "summary")

    def __init__(self) -> None:
        self._amounts: dict[Kind, Amount] = {}
        self.summary: dict[str, float | str] | None = None
        """What the function of that name made of it: the same resources are shown again and again."""

    @classmethod
    def of(cls, resources: Iterable[Resource]) -> Resources:
        """Validated, in whatever form. Raises ResourcesError naming the resource."""
        amounts: dict[Kind, Amount] = {}
        for resource in resources:
            try:
                validation.check(resource)
            except ResourcesError as error:
                raise ResourcesError(f"Resource '{_printed(resource)}' is invalid: {error}") from None
            kind, amount = kinds.split(resource)
            if amount:
                amounts[kind] = plus(amounts[kind], amount) if kind in amounts else amount
        return _made(amounts)

    @classmethod
    def parse(cls, flag: str, default_role: str = UNRESERVED) -> Resources:
        """`cpus:4;mem:8192;ports:[31000-32000];disk(role):100`, or a JSON array. Raises ResourcesError."""
        return cls.of(text.parse(flag, default_role))

    def messages(self, form: Form = Form.REFINED) -> tuple[Resource, ...]:
        """Raises ResourcesError where SIMPLE cannot express a reservation (of several levels)."""
        return tuple(kinds.message(kind, amount, form) for kind, amount in self._amounts.items())

    def items(self) -> ItemsView[Kind, Amount]:
        return self._amounts.items()

    # Arithmetic.

    def __bool__(self) -> bool:
        return bool(self._amounts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resources) and self._amounts == other._amounts

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Resources) -> Resources:
        if not other._amounts:
            return self
        if not self._amounts:
            return other
        amounts = dict(self._amounts)
        for kind, amount in other._amounts.items():
            amounts[kind] = plus(amounts[kind], amount) if kind in amounts else amount
        return _made(amounts)

    def __sub__(self, other: Resources) -> Resources:
        """What is left; of what is not there nothing is taken."""
        if not other._amounts or not self._amounts:
            return self
        amounts = dict(self._amounts)
        for kind, amount in other._amounts.items():
            have = amounts.get(kind)
            if have is None or (kind.whole and have != amount):
                continue
            if rest := minus(have, amount):
                amounts[kind] = rest
            else:
                del amounts[kind]
        return _made(amounts)

    def contains(self, other: Resources) -> bool:
        have = self._amounts
        for kind, amount in other._amounts.items():
            if kind not in have or (have[kind] != amount if kind.whole else not covers(have[kind], amount)):
                return False
        return True

    # Parts.

    def filter(self, wanted: Callable[[Kind], bool]) -> Resources:
        return _made({kind: amount for kind, amount in self._amounts.items() if wanted(kind)})

    def map(self, change: Callable[[Kind, Amount], Amount]) -> Resources:
        """With other amounts; kinds of which nothing is left are not there."""
        changed = ((kind, change(kind, amount)) for kind, amount in self._amounts.items())
        return _made({kind: amount for kind, amount in changed if amount})

    def reserved(self, role: str | None = None) -> Resources:
        """Reserved to that very role, or to any."""
        return self.filter(lambda kind: bool(kind.reservations) and (role is None or kind.role == role))

    def unreserved(self) -> Resources:
        return self.filter(lambda kind: not kind.reservations)

    def reservations(self) -> dict[str, Resources]:
        """The reserved ones by role."""
        return self._by(lambda kind: kind.role)

    def checkpointed(self) -> Resources:
        """Dynamic reservations and persistent volumes, which an agent writes to its disk."""
        return self.filter(lambda kind: kind.provider is None and (kind.dynamic or kind.volume))

    def persistent_volumes(self) -> Resources:
        return self.filter(lambda kind: kind.volume)

    def revocable(self) -> Resources:
        return self.filter(lambda kind: kind.revocable)

    def shared(self) -> Resources:
        return self.filter(lambda kind: kind.shared is not None)

    def named(self, name: str) -> Resources:
        return self.filter(lambda kind: kind.name == name)

    # To whom they are given.

    def allocations(self) -> dict[str, Resources]:
        """By the role they are allocated to; those that are not are left out."""
        return self._by(lambda kind: kind.allocated)

    def allocated_to(self, role: str) -> Resources:
        """With `allocation_info`, in place of any."""
        return self._changed(lambda kind: kinds.allocated_to(kind, role))

    def unallocated(self) -> Resources:
        return self._changed(lambda kind: kinds.allocated_to(kind, None))

    # Reservations.

    def to_unreserved(self) -> Resources:
        return self._changed(lambda kind: kinds.reserved_as(kind, ()))

    def push_reservation(self, reservation: Reservation) -> Resources:
        """Reserved one level more. The caller sees to it that the role is below the present one."""
        return self._changed(lambda kind: kinds.reserved_as(kind, (*kind.reservations, reservation)))

    def pop_reservation(self) -> Resources:
        """Without their last level of reservation, which all must have."""
        return self._changed(lambda kind: kinds.reserved_as(kind, kind.reservations[:-1]))

    def without_volumes(self) -> Resources:
        """Persistent volumes as the disk space that they were made of."""
        made: dict[Kind, Amount] = {}
        for kind, amount in self._amounts.items():
            if kind.volume:
                amount = kind.quantity(amount)
                kind = kinds.without_volume(kind)
            made[kind] = plus(made[kind], amount) if kind in made else amount
        return _made(made)

    # Amounts over all kinds.

    def quantities(self) -> Quantities:
        """The scalars, by name."""
        sums = Quantities()
        for kind, amount in self._amounts.items():
            if quantity := kind.quantity(amount):
                sums[kind.name] = sums.get(kind.name, 0) + quantity
        return sums

    def scalar(self, name: str) -> float:
        return self.quantities().get(name, 0) / 1000

    def ranges(self, name: str) -> Ranges:
        found = (amount for kind, amount in self._amounts.items() if kind.name == name and isinstance(amount, Ranges))
        return sum(found, Ranges())

    def set(self, name: str) -> Items:
        found = (amount for kind, amount in self._amounts.items() if kind.name == name and isinstance(amount, Items))
        return sum(found, Items())

    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind.name for kind in self._amounts))

    def __str__(self) -> str:
        return "; ".join(kinds.text(kind, amount) for kind, amount in self._amounts.items()) or "{}"

    def __repr__(self) -> str:
        return f"Resources({self})"

    def _changed(self, change: Callable[[Kind], Kind]) -> Resources:
        made: dict[Kind, Amount] = {}
        for kind, amount in self._amounts.items():
            new = change(kind)
            made[new] = plus(made[new], amount) if new in made else amount
        return _made(made)

    def _by(self, key: Callable[[Kind], str | None]) -> dict[str, Resources]:
        groups: dict[str, dict[Kind, Amount]] = {}
        for kind, amount in self._amounts.items():
            if (group := key(kind)) is not None:
                groups.setdefault(group, {})[kind] = amount
        return {group: _made(amounts) for group, amounts in groups.items()}


def _made(amounts: dict[Kind, Amount]) -> Resources:
    """The dictionary is the new object's from now on."""
    made = Resources()
    made._amounts = amounts
    return made


def _printed(resource: Resource) -> str:
    """Also of what is not valid."""
    try:
        return kinds.text(*kinds.split(resource))
    except (TypeError, ValueError):
        return resource.name
