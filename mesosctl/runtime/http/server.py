"""Serve an application, with Mesos' words for what it does not know."""

from __future__ import annotations

from collections.abc import Iterable
from ssl import SSLContext

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from mesosctl.runtime.http.answers import text_response
from mesosctl.runtime.protocol.errors import DecodeError, Refusal

MAX_BODY_BYTES = 128 * 2**20
"""An ACCEPT may launch thousands of tasks."""
BACKLOG = 4096
"""All agents of a cluster connect within a second to a new leader; what the queue does not hold tries again late."""


def application(prefix: str, routes: Iterable[web.RouteDef]) -> web.Application:
    """An application with `routes`, each also under `prefix` ("/master", "/slave(1)").

    A handler may raise Refusal and DecodeError: they become their plain text, with 400 for the latter.
    """
    app = web.Application(middlewares=[_plain_errors], client_max_size=MAX_BODY_BYTES)
    for route in routes:
        for path in (route.path, prefix + route.path):
            web.RouteDef(route.method, path, route.handler, route.kwargs).register(app.router)
    return app


async def serve(app: web.Application, ip: str, port: int, tls: SSLContext | None = None) -> web.AppRunner:
    """Listen on an address until `cleanup()` of the runner, by HTTPS with `tls`. Raises OSError where the port cannot
    be had.

    Handlers are cancelled when their client goes away: so a stream learns of it.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, ip, port, backlog=BACKLOG, ssl_context=tls).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner


@web.middleware
async def _plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return text_response(refusal.status, refusal.text)
    except DecodeError as error:
        return text_response(400, str(error))
    except web.HTTPNotFound:
        return text_response(404, "404 Not Found.")
    except web.HTTPMethodNotAllowed as error:
        return method_not_allowed(request, error.allowed_methods)


def method_not_allowed(request: web.Request, allowed: Iterable[str]) -> web.Response:
    """The 405 of Mesos."""
    methods = sorted(allowed)
    expected = ", ".join(f"'{method}'" for method in methods)
    text = f"405 Method Not Allowed. Expecting one of {{ {expected} }}, but received '{request.method}'."
    return text_response(405, text, {hdrs.ALLOW: ", ".join(methods)})
