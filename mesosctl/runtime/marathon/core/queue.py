"""The launch queue: what waits, and what became of the offers it was shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from mesosctl.runtime.marathon.core.matching import Reason
from mesosctl.runtime.marathon.core.records import QueueItem, UnusedOffer
from mesosctl.runtime.marathon.model import RunSpec
from mesosctl.runtime.protocol.offers import Offer

_MOST_OFFERS_KEPT = 5
_MOST_AGENTS_KEPT = 1000


class Attempt:
    """What one app has seen since it waits."""

    def __init__(self, since: float) -> None:
        self._since = since
        self._processed = 0
        self._unused = 0
        self._last_unused: float | None = None
        self._last_used: float | None = None
        self._declined: Counter[Reason] = Counter()
        """By the first reason that applies."""
        self._of_agent: dict[str, tuple[Reason, ...]] = {}
        self._offers: dict[str, UnusedOffer] = {}
        """By agent, the latest last."""

    def used(self, agent_id: str, now: float) -> None:
        self._processed += 1
        self._last_used = now
        self._of_agent[agent_id] = ()

    def unused(self, offer: Offer, reasons: Sequence[Reason], now: float) -> None:
        self._processed += 1
        self._unused += 1
        self._last_unused = now
        self._declined[reasons[0]] += 1
        agent_id = offer.agent_id.value
        if len(self._of_agent) < _MOST_AGENTS_KEPT or agent_id in self._of_agent:
            self._of_agent[agent_id] = tuple(reasons)
        self._offers.pop(agent_id, None)
        self._offers[agent_id] = UnusedOffer(offer, tuple(reason.value for reason in reasons), now)
        if len(self._offers) > _MOST_OFFERS_KEPT:
            del self._offers[next(iter(self._offers))]

    def item(self, app: RunSpec, count: int, delayed_until: float) -> QueueItem:
        last = Counter(reasons[0] for reasons in self._of_agent.values() if reasons)
        return QueueItem(
            app=app,
            count=count,
            since=self._since,
            delayed_until=delayed_until,
            processed=self._processed,
            unused=self._unused,
            last_unused_at=self._last_unused,
            last_used_at=self._last_used,
            reject_launch_attempt=_summary(self._declined, self._processed),
            reject_last_offers=_summary(last, len(self._of_agent)),
            last_unused_offers=tuple(self._offers.values()),
        )


class Queue:
    """The attempts of all apps that wait."""

    def __init__(self) -> None:
        self._attempts: dict[str, Attempt] = {}

    def attempt(self, app_id: str, now: float) -> Attempt:
        found = self._attempts.get(app_id)
        if found is None:
            found = self._attempts[app_id] = Attempt(now)
        return found

    def keep_only(self, waiting: Iterable[str]) -> None:
        """Forget the attempts of apps that do not wait any more."""
        kept = set(waiting)
        for app_id in self._attempts.keys() - kept:
            del self._attempts[app_id]


def _summary(declined: Counter[Reason], processed: int) -> dict[str, tuple[int, int]]:
    """As a funnel: a reason sees what the ones before it let pass."""
    summary = {}
    for reason in Reason:
        summary[reason.value] = (declined[reason], processed)
        processed -= declined[reason]
    return summary
