"""Constraints: whether an agent may run one more instance of an app, given where its others run.

After Marathon's docs/constraints.md. An agent's attributes are compared as texts, in Mesos' notation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from mesosctl.runtime.marathon.core.records import AgentRecord
from mesosctl.runtime.marathon.model import Constraint
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Attribute


def agent_of(offer: Offer) -> AgentRecord:
    domain = offer.domain.fault_domain if offer.domain else None
    return AgentRecord(
        id=offer.agent_id.value,
        host=offer.hostname,
        region=domain.region.name if domain else None,
        zone=domain.zone.name if domain else None,
        attributes=offer.attributes,
    )


def fits(constraints: Iterable[Constraint], agent: AgentRecord, placed: Sequence[AgentRecord]) -> bool:
    """`placed`: the agents of the app's other instances, one for each."""
    return all(_fits(constraint, agent, placed) for constraint in constraints)


def value(agent: AgentRecord, field: str) -> str | None:
    """None where the agent has no such attribute."""
    match field:
        case "hostname" | "@hostname":
            return agent.host
        case "@region":
            return agent.region
        case "@zone":
            return agent.zone
    return next((_text(attribute) for attribute in agent.attributes if attribute.name == field), None)


def _fits(constraint: Constraint, agent: AgentRecord, placed: Sequence[AgentRecord]) -> bool:
    here = value(agent, constraint.fieldName)
    if here is None:
        return constraint.operator == "UNLIKE"
    wanted = constraint.value or ""
    match constraint.operator:
        case "LIKE":
            return _pattern(wanted).fullmatch(here) is not None
        case "UNLIKE":
            return _pattern(wanted).fullmatch(here) is None
        case "IS":
            return here == wanted
        case "CLUSTER" if wanted:
            return here == wanted
    others = Counter(value(other, constraint.fieldName) for other in placed)
    match constraint.operator:
        case "UNIQUE":
            return here not in others
        case "CLUSTER":
            return all(other == here for other in others)
        case "MAX_PER":
            return others[here] < int(wanted)
    return _evenly(here, others, int(wanted or 1))


def _evenly(here: str, others: Counter[str | None], groups: int) -> bool:
    """GROUP_BY: a group that is new, or as small as any, once as many groups are known as there shall be."""
    known = [count for group, count in others.items() if group is not None]
    if not others[here]:
        return True
    return len(known) >= groups and others[here] == min(known)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


def _text(attribute: Attribute) -> str:
    if attribute.text is not None:
        return attribute.text.value
    if attribute.scalar is not None:
        return f"{attribute.scalar.value:.15g}"
    if attribute.ranges is not None:
        return "[" + ",".join(f"{part.begin}-{part.end}" for part in attribute.ranges.range) + "]"
    return "{" + ",".join(attribute.set.item if attribute.set else ()) + "}"
