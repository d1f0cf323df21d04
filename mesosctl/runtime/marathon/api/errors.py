"""What Marathon answers instead of what was asked for: a status and a JSON body with a `message`."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from mesosctl.runtime.marathon.core.errors import LockedError, TooManyDeploymentsError, UnknownDeploymentError
from mesosctl.runtime.marathon.model import InvalidJson, ValidationError

log = logging.getLogger(__name__)


class ApiError(Exception):
    def __init__(self, status: int, message: str, **more: Any) -> None:
        self.status = status
        self.body = {"message": message, **more}
        super().__init__(message)


def unknown_app(id: str) -> ApiError:
    return ApiError(404, f"App '{id}' does not exist")


def unknown_task(id: str) -> ApiError:
    return ApiError(404, f"Task '{id}' does not exist")


def unknown_group(id: str) -> ApiError:
    return ApiError(404, f"Group '{id}' does not exist")


@web.middleware
async def json_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return _answer(error.status, error.body)
    except ValidationError as error:
        return _answer(422, error.body())
    except InvalidJson as error:
        return _answer(400, error.body())
    except LockedError as error:
        message = (
            "App is locked by one or more deployments. Override with the option '?force=true'."
            " View details at '/v2/deployments/<DEPLOYMENT_ID>'."
        )
        return _answer(409, {"message": message, "deployments": [{"id": id} for id in error.deployments]})
    except TooManyDeploymentsError:
        return _answer(403, {"message": "Max number of running deployments reached: try again later"})
    except UnknownDeploymentError as error:
        return _answer(404, {"message": f"DeploymentPlan {error} does not exist"})
    except web.HTTPNotFound:
        return _answer(404, {"message": f"URI not found: {request.rel_url.raw_path}"})
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))
        if request.method == "OPTIONS":
            return web.Response(headers={hdrs.ALLOW: allowed})
        return _answer(405, {"message": "Method Not Allowed"}, {str(hdrs.ALLOW): allowed})
    except web.HTTPRequestEntityTooLarge:
        return _answer(413, {"message": "Request Entity Too Large"})
    except web.HTTPException:
        raise
    except Exception:
        log.exception("Cannot answer %s %s", request.method, request.path)
        return _answer(500, {"message": "Internal Server Error"})


def _answer(status: int, body: object, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json", headers=headers)
