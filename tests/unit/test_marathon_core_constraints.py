"""Constraints: which agents take one more instance, given where the others are."""

from __future__ import annotations

import msgspec
import pytest

from mesosctl.runtime.marathon.core.constraints import agent_of, fits
from mesosctl.runtime.marathon.model import Constraint
from mesosctl.runtime.protocol.resources import Attribute, Value
from tests.unit.marathon_core import offer

A1 = agent_of(offer("a1", attributes={"rack": "r1"}, domain=("eu", "z1")))
A2 = agent_of(offer("a2", attributes={"rack": "r1"}, domain=("eu", "z2")))
A3 = agent_of(offer("a3", attributes={"rack": "r2"}, domain=("us", "z1")))
BARE = agent_of(offer("bare"))
AGENTS = {"a1": A1, "a2": A2, "a3": A3, "bare": BARE}


@pytest.mark.parametrize(
    ("constraint", "placed", "taking"),
    [
        (("hostname", "UNIQUE"), "", "a1 a2 a3 bare"),
        (("hostname", "UNIQUE", ""), "a1", "a2 a3 bare"),
        (("rack", "UNIQUE"), "a1", "a3"),
        (("hostname", "CLUSTER", "a2"), "", "a2"),
        (("hostname", "CLUSTER"), "", "a1 a2 a3 bare"),
        (("hostname", "CLUSTER"), "a3", "a3"),
        (("rack", "CLUSTER", "r1"), "", "a1 a2"),
        (("rack", "CLUSTER"), "a1", "a1 a2"),
        (("rack", "CLUSTER", ""), "", "a1 a2 a3"),
        (("rack", "LIKE", "r[1-3]"), "", "a1 a2 a3"),
        (("rack", "LIKE", "r"), "", ""),
        (("rack", "LIKE", "r2"), "", "a3"),
        (("rack", "UNLIKE", "r2"), "", "a1 a2 bare"),
        (("hostname", "UNLIKE", "a.*"), "", "bare"),
        (("rack", "MAX_PER", "2"), "a1 a1 a3", "a3"),
        (("rack", "MAX_PER", "2"), "a1", "a1 a2 a3"),
        (("rack", "IS", "r2"), "", "a3"),
        (("hostname", "IS", "a1"), "a1", "a1"),
        (("rack", "GROUP_BY"), "", "a1 a2 a3"),
        (("rack", "GROUP_BY"), "a1", "a1 a2 a3"),
        (("rack", "GROUP_BY", "2"), "a1", "a3"),
        (("rack", "GROUP_BY", "2"), "a1 a3", "a1 a2 a3"),
        (("rack", "GROUP_BY", "2"), "a1 a2 a3", "a3"),
        (("rack", "GROUP_BY"), "a1 a2 a3", "a3"),
        (("@region", "IS", "us"), "", "a3"),
        (("@zone", "GROUP_BY", "2"), "a1", "a2"),
        (("@zone", "UNIQUE"), "a2", "a1 a3"),
    ],
)
def test_where_one_more_fits(constraint: tuple[str, ...], placed: str, taking: str) -> None:
    field, operator, *value = constraint
    asked = Constraint(field, operator, value[0] if value else None)  # type: ignore[arg-type]
    others = [AGENTS[name] for name in placed.split()]
    assert [name for name, agent in AGENTS.items() if fits([asked], agent, others)] == taking.split()


def test_all_must_fit() -> None:
    both = [Constraint("rack", "LIKE", "r1"), Constraint("hostname", "UNIQUE")]
    assert [name for name, agent in AGENTS.items() if fits(both, agent, [A1])] == ["a2"]


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        (Attribute(name="x", type=Value.Type.SCALAR, scalar=Value.Scalar(4.0)), "4"),
        (Attribute(name="x", type=Value.Type.SCALAR, scalar=Value.Scalar(1.5)), "1.5"),
        (
            Attribute(name="x", type=Value.Type.RANGES, ranges=Value.Ranges((Value.Range(1, 3), Value.Range(5, 5)))),
            "[1-3,5-5]",
        ),
        (Attribute(name="x", type=Value.Type.SET, set=Value.Set(("a", "b"))), "{a,b}"),
    ],
)
def test_attributes_are_compared_as_text(attribute: Attribute, text: str) -> None:
    agent = agent_of(msgspec.structs.replace(offer("a"), attributes=(attribute,)))
    assert fits([Constraint("x", "IS", text)], agent, [])
