"""`/v2/apps/{id}/tasks`: the tasks of an app, or of all apps of a group."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from mesosctl.runtime.marathon.api.context import Context, answer, deployed, flag
from mesosctl.runtime.marathon.api.conventions import wants_text
from mesosctl.runtime.marathon.api.errors import ApiError, unknown_app, unknown_group, unknown_task
from mesosctl.runtime.marathon.api.tasks import table
from mesosctl.runtime.marathon.api.views import Json, task_view, tasks_of
from mesosctl.runtime.marathon.core.records import Instance
from mesosctl.runtime.marathon.model import App, apps, find_group

Apps = list[App]
Instances = list[Instance]
Views = list[Json]


class AppTasks:
    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, request: web.Request, id: str) -> web.Response:
        if wants_text(request):
            return table(self._context.marathon, self._apps(id))
        return answer(request, {"tasks": self._views(self._of(id))})

    async def kill_many(self, request: web.Request, id: str) -> web.Response:
        instances = self._of(id)
        if (host := request.query.get("host")) not in (None, "*"):
            instances = [each for each in instances if each.agent and each.agent.host == host]
        return await self._kill(request, instances, {"tasks": self._views(instances)})

    async def kill_one(self, request: web.Request, id: str, task_id: str) -> web.Response:
        found = [each for each in self._of(id) if task_id in (each.task_id, each.id, each.task and each.task.id)]
        if not found:
            raise unknown_task(task_id)
        return await self._kill(request, found, {"task": self._views(found)[0]})

    async def _kill(self, request: web.Request, instances: Iterable[Instance], killed: Json) -> web.Response:
        """Answers with what was killed, or with the deployment that makes the app smaller."""
        scale, wipe = flag(request, "scale"), flag(request, "wipe")
        if scale and wipe:
            raise ApiError(400, "You cannot use scale and wipe at the same time.")
        ids = [each.id for each in instances]
        deployment = self._context.marathon.kill(ids, scale=scale, wipe=wipe, force=flag(request, "force"))
        await self._context.writer.flush()
        return deployed(request, deployment) if deployment else answer(request, killed)

    def _apps(self, id: str) -> Apps:
        """The app of that id, or all of a group: `/group/*`."""
        marathon = self._context.marathon
        if not id.endswith("/*"):
            if id not in marathon.apps:
                raise unknown_app(id)
            return [marathon.apps[id]]
        group = find_group(marathon.root, id[:-2] or "/")
        if group is None:
            raise unknown_group(id[:-2])
        return [app for _, app in sorted(apps(group).items())]

    def _of(self, id: str) -> Instances:
        return [instance for app in self._apps(id) for instance in tasks_of(self._context.marathon, app.id)]

    def _views(self, instances: Iterable[Instance]) -> Views:
        return [task_view(self._context.marathon, instance) for instance in instances]
