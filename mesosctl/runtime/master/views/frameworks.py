"""Frameworks and their offers as the older endpoints show them. HTTP frameworks have no `pid`: it is left out."""

from __future__ import annotations

from typing import Any

from mesosctl.runtime.master.records import NOTHING, Capability, Framework, Offer
from mesosctl.runtime.master.views.tasks import executor_view, task_view
from mesosctl.runtime.resources import Resources, summary

Json = dict[str, Any]


def framework_summary(framework: Framework) -> Json:
    """What `/state-summary` shows, without the counts of tasks."""
    info = framework.info
    view: Json = {
        "id": framework.id,
        "name": info.name,
        "used_resources": summary(framework.used),
        "offered_resources": summary(offered(framework.offers.values())),
        "capabilities": [each.type for each in info.capabilities if each.type],
        "hostname": info.hostname or "",
        "webui_url": info.webui_url or "",
        "active": framework.connected,
        "connected": framework.connected,
        "recovered": framework.recovered,
    }
    if info.principal is not None:
        view["principal"] = info.principal
    return view


def framework_view(framework: Framework) -> Json:
    info = framework.info
    view = framework_summary(framework)
    view |= {
        "user": info.user,
        "failover_timeout": info.failover_timeout,
        "checkpoint": info.checkpoint,
        "registered_time": framework.registered,
        "unregistered_time": framework.unregistered,
        "resources": summary(framework.used + offered(framework.offers.values())),
    }
    if framework.reregistered:
        view["reregistered_time"] = framework.reregistered
    if framework.can(Capability.MULTI_ROLE):
        view["roles"] = framework.roles
    else:
        view["role"] = framework.roles[0]
    view |= {
        "tasks": [task_view(task) for task in framework.tasks.values()],
        "unreachable_tasks": [task_view(task) for task in framework.unreachable.values()],
        "completed_tasks": [task_view(task) for task in framework.completed],
        "offers": [_offer_view(offer) for offer in framework.offers.values()],
        "executors": [executor_view(executor) for executor in framework.executors.values()],
        "offer_constraints": framework.offer_constraints,
    }
    if info.labels:
        view["labels"] = info.labels.labels
    return view


def offered(offers: Any) -> Resources:
    return sum((offer.resources for offer in offers), NOTHING)


def _offer_view(offer: Offer) -> Json:
    return {
        "id": offer.id,
        "framework_id": offer.framework_id,
        "allocation_info": {"role": offer.role},
        "slave_id": offer.agent_id,
        "resources": summary(offer.resources),
    }
