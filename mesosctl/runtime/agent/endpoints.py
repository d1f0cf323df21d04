"""The HTTP of an agent that is not the executors': what tools read. Every path also under `/slave(1)`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aiohttp import web

from mesosctl.runtime.agent import views
from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.executor_api import ExecutorApi
from mesosctl.runtime.agent.files import attached_files, needed_for
from mesosctl.runtime.agent.nested import NestedContainers
from mesosctl.runtime.agent.operator.api import OperatorApi
from mesosctl.runtime.agent.operator.context import Context
from mesosctl.runtime.agent.statistics import Usage
from mesosctl.runtime.agent.visible import visible
from mesosctl.runtime.clock import Clock
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.flags.program import log_file
from mesosctl.runtime.http.address import Address
from mesosctl.runtime.http.authentication import permit_of
from mesosctl.runtime.http.common_endpoints import common_routes, view_route
from mesosctl.runtime.http.files import Files
from mesosctl.runtime.http.log_level import LogLevel
from mesosctl.runtime.http.system import system_metrics
from mesosctl.runtime.pages import page_routes


def routes(
    agent: Agent,
    api: ExecutorApi,
    nested: NestedContainers,
    flags: AgentFlags,
    address: Address,
    clock: Clock,
    usage: Usage,
    counted: Callable[[], dict[str, float]] = dict,
) -> list[web.RouteDef]:
    """`counted`: metrics of what surrounds the agent."""
    started = clock.now()
    shown = flags.shown()

    def metrics() -> dict[str, float]:
        return views.metrics(agent, clock.now() - started) | counted() | system_metrics()

    def state(request: web.Request) -> object:
        permit = permit_of(request)
        flags = shown if permit.allows("view_flags") else None
        return views.state(visible(agent, permit), address, flags, started)

    log = log_file("mesos-agent", flags.log_dir) if flags.log_dir else None
    files = Files(lambda: attached_files(agent, log), partial(needed_for, agent))
    context = Context(agent, shown, metrics, LogLevel(clock), files, clock, nested, usage)
    return [
        web.post("/api/v1/executor", api.handle),
        *OperatorApi(context).routes(),
        *common_routes(context),
        *page_routes("agent"),
        view_route("/state", state),
        view_route("/containers", lambda request: views.containers(agent, usage, clock.now(), permit_of(request))),
        view_route("/monitor/statistics", lambda request: views.monitor(agent, usage, clock.now())),
    ]
