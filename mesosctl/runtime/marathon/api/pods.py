"""`/v2/pods` and what is below it. An update is a whole pod; what is asked about a pod follows its id and `::`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from mesosctl.runtime.http.answers import empty_response
from mesosctl.runtime.marathon.api.context import Context, announce, answer, body, flag
from mesosctl.runtime.marathon.api.errors import ApiError
from mesosctl.runtime.marathon.api.paths import routes_below
from mesosctl.runtime.marathon.api.pod_views import PATH, instance_status, pod_status
from mesosctl.runtime.marathon.core.records import Deployment, Instance
from mesosctl.runtime.marathon.model import (
    Group,
    InvalidJson,
    Pod,
    ValidationError,
    Violation,
    find_app,
    find_group,
    find_pod,
    parse_pod,
    pod_json,
    pods,
    put,
    remove,
    validate_pod,
)

Json = dict[str, Any]


class Pods:
    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        return routes_below(
            PATH,
            [
                ("/", {"GET": self.list, "POST": self.create}),
                ("/::status", {"GET": self.status_of_all}),
                ("(/.+)::status", {"GET": self.status}),
                ("(/.+)::versions", {"GET": self.versions}),
                ("(/.+)::versions/([^/]+)", {"GET": self.version}),
                ("(/.+)::instances", {"DELETE": self.kill_many}),
                ("(/.+)::instances/([^/]+)", {"DELETE": self.kill_one}),
                ("(/.+)", {"GET": self.show, "PUT": self.replace, "DELETE": self.delete}),
            ],
        )

    # Reading.

    async def list(self, request: web.Request) -> web.Response:
        return answer(request, [pod_json(pod) for _, pod in sorted(pods(self._context.marathon.root).items())])

    async def show(self, request: web.Request, id: str) -> web.Response:
        return answer(request, pod_json(self._pod(id)))

    async def status_of_all(self, request: web.Request) -> web.Response:
        return answer(request, [self._status(pod) for _, pod in sorted(pods(self._context.marathon.root).items())])

    async def status(self, request: web.Request, id: str) -> web.Response:
        return answer(request, self._status(self._pod(id)))

    async def versions(self, request: web.Request, id: str) -> web.Response:
        self._pod(id)
        return answer(request, self._context.archive.pod_versions(id))

    async def version(self, request: web.Request, id: str, version: str) -> web.Response:
        pod = self._context.archive.pod_at(id, version)
        if pod is None:
            raise ApiError(404, f"Pod '{id}' does not exist in version '{version}'")
        return answer(request, pod_json(pod))

    # Changing.

    async def create(self, request: web.Request) -> web.Response:
        pod = self._parsed(await body(request))

        def change(root: Group) -> Group:
            if find_pod(root, pod.id) is not None:
                raise ApiError(409, f"A pod with id [{pod.id}] already exists.")
            if find_app(root, pod.id) is not None:
                raise ApiError(409, f"An app with id [{pod.id}] already exists.")
            if find_group(root, pod.id) is not None:
                raise ApiError(409, f"Group [{pod.id}] already exists.")
            return put(root, pod)

        deployment = await self._changed(request, change, "pod_created_event")
        return self._answer(request, deployment, pod.id, 201)

    async def replace(self, request: web.Request, id: str) -> web.Response:
        raw = await body(request)
        pod = self._parsed({**raw, "id": raw.get("id", id)} if isinstance(raw, dict) else raw)
        if pod.id != id:
            raise ValidationError(Violation("/id", f"must be {id}, as in the URL"))

        def change(root: Group) -> Group:
            old = find_pod(root, id)
            if old is None:
                raise _unknown(id)
            return put(root, pod)

        deployment = await self._changed(request, change, "pod_updated_event")
        return self._answer(request, deployment, id, 200)

    async def delete(self, request: web.Request, id: str) -> web.Response:
        self._pod(id)
        deployment = await self._changed(request, lambda root: remove(root, id), "pod_deleted_event")
        return announce(empty_response(202), deployment, f"/v2/deployments/{deployment.id}")

    async def kill_many(self, request: web.Request, id: str) -> web.Response:
        ids = await body(request)
        if not isinstance(ids, list):
            raise InvalidJson(Violation("/", "error.expected.jsarray"))
        for index, each in enumerate(ids):
            if not isinstance(each, str):
                raise InvalidJson(Violation(f"/({index})", "error.expected.jsstring"))
        return answer(request, await self._kill(request, [self._instance(id, each) for each in ids]))

    async def kill_one(self, request: web.Request, id: str, instance_id: str) -> web.Response:
        (killed,) = await self._kill(request, [self._instance(id, instance_id)])
        return answer(request, killed)

    async def _changed(self, request: web.Request, change: Callable[[Group], Group], event: str) -> Deployment:
        deployment = await self._context.update(request, change)
        self._context.bus.say(event, clientIp=request.remote or "", uri=request.path)
        return deployment

    async def _kill(self, request: web.Request, instances: Sequence[Instance]) -> Sequence[Json]:
        marathon = self._context.marathon
        views = [instance_status(marathon, each) for each in instances]
        marathon.kill([each.id for each in instances], wipe=flag(request, "wipe"))
        await self._context.writer.flush()
        return views

    def _answer(self, request: web.Request, deployment: Deployment, id: str, status: int) -> web.Response:
        pod = find_pod(deployment.target, id)
        assert pod is not None
        location = f"{PATH}{id}" if status == 201 else None
        return announce(answer(request, pod_json(pod), status), deployment, location)

    def _parsed(self, raw: object) -> Pod:
        """Raises InvalidJson, ValidationError."""
        pod = parse_pod(raw, network_name=self._context.flags.default_network_name)
        if wrong := validate_pod(pod, features=self._context.flags.features):
            raise ValidationError(*wrong)
        return pod

    def _pod(self, id: str) -> Pod:
        pod = find_pod(self._context.marathon.root, id)
        if pod is None:
            raise _unknown(id)
        return pod

    def _instance(self, id: str, instance_id: str) -> Instance:
        self._pod(id)
        found = next((each for each in self._context.marathon.instances(id) if each.id == instance_id), None)
        if found is None:
            raise ApiError(404, f"Instance '{instance_id}' does not exist")
        return found

    def _status(self, pod: Pod) -> Json:
        return pod_status(self._context.marathon, pod, self._context.archive.failures.get(pod.id))


def _unknown(id: str) -> ApiError:
    return ApiError(404, f"Pod '{id}' does not exist")
