"""`/v2/apps` and what is below it. An id that ends with `*` means all apps of its group, and of the groups in it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mesosctl.runtime.marathon.api.app_tasks import AppTasks
from mesosctl.runtime.marathon.api.context import Context, announce, answer, body, deployed, flag
from mesosctl.runtime.marathon.api.errors import ApiError, unknown_app, unknown_group
from mesosctl.runtime.marathon.api.paths import routes_below
from mesosctl.runtime.marathon.api.selectors import selector
from mesosctl.runtime.marathon.api.views import COUNTS, DEPLOYMENTS, LAST_FAILURE, TASKS, app_view, embeds
from mesosctl.runtime.marathon.core.records import Deployment
from mesosctl.runtime.marathon.model import (
    App,
    Group,
    InvalidJson,
    ValidationError,
    Violation,
    absolute,
    app_json,
    apps,
    find_app,
    find_group,
    find_pod,
    parse_app,
    put,
    remove,
    update_app,
    validate,
)

PATH = "/v2/apps"
_ALL = "*"
Raws = list[dict[str, Any]]


class Apps:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._tasks = AppTasks(context)

    def routes(self) -> list[web.RouteDef]:
        many = {"GET": self.list, "POST": self.create, "PUT": self.replace_many, "PATCH": self.patch_many}
        one = {"GET": self.show, "PUT": self.replace, "PATCH": self.patch, "DELETE": self.delete}
        return routes_below(
            PATH,
            [
                ("/", many),
                ("(/.+)/restart", {"POST": self.restart}),
                ("(/.+)/tasks", {"GET": self._tasks.list, "DELETE": self._tasks.kill_many}),
                ("(/.+)/tasks/([^/]+)", {"DELETE": self._tasks.kill_one}),
                ("(/.+)/versions", {"GET": self.versions}),
                ("(/.+)/versions/([^/]+)", {"GET": self.version}),
                ("(/.+)", one),
            ],
        )

    # Reading.

    async def list(self, request: web.Request) -> web.Response:
        found = [app for _, app in sorted(self._context.marathon.apps.items())]
        if cmd := request.query.get("cmd"):
            found = [app for app in found if app.cmd and cmd.lower() in app.cmd.lower()]
        if id := request.query.get("id"):
            found = [app for app in found if id.lower() in app.id]
        if label := request.query.get("label"):
            meant = selector(label)
            found = [app for app in found if meant(app.labels)]
        embed = embeds(request.query.getall("embed", []), "apps.") | {COUNTS, DEPLOYMENTS}
        return answer(request, {"apps": [app_view(self._context, app, embed) for app in found]})

    async def show(self, request: web.Request, id: str) -> web.Response:
        wanted = request.query.getall("embed", [])
        embed = embeds(wanted, "apps.") | embeds(wanted, "app.")
        if id.endswith(f"/{_ALL}"):
            meant = find_group(self._context.marathon.root, id[:-2] or "/")
            if meant is None:
                raise unknown_group(id[:-2])
            found = [app for _, app in sorted(apps(meant).items())]
            embed |= {COUNTS, DEPLOYMENTS}
            return answer(request, {_ALL: [app_view(self._context, app, embed) for app in found]})
        embed |= {COUNTS, DEPLOYMENTS, TASKS, LAST_FAILURE}
        return answer(request, {"app": app_view(self._context, self._app(id), embed)})

    async def versions(self, request: web.Request, id: str) -> web.Response:
        self._app(id)
        return answer(request, {"versions": self._context.archive.app_versions(id)})

    async def version(self, request: web.Request, id: str, version: str) -> web.Response:
        return answer(request, app_json(self._at(id, version)))

    # Changing.

    async def create(self, request: web.Request) -> web.Response:
        app = self._parsed(_object(await body(request)))

        def change(root: Group) -> Group:
            if find_app(root, app.id) is not None:
                raise ApiError(409, f"An app with id [{app.id}] already exists.")
            return self._put(root, app)

        deployment = await self._context.update(request, change, posted=[app_json(app)])
        made = find_app(deployment.target, app.id) or app
        view = app_view(self._context, made, {COUNTS, TASKS})
        view["deployments"] = [{"id": deployment.id}]
        return announce(answer(request, view, 201), deployment, f"{PATH}{app.id}")

    async def replace(self, request: web.Request, id: str) -> web.Response:
        return await self._change_one(request, id, partial=flag(request, "partialUpdate", True), create=True)

    async def patch(self, request: web.Request, id: str) -> web.Response:
        return await self._change_one(request, id, partial=True, create=False)

    async def replace_many(self, request: web.Request) -> web.Response:
        return await self._change_many(request, partial=flag(request, "partialUpdate", True), create=True)

    async def patch_many(self, request: web.Request) -> web.Response:
        return await self._change_many(request, partial=True, create=False)

    async def restart(self, request: web.Request, id: str) -> web.Response:
        self._app(id)
        deployment = await self._context.update(request, lambda root: root, restart=[id])
        return deployed(request, deployment)

    async def delete(self, request: web.Request, id: str) -> web.Response:
        self._app(id)
        return deployed(request, await self._context.update(request, lambda root: remove(root, id)))

    async def _change_one(self, request: web.Request, id: str, *, partial: bool, create: bool) -> web.Response:
        raw = _object(await body(request))
        raw = {**raw, "id": id}
        is_new = find_app(self._context.marathon.root, id) is None
        deployment = await self._change(request, [raw], partial=partial, create=create)
        return deployed(request, deployment, 201 if is_new else 200, f"{PATH}{id}" if is_new else None)

    async def _change_many(self, request: web.Request, *, partial: bool, create: bool) -> web.Response:
        raws = await body(request)
        if not isinstance(raws, list):
            raise InvalidJson(Violation("/", "error.expected.jsarray"))
        raws = [_object(raw, f"/({index})") for index, raw in enumerate(raws)]
        for index, raw in enumerate(raws):
            if not isinstance(raw.get("id"), str):
                raise InvalidJson(Violation(f"/({index})/id", "error.path.missing"))
        return deployed(request, await self._change(request, raws, partial=partial, create=create))

    async def _change(self, request: web.Request, raws: Raws, *, partial: bool, create: bool) -> Deployment:
        """Each of `raws` has its id."""
        posted: Raws = []

        def change(root: Group) -> Group:
            for raw in raws:
                app = self._changed(root, raw, partial=partial, create=create)
                posted.append(app_json(app))
                root = self._put(root, app)
            return root

        return await self._context.update(request, change, posted=posted)

    def _changed(self, root: Group, raw: dict[str, Any], *, partial: bool, create: bool) -> App:
        id = absolute(raw["id"])
        old = find_app(root, id)
        if set(raw) == {"id", "version"}:
            return self._at(id, raw["version"])
        if old is not None:
            network = self._context.flags.default_network_name
            return self._valid(update_app(old, raw, partial=partial, network_name=network))
        if not create:
            raise unknown_app(id)
        return self._parsed(raw)

    def _parsed(self, raw: dict[str, Any]) -> App:
        return self._valid(parse_app(raw, network_name=self._context.flags.default_network_name))

    def _valid(self, app: App) -> App:
        """Raises ValidationError."""
        if wrong := validate(app, features=self._context.flags.features):
            raise ValidationError(*wrong)
        return app

    def _put(self, root: Group, app: App) -> Group:
        """Raises ApiError where the id means something else, or there are too many apps."""
        if find_group(root, app.id) is not None:
            raise ApiError(409, f"Group [{app.id}] already exists.")
        if find_pod(root, app.id) is not None:
            raise ApiError(409, f"A pod with id [{app.id}] already exists.")
        most = self._context.flags.max_apps
        if most is not None and find_app(root, app.id) is None and len(apps(root)) >= most:
            raise ApiError(403, f"This Marathon handles up to {most} apps (--max_apps)")
        return put(root, app)

    def _app(self, id: str) -> App:
        app = self._context.marathon.apps.get(id)
        if app is None:
            raise unknown_app(id)
        return app

    def _at(self, id: str, version: object) -> App:
        app = self._context.archive.app_at(id, version) if isinstance(version, str) else None
        if app is None:
            raise ApiError(404, f"App '{id}' does not exist in version '{version}'")
        return app


def _object(raw: Any, path: str = "/") -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise InvalidJson(Violation(path, "error.expected.jsobject"))
    return raw
