"""The roles that a master knows: those of frameworks, of reservations, and those with a weight or quota."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mesosctl.runtime.authorization import Permit
from mesosctl.runtime.master.records import NOTHING, Framework
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.views.frameworks import offered
from mesosctl.runtime.protocol.resources import Value
from mesosctl.runtime.resources import Quantities, Resources, counts

Json = dict[str, Any]


@dataclass(frozen=True)
class Role:
    name: str
    weight: float
    frameworks: list[Framework]
    held: Resources
    """What its frameworks use or are offered."""


def known_roles(state: State) -> list[Role]:
    """By name."""
    members: dict[str, list[Framework]] = {role: [] for role in (*state.weights, *state.quotas)}
    for agent in state.agents.values():
        for role in agent.total.reservations():
            members.setdefault(role, [])
    for framework in state.frameworks.values():
        for role in framework.roles:
            members.setdefault(role, []).append(framework)
    return [
        Role(name, state.weights.get(name, 1.0), frameworks, state.allocator.allocated(name))
        for name, frameworks in sorted(members.items())
    ]


def roles_view(state: State, permit: Permit) -> Json:
    """What `/roles` shows."""
    shown = (role for role in known_roles(state) if permit.allows("view_roles", role.name))
    return {"roles": [_view(state, role) for role in shown]}


def _view(state: State, role: Role) -> Json:
    in_offers = offered(offer for offer in state.offers.values() if offer.role == role.name)
    used = role.held - in_offers
    reserved = sum((agent.total.reserved(role.name) for agent in state.agents.values()), NOTHING)
    quota = state.quotas.get(role.name)
    return {
        "name": role.name,
        "weight": role.weight,
        "quota": {
            "role": role.name,
            "guarantee": _amounts(quota.guarantees.items() if quota else ()),
            "limit": _amounts(quota.limits.items() if quota else ()),
            "consumed": _consumed(used, reserved).floats(),
        },
        "resources": counts(role.held),
        "allocated": counts(used),
        "offered": counts(in_offers),
        "reserved": counts(reserved),
        "frameworks": [framework.id for framework in role.frameworks],
    }


def _amounts(scalars: Iterable[tuple[str, Value.Scalar]]) -> dict[str, float]:
    return {name: scalar.value for name, scalar in scalars}


def _consumed(used: Resources, reserved: Resources) -> Quantities:
    """Quota is taken by all that is reserved, used or not, and by what else is used."""
    amounts = Quantities(reserved.quantities())
    amounts.add(used.filter(lambda kind: not kind.reservations and not kind.revocable).quantities())
    return amounts
