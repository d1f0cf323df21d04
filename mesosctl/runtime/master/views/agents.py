"""Agents as the older endpoints show them."""

from __future__ import annotations

from typing import Any

from mesosctl.runtime.master.records import NOTHING, Agent
from mesosctl.runtime.master.views.frameworks import offered
from mesosctl.runtime.resources import Form, Resources, summary
from mesosctl.runtime.views import attributes_view, reservations_view

Json = dict[str, Any]


def agent_view(agent: Agent) -> Json:
    """What `/state` shows of an agent."""
    view: Json = {
        "id": agent.id,
        "hostname": agent.info.hostname,
        "port": agent.info.port,
        "attributes": attributes_view(agent.info.attributes),
        "pid": agent.pid,
        "registered_time": agent.registered,
    }
    if agent.reregistered:
        view["reregistered_time"] = agent.reregistered
    if agent.info.domain:
        view["domain"] = agent.info.domain
    view |= {
        "resources": summary(agent.total),
        "used_resources": summary(_used(agent)),
        "offered_resources": summary(offered(agent.offers.values())),
        "reserved_resources": reservations_view(agent.total),
        "unreserved_resources": summary(agent.total.unreserved()),
        "active": agent.active,
        "deactivated": agent.restriction is not None,
        "version": agent.version,
        "capabilities": [each.type for each in agent.capabilities if each.type],
    }
    if agent.drain:
        view["drain_info"] = agent.drain
    if agent.drain_started:
        view["estimated_drain_start_time_seconds"] = agent.drain_started
    return view


def recovered_agent_view(agent: Agent) -> Json:
    """What is shown of an agent that is not back after a failover."""
    shown = ("domain", "id", "hostname", "port", "attributes")
    return {name: value for name, value in agent_view(agent).items() if name in shown}


def full_agent_view(agent: Agent) -> Json:
    """What `/slaves` shows: the above, and resources in full."""
    reservations = agent.total.reservations()
    return agent_view(agent) | {
        "reserved_resources_full": {role: reserved.messages(Form.ENDPOINT) for role, reserved in reservations.items()},
        "unreserved_resources_full": agent.total.unreserved().messages(Form.ENDPOINT),
        "used_resources_full": _used(agent).messages(Form.ENDPOINT),
        "offered_resources_full": offered(agent.offers.values()).messages(Form.ENDPOINT),
    }


def _used(agent: Agent) -> Resources:
    return sum(agent.used.values(), NOTHING)
