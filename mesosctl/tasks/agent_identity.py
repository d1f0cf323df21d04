"""What an agent compares with what it was before, when it is started: a change of it must not come unawares.

An agent that has run keeps its id and its tasks in `meta/slaves/latest` of its work_dir. Started with another name,
port, domain, or other attributes or resources, it ends again and again under `reconfiguration_policy=equal`, the
default; `additive` admits what is only more (src/slave/compatibility.cpp of Apache Mesos). Otherwise it must become a
new agent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Role
from mesosctl.tasks.mesos import agent_flags

FOUND = ("cpus", "mem", "disk", "ports")
"""Resources that an agent finds by itself where they are not given."""


@dataclass
class Changes:
    """What differs, each as `attribute rack: r1 -> r2`."""

    more: list[str] = field(default_factory=list)
    """What `additive` admits."""
    unknown: list[str] = field(default_factory=list)
    """What it may admit: one side is known to the agent only."""
    other: list[str] = field(default_factory=list)


def changed(cluster: Cluster, facts: Mapping[str, Facts]) -> Iterator[tuple[str, str, str]]:
    """The agents that would not start with what the inventory declares now: their names, what differs, what to do."""
    groups: dict[tuple[str, str], list[str]] = {}
    for host in cluster.with_role(Role.AGENT):
        its = facts.get(host.name)
        wanted = agent_flags(cluster, host)
        if not its or its.agent_identity.get("work_dir") != wanted["work_dir"]:
            continue
        found = compare(its.agent_identity, wanted)
        additive = wanted.get("reconfiguration_policy") == "additive"
        refused = found.other if additive else [*found.other, *found.unknown, *found.more]
        if refused:
            fix = _as_new(wanted["work_dir"])
            if not found.other:
                fix = f"set reconfiguration_policy: additive in mesos.agent.flags if it only gains; otherwise {fix}"
            groups.setdefault(("; ".join(refused), fix), []).append(host.name)
    for (what, fix), names in groups.items():
        shown = ", ".join(names[:5]) + (f" … ({len(names)} agents)" if len(names) > 5 else "")
        yield shown, what, fix


def _as_new(work_dir: str) -> str:
    return (
        "let one after the other become a new agent: drain it (DRAIN_AGENT of the master's API), then, each with "
        f"--limit HOST, stop-cluster, `mesosctl exec -- rm {work_dir}/meta/slaves/latest`, bootstrap, start-cluster"
    )


def compare(before: Mapping[str, str], now: Mapping[str, str]) -> Changes:
    """What differs between two sets of an agent's flags."""
    changes = Changes()
    for name in ("hostname", "port", "domain"):
        old, new = before.get(name, ""), now.get(name, "")
        if old != new:
            (changes.more if name == "domain" and not old else changes.other).append(f"{name}: {old} -> {new}")
    for kind, found in (("attribute", ()), ("resource", FOUND)):
        old_items, new_items = (_items(flags.get(f"{kind}s", "")) for flags in (before, now))
        for name in dict.fromkeys((*old_items, *new_items)):
            old, new = old_items.get(name, ""), new_items.get(name, "")
            if old == new or (_number(old) is not None and _number(old) == _number(new)):
                continue
            gained = not old or _within(old, new) or (kind == "resource" and _less(old, new))
            group = changes.more if gained else changes.other
            if name in found and not (old and new):
                group = changes.unknown
            group.append(f"{kind} {name}: {old or 'none given'} -> {new or 'none given'}")
    return changes


def _items(text: str) -> dict[str, str]:
    """`name:value;name:value` by name; blanks mean nothing there."""
    pairs = (part.partition(":") for part in text.split(";") if part.strip())
    return {name.strip(): "".join(value.split()) for name, _, value in pairs}


def _less(old: str, new: str) -> bool:
    """Whether a number has grown, or a set has got more members."""
    first, second = _number(old), _number(new)
    if first is not None and second is not None:
        return first <= second
    return bool(_set(old)) and _set(old) <= _set(new)


def _within(old: str, new: str) -> bool:
    """Whether ranges lie within others."""
    outer = _ranges(new)
    inner = _ranges(old)
    return bool(inner) and all(any(low <= begin and end <= high for low, high in outer) for begin, end in inner)


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else None


def _ranges(text: str) -> list[tuple[int, int]]:
    if not re.fullmatch(r"\[[0-9]+-[0-9]+(,[0-9]+-[0-9]+)*\]", text):
        return []
    return [(int(low), int(high)) for low, _, high in (pair.partition("-") for pair in text[1:-1].split(","))]


def _set(text: str) -> set[str]:
    return set(text[1:-1].split(",")) if re.fullmatch(r"\{.+\}", text) else set()
