"""The HTTP of an agent that is not the executors': what tools read. Every path also under `/slave(1)`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from mesosctl.runtime.agent import views
from mesosctl.runtime.agent.core import Agent
from mesosctl.runtime.agent.executor_api import ExecutorApi
from mesosctl.runtime.agent.operator.api import OperatorApi
from mesosctl.runtime.agent.operator.context import Context
from mesosctl.runtime.clock import Clock
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.http.address import Address
from mesosctl.runtime.http.answers import empty_response, json_response
from mesosctl.runtime.version import about

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(agent: Agent, api: ExecutorApi, flags: AgentFlags, address: Address, clock: Clock) -> list[web.RouteDef]:
    started = clock.now()

    def state() -> object:
        return views.state(agent, address, flags.shown(), started)

    def metrics() -> dict[str, float]:
        return dict(sorted((views.metrics(agent, clock.now() - started) | _system()).items()))

    return [
        web.post("/api/v1/executor", api.handle),
        *OperatorApi(Context(agent, flags.shown(), metrics, clock)).routes(),
        web.route(hdrs.METH_ANY, "/health", _health),
        web.route(hdrs.METH_ANY, "/version", _answer(about)),
        web.route(hdrs.METH_ANY, "/flags", _answer(lambda: {"flags": flags.shown()})),
        web.route(hdrs.METH_ANY, "/state", _answer(state)),
        web.route(hdrs.METH_ANY, "/metrics/snapshot", _answer(metrics)),
        web.route(hdrs.METH_ANY, "/containers", _answer(lambda: views.containers(agent, clock.now()))),
        web.route(hdrs.METH_ANY, "/monitor/statistics", _answer(lambda: views.monitor(agent, clock.now()))),
    ]


def _answer(view: Callable[[], object]) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        return json_response(request, view())

    return handler


async def _health(request: web.Request) -> web.StreamResponse:
    return empty_response(200)


def _system() -> dict[str, float]:
    load = os.getloadavg()
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        "system/cpus_total": float(os.cpu_count() or 1),
        "system/load_1min": load[0],
        "system/load_5min": load[1],
        "system/load_15min": load[2],
        "system/mem_free_bytes": float(page * os.sysconf("SC_AVPHYS_PAGES")),
        "system/mem_total_bytes": float(page * os.sysconf("SC_PHYS_PAGES")),
    }
