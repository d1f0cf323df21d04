"""Whether the offers of an ACCEPT can be used together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mesosctl.runtime.master.records import Framework, Offer


def problem_of_offers(ids: Sequence[str], offers: Mapping[str, Offer], framework: Framework) -> str | None:
    """What keeps the framework from accepting these at once, or None. `offers`: all that are outstanding."""
    seen: set[str] = set()
    for offer_id in ids:
        if offer_id in seen:
            return f"Duplicate offer {offer_id} in offer list"
        seen.add(offer_id)
    for offer_id in ids:
        if offer_id not in offers:
            return f"Offer {offer_id} is no longer valid"
    found = [offers[offer_id] for offer_id in ids]
    for offer in found:
        if offer.framework_id != framework.id:
            return (
                f"Offer {offer.id} has invalid framework {offer.framework_id}"
                f" while framework {framework.id} is expected"
            )
    first = found[0]
    for offer in found:
        if offer.role != first.role:
            return (
                f"Aggregated offers must be allocated to the same role. Offer {offer.id} uses role '{offer.role}"
                f" but another is using role '{first.role}"
            )
        if offer.agent_id != first.agent_id:
            return (
                f"Aggregated offers must belong to one single agent. Offer {offer.id} uses agent {offer.agent_id}"
                f" and agent {first.agent_id}"
            )
    return None
