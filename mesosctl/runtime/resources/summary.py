"""Resources in brief, as the older endpoints (`/state`, `/roles`, `/slaves`) show them."""

from __future__ import annotations

from mesosctl.runtime.resources.algebra import Resources
from mesosctl.runtime.resources.amounts import Amount, plus


def summary(resources: Resources) -> dict[str, float | str]:
    """`{"cpus": 2.0, "gpus": 0.0, …, "ports": "[31000-32000]"}`: scalars, and ranges and sets as text.

    The four common scalars are always there; revocable resources have `_revocable` in their name. Not to be changed.
    """
    if resources.summary is None:
        resources.summary = _summary(resources)
    return resources.summary


def _summary(resources: Resources) -> dict[str, float | str]:
    sums: dict[str, Amount] = dict.fromkeys(("cpus", "gpus", "mem", "disk"), 0)
    for kind, amount in resources.items():
        name = f"{kind.name}_revocable" if kind.revocable else kind.name
        if kind.scalar:
            amount = kind.quantity(amount)
        sums[name] = plus(sums[name], amount) if name in sums else amount
    return {name: amount / 1000 if isinstance(amount, int) else str(amount) for name, amount in sums.items()}


def counts(resources: Resources) -> dict[str, float]:
    """`{"cpus": 2.0, "ports": 1001.0}`: amounts of all that is there, of ranges and sets their size."""
    sums: dict[str, float] = {}
    for kind, amount in resources.items():
        size = len(amount) if not isinstance(amount, int) else kind.quantity(amount) / 1000
        sums[kind.name] = sums.get(kind.name, 0.0) + size
    return sums
