"""Offer constraints: regular expressions that cannot stop the master, what holds for which agent, and offers by it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesosctl.runtime.master.allocator import compiled
from mesosctl.runtime.master.allocator.constraints import excludes
from mesosctl.runtime.master.allocator.regex import Regex
from mesosctl.runtime.protocol.cluster import AgentInfo
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.scheduler import OfferConstraints
from tests.unit.master_cluster import INFO, Cluster

AGENT = msgspec.convert(
    {
        "hostname": "a1.example",
        "attributes": [
            {"name": "rack", "type": "TEXT", "text": {"value": "r1"}},
            {"name": "cores", "type": "SCALAR", "scalar": {"value": 4}},
        ],
        "domain": {"fault_domain": {"region": {"name": "eu"}, "zone": {"name": "eu-1"}}},
    },
    AgentInfo,
)
EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", "^", "$", ""]),
    lambda parts: st.one_of(
        st.tuples(parts, parts).map("".join),
        st.tuples(parts, parts).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(parts, st.sampled_from(["*", "+", "?", "{0,2}", "{2}", "*?"])).map(lambda x: f"(?:{x[0]}){x[1]}"),
    ),
    max_leaves=5,
)


@given(EXPRESSIONS, st.text("ab1-", max_size=6))
def test_expressions_mean_what_they_mean_elsewhere(expression: str, text: str) -> None:
    assert Regex(expression, 10_000).matches(text) == bool(re.fullmatch(expression, text))


def test_an_expression_that_others_take_for_ever_over() -> None:
    assert not Regex("(a*)*b", 100).matches("a" * 2000)
    assert Regex("(((){1000}){1000}){1000}", 100).matches("")


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("(", "Failed to construct regex from pattern '('"),
        (r"(a)\1", r"Failed to construct regex from pattern '(a)\1': invalid perl operator"),
        ("a(?=b)", "Failed to construct regex from pattern 'a(?=b)': invalid perl operator"),
        ("a{1001}", "Failed to construct regex from pattern 'a{1001}': bad repetition operator"),
        ("a{99}b{99}", "Regex 'a{99}b{99}' is too complex: program size is larger than maximum of 100 allowed"),
    ],
)
def test_expressions_that_are_refused(expression: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        Regex(expression, 100)


def constraint(name: str, predicate: str, value: str | None = None) -> dict[str, Any]:
    """On an attribute, or on HOSTNAME, REGION or ZONE."""
    selector = {"pseudoattribute_type": name} if name.isupper() else {"attribute_name": name}
    field = "regex" if predicate.endswith("matches") else "value"
    return {"selector": selector, "predicate": {predicate: {} if value is None else {field: value}}}


def constraints(*groups: list[dict[str, Any]], role: str = "r") -> OfferConstraints:
    body = {"role_constraints": {role: {"groups": [{"attribute_constraints": group} for group in groups]}}}
    return msgspec.convert(body, OfferConstraints)


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        (constraint("rack", "exists"), True),
        (constraint("rack", "not_exists"), False),
        (constraint("nope", "exists"), False),
        (constraint("nope", "not_exists"), True),
        (constraint("rack", "text_equals", "r1"), True),
        (constraint("rack", "text_equals", "r2"), False),
        (constraint("rack", "text_not_equals", "r1"), False),
        (constraint("nope", "text_equals", "r1"), False),
        (constraint("nope", "text_not_equals", "r1"), True),
        (constraint("cores", "text_equals", "4"), True),
        (constraint("rack", "text_matches", "r[0-9]"), True),
        (constraint("rack", "text_matches", "r"), False),
        (constraint("rack", "text_not_matches", "r"), True),
        (constraint("HOSTNAME", "text_matches", r"a\d\.example"), True),
        (constraint("REGION", "text_equals", "eu"), True),
        (constraint("ZONE", "text_equals", "eu-2"), False),
    ],
)
def test_what_holds_for_an_agent(wanted: dict[str, Any], holds: bool) -> None:
    found = compiled(constraints([wanted]), 100)
    assert excludes(found, "r", AGENT) is not holds
    assert not excludes(found, "other", AGENT)


def test_of_two_attributes_with_one_name_the_first_counts() -> None:
    twice = msgspec.structs.replace(
        AGENT, attributes=(*AGENT.attributes, msgspec.structs.replace(AGENT.attributes[1], name="rack"))
    )
    assert excludes(compiled(constraints([constraint("rack", "text_equals", "r2")]), 100), "r", twice)


def test_all_of_a_group_any_of_the_groups() -> None:
    yes, no = constraint("rack", "exists"), constraint("nope", "exists")
    assert excludes(compiled(constraints([yes, no]), 100), "r", AGENT)
    assert not excludes(compiled(constraints([no], [yes]), 100), "r", AGENT)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (constraints(), "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role r"),
        (constraints([]), "'OfferConstraints::RoleConstraints::groups' for role rcontains an empty"),
        (
            constraints([{"selector": {}, "predicate": {"exists": {}}}]),
            "A role r has an invalid 'AttributeConstraint': Exactly one of 'AttributeConstraint::Selector::name'",
        ),
        (constraints([{"selector": {"attribute_name": "a"}, "predicate": {}}]), "Unknown predicate type"),
    ],
)
def test_constraints_that_are_refused(bad: OfferConstraints, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        compiled(bad, 100)


def subscribe(cluster: Cluster, wanted: OfferConstraints) -> None:
    cluster.raw_subscribe("s1", {"framework_info": INFO, "offer_constraints": msgspec.to_builtins(wanted)})


def test_offers_by_constraints() -> None:
    cluster = Cluster()
    cluster.register()
    subscribe(cluster, constraints([constraint("HOSTNAME", "text_equals", "elsewhere")], role="*"))
    cluster.clock.advance(5)
    assert not cluster.take("s1", "OFFERS")
    (framework,) = cluster.master.state.frameworks.values()
    assert framework.offer_constraints.role_constraints
    info = {**INFO, "id": {"value": framework.id}}
    here = constraints([constraint("HOSTNAME", "text_equals", "localhost")], role="*")
    fields = {"framework_info": info, "offer_constraints": msgspec.to_builtins(here)}
    cluster.call("s1", "UPDATE_FRAMEWORK", framework.id, **fields)
    cluster.clock.advance(0)
    assert cluster.take("s1", "OFFERS")
    fields["offer_constraints"] = msgspec.to_builtins(constraints(role="*"))
    with pytest.raises(Refusal, match="Offer constraints are not valid"):
        cluster.call("s1", "UPDATE_FRAMEWORK", framework.id, **fields)


def test_a_framework_with_bad_constraints_is_refused() -> None:
    cluster = Cluster()
    subscribe(cluster, constraints([constraint("rack", "exists")], role="other"))
    (event,) = cluster.take("s1")
    assert event.error
    assert "for a role 'other'" in event.error.message
