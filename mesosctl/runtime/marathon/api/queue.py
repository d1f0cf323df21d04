"""`/v2/queue`: what waits to be launched, and why it still does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from mesosctl.runtime.http.answers import empty_response
from mesosctl.runtime.marathon.api.context import Context, answer
from mesosctl.runtime.marathon.api.errors import ApiError
from mesosctl.runtime.marathon.core.records import QueueItem, UnusedOffer
from mesosctl.runtime.marathon.core.versions import version_text
from mesosctl.runtime.marathon.model import Pod, RunSpec, absolute, app_json, pod_json
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Attribute, Resource

Json = dict[str, Any]


class Queue:
    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v2/queue", self.list), web.delete("/v2/queue/{path:.+}", self.reset)]

    async def list(self, request: web.Request) -> web.Response:
        with_offers = "lastUnusedOffers" in request.query.getall("embed", [])
        items = self._context.marathon.queue()
        return answer(request, {"queue": [_view(item, with_offers) for item in items]})

    async def reset(self, request: web.Request) -> web.Response:
        id, slash, what = request.match_info["path"].rpartition("/")
        if not slash or what != "delay":
            raise web.HTTPNotFound
        id = absolute(id)
        marathon = self._context.marathon
        if not any(item.app.id == id for item in marathon.queue()):
            raise ApiError(404, f"Application {id} not found in tasks queue.")
        marathon.reset_delay(id)
        return empty_response(204)


def _view(item: QueueItem, with_offers: bool) -> Json:
    left = max(0.0, item.delayed_until - time.time())
    summary: Json = {
        "processedOffersCount": item.processed,
        "unusedOffersCount": item.unused,
        "rejectSummaryLastOffers": _reasons(item.reject_last_offers),
        "rejectSummaryLaunchAttempt": _reasons(item.reject_launch_attempt),
    }
    if item.last_unused_at is not None:
        summary["lastUnusedOfferAt"] = version_text(item.last_unused_at)
    if item.last_used_at is not None:
        summary["lastUsedOfferAt"] = version_text(item.last_used_at)
    view = {
        **_definition(item.app),
        "count": item.count,
        "delay": {"timeLeftSeconds": int(left), "overdue": left <= 0},
        "since": version_text(item.since),
        "processedOffersSummary": summary,
    }
    if with_offers:
        view["lastUnusedOffers"] = [_unused(each) for each in item.last_unused_offers]
    return view


def _definition(spec: RunSpec) -> Json:
    return {"pod": pod_json(spec)} if isinstance(spec, Pod) else {"app": app_json(spec)}


def _reasons(summary: Mapping[str, tuple[int, int]]) -> list[Json]:
    return [
        {"reason": reason, "declined": declined, "processed": processed}
        for reason, (declined, processed) in summary.items()
    ]


def _unused(unused: UnusedOffer) -> Json:
    offer: Offer = unused.offer
    return {
        "offer": {
            "id": offer.id.value,
            "hostname": offer.hostname,
            "agentId": offer.agent_id.value,
            "resources": [{**_named(each), "role": each.role or "*"} for each in offer.resources],
            "attributes": [_named(each) for each in offer.attributes],
        },
        "reason": list(unused.reasons),
        "timestamp": version_text(unused.at),
    }


def _named(item: Resource | Attribute) -> Json:
    view: Json = {"name": item.name}
    if item.scalar:
        view["scalar"] = item.scalar.value
    if item.ranges:
        view["ranges"] = [{"begin": each.begin, "end": each.end} for each in item.ranges.range]
    if item.set:
        view["set"] = list(item.set.item)
    if isinstance(item, Attribute) and item.text:
        view["text"] = item.text.value
    return view
