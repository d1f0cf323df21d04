"""The pages that operators browse: plain files, served as they are, that ask the endpoints for what they show.

A page loads nothing from elsewhere, and nothing that the cluster says becomes a part of its program: the policy below
makes browsers see to that too.
"""

from __future__ import annotations

from pathlib import Path

from aiohttp import hdrs, web

FILES = Path(__file__).parent / "files"
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    hdrs.CACHE_CONTROL: "no-cache",
}


_PART = r"{name:(?:marathon/)?[a-z]+\.(?:js|css)}"


def page_routes(name: str, base: str = "") -> list[web.RouteDef]:
    """The page `name` ("master", "agent", "marathon") as `base`/, and what it loads below `base`/page."""

    async def page(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(FILES / f"{name}.html", headers=_HEADERS)

    async def part(request: web.Request) -> web.StreamResponse:
        path = FILES / request.match_info["name"]
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path, headers=_HEADERS)

    return [web.get(f"{base}/", page), web.get(f"{base}/page/{_PART}", part)]
