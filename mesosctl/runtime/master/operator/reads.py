"""The calls that read what a master knows: agents, frameworks, executors, tasks, roles, all of it, itself; TEARDOWN."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from mesosctl.runtime.master.operator.context import Context, Function
from mesosctl.runtime.master.operator.messages import agent_message, executor_message, framework_message, task_message
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.views.roles import known_roles
from mesosctl.runtime.protocol.master import Call, Response
from mesosctl.runtime.protocol.operator import CommonResponse
from mesosctl.runtime.protocol.resources import Resource, Role, Value
from mesosctl.runtime.resources import Resources

_Type = Response.Type


def get_agents(context: Context, call: Call) -> Response:
    return Response(type=_Type.GET_AGENTS, get_agents=agents(context.visible))


def get_frameworks(context: Context, call: Call) -> Response:
    return Response(type=_Type.GET_FRAMEWORKS, get_frameworks=frameworks(context.visible))


def get_executors(context: Context, call: Call) -> Response:
    return Response(type=_Type.GET_EXECUTORS, get_executors=executors(context.visible))


def get_tasks(context: Context, call: Call) -> Response:
    return Response(type=_Type.GET_TASKS, get_tasks=tasks(context.visible))


def get_state(context: Context, call: Call) -> Response:
    return Response(type=_Type.GET_STATE, get_state=whole(context))


def get_roles(context: Context, call: Call) -> Response:
    roles = tuple(
        Role(
            name=role.name,
            weight=role.weight,
            frameworks=tuple(framework.framework_id for framework in role.frameworks),
            resources=_scalars(role.held),
        )
        for role in known_roles(context.visible)
        if context.permit.allows("view_roles", role.name)
    )
    return Response(type=_Type.GET_ROLES, get_roles=Response.GetRoles(roles))


def get_master(context: Context, call: Call) -> Response:
    state = context.master.state
    master = Response.GetMaster(master_info=state.options.info, start_time=state.started, elected_time=state.elected)
    return Response(type=_Type.GET_MASTER, get_master=master)


def get_operations(context: Context, call: Call) -> Response:
    """Those whose status is not acknowledged: they are done as soon as they are accepted."""
    operations = CommonResponse.GetOperations(context.master.operations.all())
    return Response(type=_Type.GET_OPERATIONS, get_operations=operations)


def teardown(context: Context, call: Call) -> int:
    assert call.teardown is not None  # the call is complete
    return end_framework(context, call.teardown.framework_id.value)


def end_framework(context: Context, framework_id: str) -> int:
    if framework := context.master.state.frameworks.get(framework_id):
        context.permit.require("teardown_frameworks", [framework.info.principal or ""])
    context.master.teardown(framework_id)
    return 200


def whole(context: Context) -> Response.GetState:
    state = context.visible
    return Response.GetState(
        get_tasks=tasks(state),
        get_executors=executors(state),
        get_frameworks=frameworks(state),
        get_agents=agents(state),
    )


def agents(state: State) -> Response.GetAgents:
    return Response.GetAgents(
        agents=tuple(agent_message(agent) for agent in state.agents.values()),
        recovered_agents=tuple(agent.info for agent in state.recovered.values()),
    )


def frameworks(state: State) -> Response.GetFrameworks:
    return Response.GetFrameworks(
        frameworks=tuple(framework_message(each, state) for each in state.frameworks.values()),
        completed_frameworks=tuple(framework_message(each, state) for each in state.completed.values()),
    )


def executors(state: State) -> Response.GetExecutors:
    found = chain.from_iterable(framework.executors.values() for framework in state.frameworks.values())
    return Response.GetExecutors(executors=tuple(executor_message(each) for each in found))


def tasks(state: State) -> Response.GetTasks:
    living = state.frameworks.values()
    everyone = (*living, *state.completed.values())
    return Response.GetTasks(
        tasks=tuple(task_message(task) for framework in living for task in framework.tasks.values()),
        unreachable_tasks=tuple(task_message(task) for each in living for task in each.unreachable.values()),
        completed_tasks=tuple(task_message(task) for framework in everyone for task in framework.completed),
    )


def _scalars(resources: Resources) -> tuple[Resource, ...]:
    amounts = sorted(resources.quantities().floats().items())
    return tuple(Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(amount)) for name, amount in amounts)


FUNCTIONS: Mapping[Call.Type, Function] = {
    Call.Type.GET_AGENTS: get_agents,
    Call.Type.GET_FRAMEWORKS: get_frameworks,
    Call.Type.GET_EXECUTORS: get_executors,
    Call.Type.GET_TASKS: get_tasks,
    Call.Type.GET_ROLES: get_roles,
    Call.Type.GET_STATE: get_state,
    Call.Type.GET_MASTER: get_master,
    Call.Type.GET_OPERATIONS: get_operations,
    Call.Type.TEARDOWN: teardown,
}
