"""Quota: what roles are promised, what they may have at most, and what must be held back for promises.

Quota belongs to top-level roles and covers all roles below. What is reserved for a role counts against its quota
whether used or not; besides, what its frameworks hold of unreserved, non-revocable scalars: here called *open*.
"""

from __future__ import annotations

from mesosctl.runtime.resources import Quantities, Resources
from mesosctl.runtime.resources.kinds import Kind


def is_open(kind: Kind) -> bool:
    return kind.scalar and not kind.reservations and not kind.revocable


def open_part(resources: Resources) -> Quantities:
    return resources.filter(is_open).quantities()


def top(role: str) -> str:
    return role.partition("/")[0]


class Books:
    """Counts by top-level role, kept up to date with every change."""

    def __init__(self) -> None:
        self.guarantees: dict[str, Quantities] = {}
        self.limits: dict[str, dict[str, int]] = {}
        """In thousandths. A limit of 0 is one; names that are absent have none."""
        self._reserved: dict[str, Quantities] = {}
        self._used: dict[str, Quantities] = {}
        self._open = Quantities()
        """Of all agents, used or not."""

    def replace(self, old: Resources, new: Resources) -> None:
        """An agent's total is another one."""
        self._open.take(open_part(old))
        self._open.add(open_part(new))
        for role, resources in old.reservations().items():
            self._reserved[top(role)].take(resources.quantities())
        for role, resources in new.reservations().items():
            self._reserved.setdefault(top(role), Quantities()).add(resources.quantities())

    def use(self, role: str, amounts: Quantities) -> None:
        """Open resources went to a role."""
        self._used.setdefault(top(role), Quantities()).add(amounts)

    def give_back(self, role: str, amounts: Quantities) -> None:
        self._used[top(role)].take(amounts)

    def consumed(self, role: str) -> Quantities:
        """What counts against the quota of a role's top."""
        sums = Quantities(self._reserved.get(top(role), {}))
        sums.add(self._used.get(top(role), {}))
        return sums

    def missing(self, role: str) -> Quantities:
        """What the guarantee promises and is not there yet."""
        guarantee = self.guarantees.get(top(role))
        return guarantee.minus(self.consumed(role)) if guarantee else Quantities()

    def left(self, role: str) -> dict[str, int] | None:
        """How much more a role may have of each resource that is limited; None without limits."""
        limits = self.limits.get(top(role))
        if not limits:
            return None
        consumed = self.consumed(role)
        return {name: max(limit - consumed.get(name, 0), 0) for name, limit in limits.items()}

    def surplus(self) -> Quantities | None:
        """Free open resources that no guarantee needs; None where none needs any."""
        required = Quantities()
        for role in self.guarantees:
            required.add(self.missing(role))
        if not required:
            return None
        spare = Quantities(self._open)
        for used in self._used.values():
            spare.take(used)
        return spare.minus(required)
