"""`/v2/tasks`: all tasks, as JSON or as the table that load balancers' scripts read, and the end of some."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aiohttp import web

from mesosctl.runtime.marathon.api.context import Context, answer, body, deployed, flag
from mesosctl.runtime.marathon.api.conventions import wants_text
from mesosctl.runtime.marathon.api.errors import ApiError
from mesosctl.runtime.marathon.api.views import task_view, tasks_of
from mesosctl.runtime.marathon.core.marathon import Marathon
from mesosctl.runtime.marathon.core.records import Condition, Instance
from mesosctl.runtime.marathon.model import App, InvalidJson, PortMapping, Violation

_TASK_ID = re.compile(r".+[._][^._]+", re.DOTALL)
"""Those that are well formed may be of tasks that have ended: they are passed over."""
_STATUSES = {
    "running": frozenset({Condition.RUNNING}),
    "staging": frozenset({Condition.PROVISIONED, Condition.STAGING}),
}


class Tasks:
    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v2/tasks", self.list), web.post("/v2/tasks/delete", self.kill)]

    async def list(self, request: web.Request) -> web.Response:
        marathon = self._context.marathon
        instances = tasks_of(marathon)
        if wants_text(request):
            return table(marathon, [app for _, app in sorted(marathon.apps.items())])
        wanted = [*request.query.getall("status", []), *request.query.getall("status[]", [])]
        if wanted:
            conditions = frozenset[Condition]().union(*(_STATUSES.get(each, frozenset()) for each in wanted))
            instances = [instance for instance in instances if instance.condition in conditions]
        return answer(request, {"tasks": [task_view(marathon, instance) for instance in instances]})

    async def kill(self, request: web.Request) -> web.Response:
        marathon = self._context.marathon
        scale, wipe = flag(request, "scale"), flag(request, "wipe")
        if scale and wipe:
            raise ApiError(400, "You cannot use scale and wipe at the same time.")
        sent = await body(request)
        ids = sent.get("ids") if isinstance(sent, dict) else None
        if not isinstance(ids, list):
            raise InvalidJson(Violation("/ids", "error.path.missing" if ids is None else "error.expected.jsarray"))
        for index, id in enumerate(ids):
            if not isinstance(id, str):
                raise InvalidJson(Violation(f"/ids({index})", "error.expected.jsstring"))
            if not _TASK_ID.fullmatch(id):
                raise ApiError(400, f"Invalid task id {id}")
        instances = list({each.id: each for each in map(marathon.instance_of, ids) if each}.values())
        views = [task_view(marathon, each) for each in instances if each.task and each.agent]
        deployment = marathon.kill(
            [instance.id for instance in instances], scale=scale, wipe=wipe, force=flag(request, "force")
        )
        await self._context.writer.flush()
        return deployed(request, deployment) if deployment else answer(request, {"tasks": views})


def table(marathon: Marathon, apps: Iterable[App]) -> web.Response:
    """A line for each port of each app: its id, the service port, and where each running task has that port.

    Without ports it is a line with the names of the tasks' hosts.
    """
    lines = []
    for app in apps:
        name = app.id.strip("/").replace("/", "_")
        running = [each for each in tasks_of(marathon, app.id) if each.condition is Condition.RUNNING]
        if not app.service_ports:
            hosts = "".join(f"{each.agent.host} " for each in running if each.agent)
            lines.append(f"{name}\t \t{hosts}\n")
        for index, port in enumerate(app.service_ports):
            ends = "".join(f"{end}\t" for each in running if (end := _end(each, index)))
            lines.append(f"{name}\t{port}\t{ends}\n")
    return web.Response(text="".join(lines), content_type="text/plain")


def _end(instance: Instance, index: int) -> str | None:
    """Where its port of that number is to be reached: at the host, or at its own address where it has no host port."""
    task, agent = instance.task, instance.agent
    if task is None or agent is None or index >= len(task.ports):
        return None
    if (host_port := task.ports[index]) is not None:
        return f"{agent.host}:{host_port}"
    port = instance.app.ports[index]
    if isinstance(port, PortMapping) and task.addresses:
        return f"{task.addresses[0]}:{port.containerPort}"
    return None
