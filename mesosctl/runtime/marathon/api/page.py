"""`/ui/`: the page for browsers, to which `/` leads as in Marathon; it asks the other endpoints for what it shows."""

from __future__ import annotations

from aiohttp import web

from mesosctl.runtime.pages import page_routes

PATH = "/ui"


def routes() -> list[web.RouteDef]:
    return [web.get("/", _go), web.get(PATH, _go), *page_routes("marathon", PATH)]


async def _go(request: web.Request) -> web.StreamResponse:
    """The address is relative: it holds behind a proxy that adds to the path."""
    raise web.HTTPFound("ui/")
