"""The calls that reserve resources of an agent, and make volumes of them."""

from __future__ import annotations

from collections.abc import Mapping

from mesosctl.runtime.master.operator.context import Context, Function
from mesosctl.runtime.master.validation.permissions import needed, problem_of_maker
from mesosctl.runtime.protocol.basics import AgentID
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.master import Call
from mesosctl.runtime.protocol.offers import Offer

_Operation = Offer.Operation
_Type = Offer.Operation.Type


def reserve(context: Context, call: Call) -> int:
    given = call.reserve_resources
    assert given  # the call is complete
    reserve = _Operation.Reserve(given.source, given.resources)
    return perform(context, given.agent_id, _Operation(type=_Type.RESERVE, reserve=reserve))


def unreserve(context: Context, call: Call) -> int:
    given = call.unreserve_resources
    assert given  # the call is complete
    unreserve = _Operation.Unreserve(given.resources)
    return perform(context, given.agent_id, _Operation(type=_Type.UNRESERVE, unreserve=unreserve))


def create_volumes(context: Context, call: Call) -> int:
    given = call.create_volumes
    assert given  # the call is complete
    create = _Operation.Create(given.volumes)
    return perform(context, given.agent_id, _Operation(type=_Type.CREATE, create=create))


def destroy_volumes(context: Context, call: Call) -> int:
    given = call.destroy_volumes
    assert given  # the call is complete
    destroy = _Operation.Destroy(given.volumes)
    return perform(context, given.agent_id, _Operation(type=_Type.DESTROY, destroy=destroy))


def grow_volume(context: Context, call: Call) -> int:
    given = call.grow_volume
    assert given  # the call is complete
    grow = _Operation.GrowVolume(given.volume, given.addition)
    agent_id = _required(given.agent_id, "grow_volume")
    return perform(context, agent_id, _Operation(type=_Type.GROW_VOLUME, grow_volume=grow))


def shrink_volume(context: Context, call: Call) -> int:
    given = call.shrink_volume
    assert given  # the call is complete
    shrink = _Operation.ShrinkVolume(given.volume, given.subtract)
    agent_id = _required(given.agent_id, "shrink_volume")
    return perform(context, agent_id, _Operation(type=_Type.SHRINK_VOLUME, shrink_volume=shrink))


def perform(context: Context, agent_id: AgentID, operation: Offer.Operation) -> int:
    for action, value in needed(operation):
        context.permit.require(action, [value])
    if problem := problem_of_maker(operation, context.permit.principal):
        raise Refusal(400, f"Invalid {operation.type} operation: {problem}")
    context.master.reservations.perform(agent_id.value, operation)
    return 202


def _required(agent_id: AgentID | None, field: str) -> AgentID:
    if agent_id is None:
        raise Refusal(400, f"Failed to validate master::Call: Expecting '{field}.agent_id' to be present")
    return agent_id


FUNCTIONS: Mapping[Call.Type, Function] = {
    Call.Type.RESERVE_RESOURCES: reserve,
    Call.Type.UNRESERVE_RESOURCES: unreserve,
    Call.Type.CREATE_VOLUMES: create_volumes,
    Call.Type.DESTROY_VOLUMES: destroy_volumes,
    Call.Type.GROW_VOLUME: grow_volume,
    Call.Type.SHRINK_VOLUME: shrink_volume,
}
