"""The calls that read what an agent knows: frameworks, executors, tasks, containers, all of it, and itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from mesosctl.runtime.agent.operator import messages
from mesosctl.runtime.agent.operator.context import Context, Function
from mesosctl.runtime.agent.records import ExecutorRecord
from mesosctl.runtime.agent.statistics import running, statistics, usage_of_process
from mesosctl.runtime.agent.visible import check_container, sees_container
from mesosctl.runtime.protocol.agent import Call, Response
from mesosctl.runtime.protocol.basics import ContainerID
from mesosctl.runtime.protocol.containers import ContainerStatus
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.operator import CommonResponse

_Type = Response.Type
_Container = Response.GetContainers.Container


def get_frameworks(context: Context, call: Call) -> Response:
    return Response(type=_Type.GET_FRAMEWORKS, get_frameworks=messages.frameworks(context.visible))


def get_executors(context: Context, call: Call) -> Response:
    return Response(type=_Type.GET_EXECUTORS, get_executors=messages.executors(context.visible))


def get_tasks(context: Context, call: Call) -> Response:
    return Response(type=_Type.GET_TASKS, get_tasks=messages.tasks(context.visible))


def get_state(context: Context, call: Call) -> Response:
    return Response(type=_Type.GET_STATE, get_state=messages.whole(context.visible))


def get_agent(context: Context, call: Call) -> Response:
    return Response(type=_Type.GET_AGENT, get_agent=Response.GetAgent(agent_info=context.agent.info))


def get_operations(context: Context, call: Call) -> Response:
    """None: operations are done as soon as they arrive."""
    return Response(type=_Type.GET_OPERATIONS, get_operations=CommonResponse.GetOperations())


def get_resource_providers(context: Context, call: Call) -> Response:
    """None: this agent has no resource providers."""
    providers = Response.GetResourceProviders()
    return Response(type=_Type.GET_RESOURCE_PROVIDERS, get_resource_providers=providers)


async def get_containers(context: Context, call: Call) -> Response:
    wanted = call.get_containers or Call.GetContainers()
    executors = await asyncio.gather(*(_of_executor(executor, context) for executor in _seen(context)))
    others = [
        _Container(
            container_id=nested.id,
            container_status=ContainerStatus(container_id=nested.id, executor_pid=nested.pid),
            resource_statistics=replace(usage_of_process(nested.pid), timestamp=context.clock.now()),
        )
        for nested in context.nested.running()
        if (wanted.show_nested if nested.id.parent else wanted.show_standalone) and _sees(context, nested.id)
    ]
    found = Response.GetContainers((*executors, *others))
    return Response(type=_Type.GET_CONTAINERS, get_containers=found)


def _sees(context: Context, container_id: ContainerID) -> bool:
    try:
        check_container(
            context.agent, context.permit, context.caller, container_id, "view_containers", "view_standalone_containers"
        )
    except Refusal:
        return False
    return True


def _seen(context: Context) -> Iterator[ExecutorRecord]:
    return (each for each in running(context.agent) if sees_container(context.agent, context.permit, each))


async def _of_executor(executor: ExecutorRecord, context: Context) -> _Container:
    container_id = ContainerID(executor.container_id)
    return _Container(
        framework_id=executor.info.framework_id,
        executor_id=executor.info.executor_id,
        executor_name=executor.info.name or "",
        container_id=container_id,
        container_status=ContainerStatus(container_id=container_id, executor_pid=executor.pid),
        resource_statistics=await statistics(executor, context.usage, context.clock.now()),
    )


def prune_images(context: Context, call: Call) -> int:
    raise Refusal(501, "This agent keeps no images: those of Docker are pruned with its own tools")


FUNCTIONS: Mapping[Call.Type, Function] = {
    Call.Type.GET_FRAMEWORKS: get_frameworks,
    Call.Type.GET_EXECUTORS: get_executors,
    Call.Type.GET_TASKS: get_tasks,
    Call.Type.GET_STATE: get_state,
    Call.Type.GET_AGENT: get_agent,
    Call.Type.GET_OPERATIONS: get_operations,
    Call.Type.GET_RESOURCE_PROVIDERS: get_resource_providers,
    Call.Type.GET_CONTAINERS: get_containers,
    Call.Type.PRUNE_IMAGES: prune_images,
}
