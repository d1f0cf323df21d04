"""What a master remembers, as the messages of the operator API."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from mesosctl.runtime import views
from mesosctl.runtime.master.offers import offer_message
from mesosctl.runtime.master.records import NOTHING, Agent, Executor, Framework, Offer, Task
from mesosctl.runtime.master.state import State
from mesosctl.runtime.protocol import offers
from mesosctl.runtime.protocol import tasks as wire
from mesosctl.runtime.protocol.basics import AgentID, ExecutorID, FrameworkID, TimeInfo
from mesosctl.runtime.protocol.master import Response
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.resources import Form, Resources


def task_message(task: Task) -> wire.Task:
    return views.task_message(
        task.info,
        framework_id=FrameworkID(task.framework_id),
        executor_id=None if task.executor_id is None else ExecutorID(task.executor_id),
        state=task.state,
        resources=task.resources.messages() if _is_simple(task.info.resources) else task.info.resources,
        statuses=task.statuses,
        told=task.told,
    )


def executor_message(executor: Executor) -> Response.GetExecutors.Executor:
    info = executor.info
    if _is_simple(info.resources):
        info = msgspec.structs.replace(info, resources=executor.resources.messages())
    return Response.GetExecutors.Executor(executor_info=info, agent_id=AgentID(executor.agent_id))


def agent_message(agent: Agent) -> Response.GetAgents.Agent:
    return Response.GetAgents.Agent(
        agent_info=agent.info,
        active=agent.active,
        deactivated=agent.restriction is not None,
        version=agent.version,
        pid=agent.pid,
        registered_time=time(agent.registered),
        reregistered_time=time(agent.reregistered) if agent.reregistered else None,
        total_resources=agent.total.messages(Form.ENDPOINT),
        allocated_resources=_sum(agent.used.values()),
        offered_resources=_sum(offer.resources for offer in agent.offers.values()),
        capabilities=agent.capabilities,
        drain_info=agent.drain,
        estimated_drain_start_time=time(agent.drain_started) if agent.drain_started else None,
    )


def framework_message(framework: Framework, state: State) -> Response.GetFrameworks.Framework:
    held = framework.offers.values()
    return Response.GetFrameworks.Framework(
        framework_info=framework.info,
        active=framework.connected,
        connected=framework.connected,
        recovered=framework.recovered,
        registered_time=time(framework.registered),
        reregistered_time=time(framework.reregistered or framework.registered),
        unregistered_time=time(framework.unregistered) if framework.unregistered else None,
        offers=tuple(_offer_message(offer, framework, state) for offer in held),
        inverse_offers=tuple(
            each.message for each in state.inverse_offers.values() if each.framework_id == framework.id
        ),
        allocated_resources=framework.used.messages(Form.ENDPOINT),
        offered_resources=_sum(offer.resources for offer in held),
        offer_constraints=framework.offer_constraints,
    )


def _offer_message(offer: Offer, framework: Framework, state: State) -> offers.Offer:
    """Other than frameworks, operators always see allocations and refined reservations."""
    return msgspec.structs.replace(
        offer_message(offer, framework, state.agents[offer.agent_id]),
        resources=offer.resources.messages(),
        allocation_info=Resource.AllocationInfo(role=offer.role),
    )


def changed_framework_message(framework: Framework) -> Response.GetFrameworks.Framework:
    """What events tell of a framework."""
    return Response.GetFrameworks.Framework(
        framework_info=framework.info,
        active=framework.connected,
        connected=framework.connected,
        recovered=framework.recovered,
        registered_time=time(framework.registered),
        reregistered_time=time(framework.reregistered or framework.registered),
        unregistered_time=time(framework.unregistered),
    )


def _is_simple(resources: Iterable[Resource]) -> bool:
    """In the form of frameworks that know no refined reservations, which operators do not get to see."""
    return any(resource.role is not None for resource in resources)


def time(seconds: float) -> TimeInfo:
    return TimeInfo(nanoseconds=int(seconds * 1e9))


def _sum(parts: Iterable[Resources]) -> tuple[Resource, ...]:
    return sum(parts, NOTHING).messages(Form.ENDPOINT)
