"""What RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME and SHRINK_VOLUME turn resources into."""

from __future__ import annotations

from typing import NamedTuple

from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.resources.algebra import Resources


class Conversion(NamedTuple):
    """`consumed` becomes `converted`; nothing else changes."""

    consumed: Resources
    converted: Resources


def conversions(operation: Offer.Operation) -> tuple[Conversion, ...]:
    """What an operation converts; nothing for LAUNCH and LAUNCH_GROUP. Raises ResourcesError where it is malformed."""
    raise NotImplementedError
