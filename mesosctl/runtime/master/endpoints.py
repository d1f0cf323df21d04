"""The endpoints that only read: `/health`, `/version`, `/state` and their like. They answer every method as a GET."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain

from aiohttp import hdrs, web

from mesosctl.runtime.http.answers import empty_response, json_response
from mesosctl.runtime.master.operator.api import OperatorApi
from mesosctl.runtime.master.operator.context import Context
from mesosctl.runtime.master.server import Server
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.views.agents import full_agent_view
from mesosctl.runtime.master.views.frameworks import framework_view
from mesosctl.runtime.master.views.overview import metrics_view, roles_view, state_view, summary_view
from mesosctl.runtime.master.views.tasks import select_tasks
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.version import about

View = Callable[[State, Mapping[str, str]], object]


def routes(server: Server, flags: Mapping[str, str]) -> list[web.RouteDef]:
    """The routes; `flags` is what `/flags` shows."""
    state = server.master.state
    context = Context(server.master, flags, partial(metrics_view, state))
    views: dict[str, View] = {
        "/version": lambda state, query: about(),
        "/state": lambda state, query: state_view(state, about(), flags),
        "/state-summary": lambda state, query: summary_view(state),
        "/slaves": _slaves,
        "/frameworks": _frameworks,
        "/tasks": _tasks,
        "/roles": lambda state, query: roles_view(state),
        "/flags": lambda state, query: {"flags": flags},
        "/metrics/snapshot": lambda state, query: metrics_view(state),
    }
    found = [web.route(hdrs.METH_ANY, path, partial(_answer, state, view)) for path, view in views.items()]
    found.append(web.route(hdrs.METH_ANY, "/health", _health))
    found.append(web.route(hdrs.METH_ANY, "/redirect", partial(_redirect, state)))
    return [*found, *OperatorApi(context).routes()]


async def _answer(state: State, view: View, request: web.Request) -> web.StreamResponse:
    return json_response(request, view(state, request.query))


async def _health(request: web.Request) -> web.StreamResponse:
    return empty_response(200)


async def _redirect(state: State, request: web.Request) -> web.StreamResponse:
    info = state.options.info
    return empty_response(307, {hdrs.LOCATION: f"//{info.hostname}:{info.port}"})


def _slaves(state: State, query: Mapping[str, str]) -> object:
    wanted = query.get("slave_id")
    agents = [agent for agent in state.agents.values() if wanted in (None, agent.id)]
    return {"slaves": [full_agent_view(agent) for agent in agents], "recovered_slaves": []}


def _frameworks(state: State, query: Mapping[str, str]) -> object:
    wanted = query.get("framework_id")
    return {
        "frameworks": [framework_view(each) for each in state.frameworks.values() if wanted in (None, each.id)],
        "completed_frameworks": [
            framework_view(each) for each in state.completed.values() if wanted in (None, each.id)
        ],
        "unregistered_frameworks": [],
    }


def _tasks(state: State, query: Mapping[str, str]) -> object:
    ended = chain.from_iterable(
        framework.completed for framework in (*state.frameworks.values(), *state.completed.values())
    )
    tasks = select_tasks(
        chain(state.tasks(), ended),
        limit=_number(query, "limit", 100),
        offset=_number(query, "offset", 0),
        ascending=query.get("order") == "asc",
        framework_id=query.get("framework_id"),
        task_id=query.get("task_id"),
    )
    return {"tasks": tasks}


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    try:
        return int(text)
    except ValueError:
        raise Refusal(400, f"Failed to parse '{name}': Failed to convert '{text}' to number") from None
