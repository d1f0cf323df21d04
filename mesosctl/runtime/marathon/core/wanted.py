"""What an app shall have; and from that and what it has, how many to launch, whom to kill, and whether it is done.

The decision is made anew after each change and knows nothing of the past, so it goes on under another leader too. The
rules of a rolling upgrade are those of Marathon's docs/deployments.md: of `instances`, at least the part
`minimumHealthCapacity` is healthy, and no more than the part `maximumOverCapacity` is there in addition.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from mesosctl.runtime.marathon.core.kill_selection import select
from mesosctl.runtime.marathon.core.records import Condition, Goal, Instance
from mesosctl.runtime.marathon.model import RunSpec, config_version


class Wanted(msgspec.Struct, frozen=True):
    app: RunSpec
    count: int
    replace: bool = False
    """Instances of other configurations are to go."""
    since: float = math.inf
    """Those made from then on have to be ready before this is done."""
    kills: frozenset[str] = frozenset()
    """Whom to kill first."""
    keep: bool = False
    """Kill nobody, also where there are more: under a new leader, a deployment begins with what it had reached."""
    remove: bool = False
    """It is to be no more: what is reserved for it is given up, too."""


class Decision(NamedTuple):
    launch: int
    kill: tuple[Instance, ...]
    done: bool


class View(NamedTuple):
    """How instances are. `healthy` is None where nobody knows."""

    healthy: Callable[[Instance], bool | None]
    ready: Callable[[Instance], bool]
    """Running, healthy where there are health checks, and ready where there are readiness checks."""
    heard: Callable[[Instance], bool]
    """Its checks have been answered at least once, or it has none."""


def decide(wanted: Wanted, instances: Sequence[Instance], view: View) -> Decision:
    present = config_version(wanted.app)
    # With an old configuration, those that are given up must not serve again when their agents come back.
    staying = [
        i
        for i in instances
        if i.goal is Goal.RUNNING
        and (i.condition is not Condition.UNREACHABLE_INACTIVE or (wanted.replace and config_version(i.app) != present))
    ]
    leaving = [i for i in instances if i.goal is not Goal.RUNNING and not i.suspended]
    if wanted.remove:
        kill = tuple(i for i in instances if i.goal is not Goal.DECOMMISSIONED)
        return Decision(0, kill, not instances)
    old = [i for i in staying if wanted.replace and config_version(i.app) != present]
    if wanted.replace and (old or leaving):
        return _replace(wanted, staying, old, leaving, view)
    return _scale(wanted, staying, leaving, view)


def _scale(wanted: Wanted, staying: list[Instance], leaving: list[Instance], view: View) -> Decision:
    missing = wanted.count - len(staying)
    if wanted.keep:
        return Decision(max(0, missing), (), missing <= 0)
    kill = select(wanted.app, staying, -missing, wanted.kills, view.healthy) if missing < 0 else ()
    done = not missing and not leaving and all(view.ready(i) for i in staying if i.created >= wanted.since)
    return Decision(max(0, missing), kill, done)


def _replace(
    wanted: Wanted, staying: list[Instance], old: list[Instance], leaving: list[Instance], view: View
) -> Decision:
    """`old` are those of `staying` that are to go. This is not done before all that go have gone."""
    going = {i.id for i in old}
    new = [i for i in staying if i.id not in going]
    least, most = _capacity(wanted)
    ready = sum(view.ready(i) for i in new)
    serving: list[Instance] = []
    kill: list[Instance] = []
    for instance in old:
        serves = instance.condition is Condition.RUNNING and view.healthy(instance) is not False
        (serving if serves else kill).append(instance)
    missing = max(0, least - ready)
    # Of whom nothing was heard yet, as under a new leader, nobody knows whether he serves.
    excess = sum(map(view.heard, serving)) - missing if missing else len(serving)
    surplus_new = len(new) - wanted.count
    if excess > 0:
        kill += select(wanted.app, serving, excess, wanted.kills, view.healthy)
    if surplus_new > 0:
        kill += select(wanted.app, new, surplus_new, wanted.kills, view.healthy)
    there = sum(i.condition is not Condition.SCHEDULED for i in old) + len(new) + len(leaving)
    return Decision(max(0, min(wanted.count - len(new), most - there)), tuple(kill), False)


def _capacity(wanted: Wanted) -> tuple[int, int]:
    """The least that must serve, and the most that may be there."""
    strategy = wanted.app.upgradeStrategy
    least = math.ceil(round(wanted.count * strategy.minimumHealthCapacity, 6))
    if wanted.app.resident:
        return min(least, wanted.count - 1), wanted.count
    most = wanted.count + math.floor(round(wanted.count * strategy.maximumOverCapacity, 6))
    return least, max(most, least + 1) if most <= least else most
