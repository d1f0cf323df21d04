"""Marathon's event bus: whoever is subscribed gets every event, written as JSON, without holding anybody up."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec

from mesosctl.runtime.marathon.core.versions import version_text
from mesosctl.runtime.marathon.model import group_json

Event = dict[str, Any]

MAX_WAITING = 10_000
"""Events that a subscriber may be behind before it is cut off."""

_TREES = ("original", "target")
"""What is large in a deployment's plan."""
_encode = msgspec.json.Encoder().encode


class Subscription:
    """One subscriber. `light` leaves the trees out of deployments' plans; no `kinds` means all."""

    def __init__(self, kinds: frozenset[str], light: bool) -> None:
        self.light = light
        self._kinds = kinds
        self._waiting: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue()

    def wants(self, kind: str) -> bool:
        return not self._kinds or kind in self._kinds

    def put(self, kind: str, text: bytes) -> None:
        if self._waiting.qsize() < MAX_WAITING:
            self._waiting.put_nowait((kind, text))
        else:
            self.close()

    async def next(self) -> tuple[str, bytes] | None:
        """Kind and JSON of the next event; None at the end."""
        return await self._waiting.get()

    def close(self) -> None:
        self._waiting.put_nowait(None)


class Bus:
    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    def publish(self, event: Event) -> None:
        """It is written once for all that want the same."""
        kind = event["eventType"]
        texts: dict[bool, bytes] = {}
        for subscription in self._subscriptions:
            if subscription.wants(kind):
                light = subscription.light
                if light not in texts:
                    texts[light] = _encode(_written(event, light))
                subscription.put(kind, texts[light])

    def say(self, kind: str, **fields: Any) -> None:
        """Publish an event of this kind that happens now."""
        self.publish({**fields, "eventType": kind, "timestamp": version_text(time.time())})

    def subscribe(self, kinds: frozenset[str], *, light: bool) -> Subscription:
        subscription = Subscription(kinds, light)
        self._subscriptions.add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        for subscription in self._subscriptions:
            subscription.close()


def _written(event: Event, light: bool) -> Event:
    plan = event.get("plan")
    if not isinstance(plan, dict):
        return event
    trees = {} if light else {name: group_json(plan[name]) for name in _TREES if name in plan}
    return {**event, "plan": {name: value for name, value in plan.items() if name not in _TREES} | trees}
