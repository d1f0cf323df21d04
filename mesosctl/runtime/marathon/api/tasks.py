"""`/v2/tasks`: all tasks, as JSON or as the table that load balancers' scripts read, and the end of some."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import hdrs, web

from mesosctl.runtime.marathon.api.context import Context, answer, body, deployed, flag
from mesosctl.runtime.marathon.api.errors import ApiError
from mesosctl.runtime.marathon.api.views import task_view, tasks_of
from mesosctl.runtime.marathon.core.marathon import Marathon
from mesosctl.runtime.marathon.core.records import Condition, Instance

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
            return table(marathon, instances)
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
            raise ApiError(400, "Invalid JSON", details=[{"path": "/ids", "errors": ["error.path.missing"]}])
        found = [marathon.instance_of(id) if isinstance(id, str) else None for id in ids]
        unknown = [id for id, instance in zip(ids, found, strict=True) if instance is None]
        if unknown:
            raise ApiError(400, f"Invalid task id {unknown[0]}")
        instances = [instance for instance in found if instance]
        views = [task_view(marathon, each) for each in instances if each.task and each.agent]
        deployment = marathon.kill(
            [instance.id for instance in instances], scale=scale, wipe=wipe, force=flag(request, "force")
        )
        await self._context.writer.flush()
        return deployed(request, deployment) if deployment else answer(request, {"tasks": views})


def wants_text(request: web.Request) -> bool:
    """Whether the client would rather have the table."""
    for part in request.headers.get(hdrs.ACCEPT, "").split(","):
        kind = part.split(";")[0].strip()
        if kind in ("application/json", "*/*"):
            return False
        if kind == "text/plain":
            return True
    return False


def table(marathon: Marathon, instances: Iterable[Instance]) -> web.Response:
    """A line for each port of each app: its id, the service port, and host:port of each running task."""
    running: dict[str, list[Instance]] = {}
    for instance in instances:
        if instance.condition is Condition.RUNNING:
            running.setdefault(instance.app_id, []).append(instance)
    lines = []
    for id, app in sorted(marathon.apps.items()):
        name = id.strip("/").replace("/", "_")
        found = running.get(id, [])
        if not app.service_ports:
            lines.append([name, " ", *(each.agent.host for each in found if each.agent)])
        for index, port in enumerate(app.service_ports):
            ends = [
                f"{each.agent.host}:{each.task.ports[index]}"
                for each in found
                if each.agent and each.task and index < len(each.task.ports) and each.task.ports[index] is not None
            ]
            lines.append([name, str(port), *ends])
    text = "".join("\t".join(line) + "\t\n" for line in lines)
    return web.Response(text=text, content_type="text/plain")
