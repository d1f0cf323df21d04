"""What a look at the promises comes to."""

from __future__ import annotations

from dataclasses import dataclass

from mesosctl.engine.report import Failure

HELD, BROKEN, NOT_THERE = "held", "broken", "not-applicable"
WHOLE = "cluster"
"""What stands for a host where a promise is of the whole cluster."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a promise stands on a host."""

    host: str
    """Its name, or `cluster` for a promise of the whole."""
    chapter: str
    test: str
    promise: str
    status: str
    """`held`, `broken`, or `not-applicable` where the host has nothing that it could be about."""
    message: str
    """What was found in place of what was promised, or why there is nothing to check."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found on a host, or of the cluster as a whole."""

    host: str
    outcomes: tuple[Outcome, ...] = ()
    failure: Failure | None = None
    """Why the host could not be asked."""
