"""Offer constraints: the agents that a framework wants offers of, by attributes, hostname, region and zone.

An agent is offered in a role if all constraints of one of the role's groups hold, or if the role has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mesosctl.runtime.master.allocator.regex import Regex
from mesosctl.runtime.protocol.cluster import AgentInfo
from mesosctl.runtime.protocol.resources import Attribute
from mesosctl.runtime.protocol.scheduler import AttributeConstraint, OfferConstraints

_Pseudo = AttributeConstraint.Selector.PseudoattributeType
_Value = str | Attribute | None
_Test = Callable[[AgentInfo], bool]
_Groups = list[list[_Test]]

Constraints = Mapping[str, _Groups]
"""By role."""


def compiled(constraints: OfferConstraints | None, regex_size: int) -> Constraints:
    """Raises ValueError, with Mesos' words, where they are not valid."""
    found: dict[str, _Groups] = {}
    for role, wanted in (constraints.role_constraints if constraints else {}).items():
        if not wanted.groups:
            raise ValueError(
                f"'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role {role}"
            )
        groups: _Groups = []
        for group in wanted.groups:
            if not group.attribute_constraints:
                raise ValueError(
                    f"'OfferConstraints::RoleConstraints::groups' for role {role}"
                    "contains an empty RoleConstraints::Group"
                )
            try:
                groups.append([_test(each, regex_size) for each in group.attribute_constraints])
            except ValueError as error:
                raise ValueError(f"A role {role} has an invalid 'AttributeConstraint': {error}") from None
        found[role] = groups
    return found


def excludes(constraints: Constraints, role: str, info: AgentInfo) -> bool:
    groups = constraints.get(role)
    return groups is not None and not any(all(test(info) for test in group) for group in groups)


def _test(constraint: AttributeConstraint, regex_size: int) -> _Test:
    select = _selector(constraint.selector)
    holds = _predicate(constraint.predicate, regex_size)
    return lambda info: holds(select(info))


def _selector(selector: AttributeConstraint.Selector) -> Callable[[AgentInfo], _Value]:
    if (name := selector.attribute_name) is not None:
        return lambda info: next((each for each in info.attributes if each.name == name), None)
    match selector.pseudoattribute_type:
        case None:
            raise ValueError(
                "Exactly one of 'AttributeConstraint::Selector::name' or"
                " 'AttributeConstraint::Selector::pseudoattribute_type' must be set"
            )
        case _Pseudo.HOSTNAME:
            return lambda info: info.hostname
        case _Pseudo.REGION:
            return _region
        case _Pseudo.ZONE:
            return _zone
        case _:
            raise ValueError("Unknown pseudoattribute type")


def _region(info: AgentInfo) -> str | None:
    domain = info.domain.fault_domain if info.domain else None
    return domain.region.name if domain else None


def _zone(info: AgentInfo) -> str | None:
    domain = info.domain.fault_domain if info.domain else None
    return domain.zone.name if domain else None


def _predicate(predicate: AttributeConstraint.Predicate, regex_size: int) -> Callable[[_Value], bool]:
    """Of attributes that are not texts, only their existence is asked: all else holds."""
    if predicate.exists:
        return lambda value: value is not None
    if predicate.not_exists:
        return lambda value: value is None
    if equals := predicate.text_equals:
        return _of_text(lambda text: text == equals.value, without=False)
    if differs := predicate.text_not_equals:
        return _of_text(lambda text: text != differs.value, without=True)
    if matches := predicate.text_matches:
        return _of_text(Regex(matches.regex, regex_size).matches, without=False)
    if differs_from := predicate.text_not_matches:
        regex = Regex(differs_from.regex, regex_size)
        return _of_text(lambda text: not regex.matches(text), without=True)
    raise ValueError("Unknown predicate type")


def _of_text(holds: Callable[[str], bool], *, without: bool) -> Callable[[_Value], bool]:
    """`without`: what it is where there is no value."""

    def test(value: _Value) -> bool:
        if value is None:
            return without
        if isinstance(value, str):
            return holds(value)
        return value.text is None or holds(value.text.value)

    return test
