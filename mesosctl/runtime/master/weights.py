"""Weights: how much more than others a role may get, as operators set them."""

from __future__ import annotations

from collections.abc import Iterable

from mesosctl.runtime.master.changes import Change, Record
from mesosctl.runtime.master.offers import Offers
from mesosctl.runtime.master.registrar import Kind
from mesosctl.runtime.master.state import State
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.resources import WeightInfo
from mesosctl.runtime.resources import ResourcesError, check_role

WEIGHTS = Kind("weights", WeightInfo)
"""By role."""
_BEFORE = "Failed to validate update weights request JSON"


class Weights:
    def __init__(self, state: State, offers: Offers) -> None:
        self._state = state
        self._offers = offers

    def infos(self) -> tuple[WeightInfo, ...]:
        return tuple(WeightInfo(role=role, weight=weight) for role, weight in self._state.weights.items())

    def update(self, infos: Iterable[WeightInfo]) -> Change:
        """Other roles keep theirs. Raises Refusal (400)."""
        changed: dict[str, float] = {}
        for info in infos:
            role = (info.role or "").strip()
            try:
                check_role(role)
            except ResourcesError as error:
                raise Refusal(400, f"{_BEFORE}: Invalid role '{role}': {error}") from None
            if not self._state.options.admits_role(role):
                raise Refusal(400, f"{_BEFORE}: Unknown role '{role}'")
            if not info.weight > 0:
                problem = f"Invalid weight '{info.weight:g}': Weights must be positive"
                raise Refusal(400, f"{_BEFORE} for role '{role}': {problem}")
            changed[role] = info.weight

        def take_effect() -> None:
            self._state.weights |= changed
            self._state.allocator.update_weights(changed)
            if any(role in framework.roles for framework in self._state.frameworks.values() for role in changed):
                self._offers.rescind_all()
                self._offers.allocate_soon()

        records = (Record(WEIGHTS, role, WeightInfo(weight, role)) for role, weight in changed.items())
        return Change(tuple(records), take_effect)

    def recover(self) -> None:
        """What the registry held when this master was elected; what the flag says where it held nothing.

        The allocator is told by `Allocator.recover`.
        """
        recovered = self._state.registrar.recovered(WEIGHTS)
        self._state.weights = {role: info.weight for role, info in recovered.items()}
        if not recovered:
            self._state.weights = dict(self._state.options.weights)
