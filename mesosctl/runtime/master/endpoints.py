"""The older endpoints of a master that only read: `/state`, `/tasks` and their like. They answer any method as GET."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain

from aiohttp import hdrs, web

from mesosctl.runtime.authorization import Permit
from mesosctl.runtime.flags.program import log_file
from mesosctl.runtime.http.answers import empty_response
from mesosctl.runtime.http.authentication import permit_of
from mesosctl.runtime.http.common_endpoints import common_routes, view_route
from mesosctl.runtime.http.files import Files
from mesosctl.runtime.http.log_level import LogLevel
from mesosctl.runtime.http.system import system_metrics
from mesosctl.runtime.master.agent_files import agent_file_routes
from mesosctl.runtime.master.operator import older
from mesosctl.runtime.master.operator.api import OperatorApi
from mesosctl.runtime.master.operator.context import Context
from mesosctl.runtime.master.operator.subscribers import Subscribers
from mesosctl.runtime.master.server import Server
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.views.agents import full_agent_view, recovered_agent_view
from mesosctl.runtime.master.views.frameworks import framework_view
from mesosctl.runtime.master.views.metrics import metrics_view
from mesosctl.runtime.master.views.overview import state_view, summary_view
from mesosctl.runtime.master.views.roles import roles_view
from mesosctl.runtime.master.views.tasks import select_tasks
from mesosctl.runtime.master.views.visible import visible
from mesosctl.runtime.pages import page_routes
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.tls import Client
from mesosctl.runtime.version import about

LOG = "/master/log"

View = Callable[[State, Mapping[str, str], Permit], object]


def routes(server: Server, flags: Mapping[str, str], tls: Client | None = None) -> list[web.RouteDef]:
    """The routes; `flags` is what `/flags` shows; `tls`: how agents are spoken to, if by HTTPS."""
    state = server.master.state
    log_dir = flags.get("log_dir")
    attached = {LOG: log_file("mesos-master", log_dir)} if log_dir else {}
    limit = int(flags["max_operator_event_stream_subscribers"])
    subscribers = Subscribers(state, limit)
    state.changed = subscribers.changed
    context = Context(
        server.master,
        flags,
        lambda: metrics_view(state) | system_metrics() | {"master/operator_event_stream_subscribers": len(subscribers)},
        subscribers,
        LogLevel(state.clock),
        Files(lambda: attached, lambda path: ("access_mesos_logs", None)),
    )
    views: dict[str, View] = {
        "/state": lambda state, query, permit: state_view(
            state, about(), flags if permit.allows("view_flags") else None
        ),
        "/state-summary": lambda state, query, permit: summary_view(state),
        "/slaves": _slaves,
        "/frameworks": _frameworks,
        "/tasks": _tasks,
        "/roles": lambda state, query, permit: roles_view(state, permit),
    }
    return [
        *(view_route(path, partial(_view, state, view)) for path, view in views.items()),
        web.route(hdrs.METH_ANY, "/redirect", partial(_redirect, state)),
        *common_routes(context),
        *OperatorApi(context).routes(),
        *older.routes(context),
        *page_routes("master"),
        *agent_file_routes(state, tls),
    ]


def _view(state: State, view: View, request: web.Request) -> object:
    permit = permit_of(request)
    return view(visible(state, permit), request.query, permit)


async def _redirect(state: State, request: web.Request) -> web.StreamResponse:
    info = state.options.info
    return empty_response(307, {hdrs.LOCATION: f"//{info.hostname}:{info.port}"})


def _slaves(state: State, query: Mapping[str, str], permit: Permit) -> object:
    wanted = query.get("slave_id")
    agents = [agent for agent in state.agents.values() if wanted in (None, agent.id)]
    recovered = [recovered_agent_view(agent) for agent in state.recovered.values() if wanted in (None, agent.id)]
    return {"slaves": [full_agent_view(agent) for agent in agents], "recovered_slaves": recovered}


def _frameworks(state: State, query: Mapping[str, str], permit: Permit) -> object:
    wanted = query.get("framework_id")
    return {
        "frameworks": [framework_view(each) for each in state.frameworks.values() if wanted in (None, each.id)],
        "completed_frameworks": [
            framework_view(each) for each in state.completed.values() if wanted in (None, each.id)
        ],
        "unregistered_frameworks": [],
    }


def _tasks(state: State, query: Mapping[str, str], permit: Permit) -> object:
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
