"""The calls that decide about one agent: drain, deactivate, reactivate, declare gone."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import partial

from mesosctl.runtime.master.operator.commit import commit
from mesosctl.runtime.master.operator.context import Context, Function
from mesosctl.runtime.protocol.basics import DurationInfo
from mesosctl.runtime.protocol.master import Call


def drain(context: Context, call: Call) -> Awaitable[int]:
    given = call.drain_agent
    assert given  # the call is complete
    context.permit.require("drain_agents")
    most = given.max_grace_period
    grace = DurationInfo((most.seconds or 0) * 10**9 + (most.nanos or 0)) if most else None
    draining = context.master.draining
    return commit(context, lambda: draining.drain(given.agent_id.value, grace, mark_gone=given.mark_gone))


def deactivate(context: Context, call: Call) -> Awaitable[int]:
    given = call.deactivate_agent
    assert given  # the call is complete
    context.permit.require("deactivate_agents")
    return commit(context, partial(context.master.draining.deactivate, given.agent_id.value))


def reactivate(context: Context, call: Call) -> Awaitable[int]:
    given = call.reactivate_agent
    assert given  # the call is complete
    context.permit.require("reactivate_agents")
    return commit(context, partial(context.master.draining.reactivate, given.agent_id.value))


def mark_gone(context: Context, call: Call) -> Awaitable[int]:
    given = call.mark_agent_gone
    assert given  # the call is complete
    context.permit.require("mark_agents_gone")
    return commit(context, partial(context.master.draining.mark_gone, given.agent_id.value))


FUNCTIONS: Mapping[Call.Type, Function] = {
    Call.Type.DRAIN_AGENT: drain,
    Call.Type.DEACTIVATE_AGENT: deactivate,
    Call.Type.REACTIVATE_AGENT: reactivate,
    Call.Type.MARK_AGENT_GONE: mark_gone,
}
