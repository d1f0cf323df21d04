"""All endpoints as one application, with its errors, its authentication, and its way to the leader."""

from __future__ import annotations

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from mesosctl.runtime.http.authentication import Basic, check
from mesosctl.runtime.http.server import MAX_BODY_BYTES
from mesosctl.runtime.marathon.api import page
from mesosctl.runtime.marathon.api.apps import Apps
from mesosctl.runtime.marathon.api.context import Context
from mesosctl.runtime.marathon.api.conventions import Origins, negotiated, uncached
from mesosctl.runtime.marathon.api.deployments import Deployments
from mesosctl.runtime.marathon.api.errors import ApiError, json_errors
from mesosctl.runtime.marathon.api.events import Events
from mesosctl.runtime.marathon.api.groups import Groups
from mesosctl.runtime.marathon.api.logging import Logging
from mesosctl.runtime.marathon.api.pods import Pods
from mesosctl.runtime.marathon.api.proxy import Proxy
from mesosctl.runtime.marathon.api.queue import Queue
from mesosctl.runtime.marathon.api.subscriptions import Subscriptions
from mesosctl.runtime.marathon.api.system import System
from mesosctl.runtime.marathon.api.tasks import Tasks
from mesosctl.runtime.marathon.flags import MarathonFlags


def application(context: Context, proxy: Proxy) -> web.Application:
    flags, origins = context.flags, Origins(context.flags)
    outer = [origins.middleware(), context.traffic.middleware(), json_errors, _limit(flags), *_authentication(flags)]
    middlewares = [*outer, negotiated, proxy.middleware()]
    app = web.Application(middlewares=middlewares, client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.extend([uncached, origins.announce])
    for part in (Apps, Pods, Groups, Tasks, Deployments, Queue, System, Logging, Events, Subscriptions):
        app.router.add_routes(part(context).routes())
    app.router.add_routes(page.routes())
    return app


def _limit(flags: MarathonFlags) -> Middleware:
    """`--http_max_concurrent_requests`."""
    most = flags.http_max_concurrent_requests
    running = 0

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal running
        if most is not None and running >= most:
            raise ApiError(503, "Too many concurrent requests! Allowed: " + str(most))
        running += 1
        try:
            return await handler(request)
        finally:
            running -= 1

    return limit


def _authentication(flags: MarathonFlags) -> list[Middleware]:
    """`--http_credentials`. Raises ValueError where they have no colon."""
    if flags.http_credentials is None:
        return []
    user, colon, password = flags.http_credentials.partition(":")
    if not colon:
        raise ValueError("--http_credentials are written username:password")
    authenticators = (Basic({user: password}),)
    challenge = {hdrs.WWW_AUTHENTICATE: f'Basic realm="{flags.http_realm}"'}

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if check(request.headers.get(hdrs.AUTHORIZATION), authenticators) is None:
            return web.json_response({"message": "Invalid username or password."}, status=401, headers=challenge)
        return await handler(request)

    return [authenticate]
