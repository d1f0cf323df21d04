"""Amounts of scalars by name, without regard to roles or kinds: what quota and fairness count in."""

from __future__ import annotations

from collections.abc import Mapping

from mesosctl.runtime.protocol.resources import Value
from mesosctl.runtime.resources.amounts import scalar_text, thousandths


class Quantities(dict[str, int]):
    """Name to thousandths; never zero or less, absent means none. Treat as immutable, except by `add` and `take`."""

    @classmethod
    def of(cls, amounts: Mapping[str, float]) -> Quantities:
        return cls({name: amount for name, value in amounts.items() if (amount := thousandths(value)) > 0})

    @classmethod
    def of_scalars(cls, scalars: Mapping[str, Value.Scalar]) -> Quantities:
        return cls.of({name: scalar.value for name, scalar in scalars.items()})

    def add(self, other: Mapping[str, int]) -> None:
        for name, amount in other.items():
            self[name] = self.get(name, 0) + amount

    def take(self, other: Mapping[str, int]) -> None:
        """Takes what is there of it."""
        for name, amount in other.items():
            if name in self:
                if self[name] > amount:
                    self[name] -= amount
                else:
                    del self[name]

    def minus(self, other: Mapping[str, int]) -> Quantities:
        rest = Quantities(self)
        rest.take(other)
        return rest

    def contains(self, other: Mapping[str, int]) -> bool:
        return all(self.get(name, 0) >= amount for name, amount in other.items())

    def floats(self) -> dict[str, float]:
        """As JSON bodies show them."""
        return {name: amount / 1000 for name, amount in self.items()}

    def __str__(self) -> str:
        return "; ".join(f"{name}:{scalar_text(amount)}" for name, amount in self.items()) or "{}"
