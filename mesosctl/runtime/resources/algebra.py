"""The value class of all arithmetic on resources."""

from __future__ import annotations

from collections.abc import Iterable

from mesosctl.runtime.protocol.resources import Resource


class Resources:
    """An immutable sum of resources. Reservations are always kept in the refined form (a stack, `reservations`)."""

    @classmethod
    def of(cls, resources: Iterable[Resource]) -> Resources:
        """Either form of reservation, validated. Raises ResourcesError."""
        raise NotImplementedError

    @classmethod
    def parse(cls, text: str, default_role: str = "*") -> Resources:
        """`cpus:4;mem:8192;ports:[31000-32000];disk(role):100`, or a JSON list of resources. Raises ResourcesError."""
        raise NotImplementedError

    def messages(self, *, refined: bool = True) -> tuple[Resource, ...]:
        """As protocol messages; `refined=False`: the form with `role` and `reservation`, for frameworks without
        RESERVATION_REFINEMENT (raises ResourcesError where a reservation has several levels)."""
        raise NotImplementedError

    def __bool__(self) -> bool:
        raise NotImplementedError

    def __add__(self, other: Resources) -> Resources:
        raise NotImplementedError

    def __sub__(self, other: Resources) -> Resources:
        """What is left; of what is not there nothing is taken."""
        raise NotImplementedError

    def contains(self, other: Resources) -> bool:
        raise NotImplementedError

    def apply(self, consumed: Resources, converted: Resources) -> Resources:
        """Raises ResourcesError where `consumed` is not contained."""
        raise NotImplementedError

    def scalar(self, name: str) -> float:
        """The sum over all kinds."""
        raise NotImplementedError

    def ranges(self, name: str) -> tuple[tuple[int, int], ...]:
        raise NotImplementedError

    def items(self, name: str) -> frozenset[str]:
        """Of a set."""
        raise NotImplementedError

    def names(self) -> tuple[str, ...]:
        raise NotImplementedError

    def reserved(self, role: str | None = None) -> Resources:
        """Reserved to that role, or to any."""
        raise NotImplementedError

    def unreserved(self) -> Resources:
        raise NotImplementedError

    def reservations(self) -> dict[str, Resources]:
        """The reserved ones by role."""
        raise NotImplementedError

    def allocations(self) -> dict[str, Resources]:
        """By the role that they are allocated to, which all must be."""
        raise NotImplementedError

    def allocated_to(self, role: str) -> Resources:
        """With `allocation_info`, in place of any."""
        raise NotImplementedError

    def unallocated(self) -> Resources:
        """Without `allocation_info`."""
        raise NotImplementedError

    def revocable(self) -> Resources:
        raise NotImplementedError

    def shared(self) -> Resources:
        raise NotImplementedError

    def persistent_volumes(self) -> Resources:
        raise NotImplementedError
