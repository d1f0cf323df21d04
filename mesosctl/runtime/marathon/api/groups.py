"""`/v2/groups`: the tree of groups, read and changed as a whole or in parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from aiohttp import web

from mesosctl.runtime.marathon.api.context import Context, answer, body, deployed, flag
from mesosctl.runtime.marathon.api.deployments import steps_view
from mesosctl.runtime.marathon.api.errors import ApiError, unknown_group
from mesosctl.runtime.marathon.api.paths import routes_below
from mesosctl.runtime.marathon.api.pod_views import pod_status
from mesosctl.runtime.marathon.api.views import app_view, embeds
from mesosctl.runtime.marathon.core.planning import plan
from mesosctl.runtime.marathon.core.records import Step
from mesosctl.runtime.marathon.core.versions import version_text, versioned
from mesosctl.runtime.marathon.model import (
    Group,
    InvalidJson,
    Pod,
    Reader,
    ValidationError,
    Violation,
    absolute,
    assign_service_ports,
    find_app,
    find_group,
    put,
    remove,
    update_group,
    validate_group,
)
from mesosctl.runtime.marathon.model.paths import ROOT

PATH = "/v2/groups"
_DEFAULT = ("group.groups", "group.apps", "group.pods")


class Groups:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._reader = Reader(network_name=context.flags.default_network_name, features=context.flags.features)

    def routes(self) -> list[web.RouteDef]:
        group = {"GET": self.show, "POST": self.create, "PUT": self.replace, "DELETE": self.delete}
        return routes_below(
            PATH,
            [
                ("(.*)/versions", {"GET": self.versions}),
                ("(.*)/versions/([^/]+)", {"GET": self.version}),
                ("(/.*)", group),
            ],
        )

    async def show(self, request: web.Request, id: str) -> web.Response:
        return self._answer(request, self._group(id))

    async def versions(self, request: web.Request, id: str) -> web.Response:
        self._group(id or ROOT)
        return answer(request, self._context.archive.group_versions(id or ROOT))

    async def version(self, request: web.Request, id: str, version: str) -> web.Response:
        return self._answer(request, self._at(id or ROOT, version))

    async def create(self, request: web.Request, id: str) -> web.Response:
        raw = await self._sent(request)
        id = self._meant(raw, id)

        def change(root: Group) -> Group:
            if find_group(root, id) is not None:
                raise ApiError(409, f"Group {id} is already created. Use PUT to change this group.")
            return self._updated(root, id, raw)

        return deployed(request, await self._context.update(request, change), 201, f"{PATH}{id}")

    async def replace(self, request: web.Request, id: str) -> web.Response:
        raw = await self._sent(request)
        id = self._meant(raw, id)

        def change(root: Group) -> Group:
            return self._updated(root, id, raw)

        if flag(request, "dryRun"):
            return answer(request, {"steps": steps_view(self._planned(change))})
        return deployed(request, await self._context.update(request, change))

    async def delete(self, request: web.Request, id: str) -> web.Response:
        self._group(id)
        return deployed(request, await self._context.update(request, lambda root: remove(root, id)))

    def _planned(self, change: Callable[[Group], Group]) -> tuple[Step, ...]:
        """What a change would do. Raises as the change itself would."""
        root = self._context.marathon.root
        now = version_text(time.time())
        flags = self._context.flags
        new = assign_service_ports(root, change(root), flags.local_port_min, flags.local_port_max)
        target = versioned(root, new, now)
        if wrong := validate_group(target, root):
            raise ValidationError(*wrong)
        return plan("", root, target, now).steps

    def _meant(self, raw: dict[str, Any], base: str) -> str:
        """The group that is to be made or changed: the path's, or the one that is named, from there."""
        name = raw.get("id")
        if name is None:
            return base
        if not isinstance(name, str):
            raise InvalidJson(Violation("/id", "error.expected.jsstring"))
        return absolute(name, base)

    def _at(self, id: str, version: str) -> Group:
        group = self._context.archive.group_at(id, version)
        if group is None:
            raise ApiError(404, f"Group '{id}' does not exist in version '{version}'")
        return group

    def _updated(self, root: Group, id: str, raw: dict[str, Any]) -> Group:
        if find_app(root, id) is not None:
            raise ApiError(409, f"An app with the path {id} already exists.")
        version = raw.get("version")
        if isinstance(version, str):
            return put(root, self._at(id, version))
        return update_group(root, id, raw, reader=self._reader)

    async def _sent(self, request: web.Request) -> dict[str, Any]:
        raw = await body(request)
        if not isinstance(raw, dict):
            raise InvalidJson(Violation("/", "error.expected.jsobject"))
        return raw

    def _group(self, id: str) -> Group:
        group = find_group(self._context.marathon.root, id)
        if group is None:
            raise unknown_group(id)
        return group

    def _answer(self, request: web.Request, group: Group) -> web.Response:
        wanted = request.query.getall("embed", []) or _DEFAULT
        return answer(request, self._view(group, wanted, embeds(wanted, "group.apps.")))

    def _pod(self, pod: Pod) -> dict[str, Any]:
        return pod_status(self._context.marathon, pod, self._context.archive.failures.get(pod.id))

    def _view(self, group: Group, wanted: Collection[str], embed: Collection[str]) -> dict[str, Any]:
        view: dict[str, Any] = {"id": group.id, "dependencies": list(group.dependencies), "version": group.version}
        if "group.apps" in wanted or embed:
            view["apps"] = [app_view(self._context, app, embed) for _, app in sorted(group.apps.items())]
        if "group.pods" in wanted:
            view["pods"] = [self._pod(pod) for _, pod in sorted(group.pods.items())]
        if "group.groups" in wanted:
            view["groups"] = [self._view(below, wanted, embed) for _, below in sorted(group.groups.items())]
        return view
