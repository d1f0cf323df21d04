"""`/v2/deployments`: what is under way, and how to take it back."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from mesosctl.runtime.http.answers import empty_response
from mesosctl.runtime.marathon.api.context import Context, answer, deployed, flag
from mesosctl.runtime.marathon.api.views import readiness_view
from mesosctl.runtime.marathon.core.marathon import Marathon
from mesosctl.runtime.marathon.core.records import Progress, Step

Json = dict[str, Any]


class Deployments:
    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v2/deployments", self.list),
            web.delete("/v2/deployments/{id}", self.cancel),
        ]

    async def list(self, request: web.Request) -> web.Response:
        marathon = self._context.marathon
        return answer(request, [_view(marathon, progress) for progress in marathon.deployments])

    async def cancel(self, request: web.Request) -> web.Response:
        deployment = self._context.marathon.cancel(request.match_info["id"], force=flag(request, "force"))
        await self._context.writer.flush()
        return deployed(request, deployment) if deployment else empty_response(202)


def steps_view(steps: tuple[Step, ...]) -> list[Json]:
    return [{"actions": [action.json() for action in step.actions]} for step in steps]


def _view(marathon: Marathon, progress: Progress) -> Json:
    deployment = progress.deployment
    pods = {action.app for step in deployment.steps for action in step.actions if action.pod}
    current = deployment.steps[progress.step - 1].actions if progress.step else ()
    results: dict[str, list[Json]] = {}
    for result in progress.readiness:
        if instance := marathon.instance_of(result.task_id):
            results.setdefault(instance.app_id, []).append(readiness_view(result))
    return {
        "id": deployment.id,
        "version": deployment.version,
        "affectedApps": [id for id in deployment.affected if id not in pods],
        "affectedPods": [id for id in deployment.affected if id in pods],
        "steps": steps_view(deployment.steps),
        "currentActions": [
            {**action.json(), "readinessCheckResults": results.get(action.app, [])} for action in current
        ],
        "currentStep": progress.step,
        "totalSteps": len(deployment.steps),
    }
