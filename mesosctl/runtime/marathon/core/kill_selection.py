"""Whom to kill where some of an app's instances are to go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from mesosctl.runtime.marathon.core.constraints import value
from mesosctl.runtime.marathon.core.records import Condition, Instance
from mesosctl.runtime.marathon.model import RunSpec, config_version

_ORDER = (
    Condition.SCHEDULED,
    Condition.UNREACHABLE_INACTIVE,
    Condition.UNREACHABLE,
    Condition.KILLING,
    Condition.PROVISIONED,
    Condition.STAGING,
    Condition.STARTING,
)


def select(
    app: RunSpec,
    instances: Sequence[Instance],
    count: int,
    preferred: Collection[str] = (),
    healthy: Callable[[Instance], bool | None] = lambda _: None,
) -> tuple[Instance, ...]:
    """That many: those asked for, those that do not run, the unhealthy, those of another configuration, then such that
    the rest is spread evenly where the app's GROUP_BY says so, and by age as its `killSelection` says."""
    present = config_version(app)
    left = sorted(instances, key=lambda i: i.created, reverse=app.killSelection == "YOUNGEST_FIRST")
    fields = [constraint.fieldName for constraint in app.constraints if constraint.operator == "GROUP_BY"]
    groups = {field: Counter(value(i.agent, field) for i in left if i.agent) for field in fields}

    def rank(instance: Instance) -> tuple[bool, int, bool, bool, list[int]]:
        crowds = [-groups[field][value(instance.agent, field)] if instance.agent else 0 for field in fields]
        is_present = config_version(instance.app) == present
        return (instance.id not in preferred, _rank(instance), healthy(instance) is not False, is_present, crowds)

    if not fields:
        return tuple(sorted(left, key=rank)[:count])
    chosen = []
    for _ in range(min(count, len(left))):
        found = min(left, key=rank)
        left.remove(found)
        chosen.append(found)
        for field in fields:
            if found.agent:
                groups[field][value(found.agent, field)] -= 1
    return tuple(chosen)


def _rank(instance: Instance) -> int:
    return _ORDER.index(instance.condition) if instance.condition in _ORDER else len(_ORDER)
