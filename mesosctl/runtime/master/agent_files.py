"""The master's page shows sandboxes: what it asks of an agent goes through the master.

So a browser needs to reach nothing but the master, e.g. through a tunnel, and sends its credentials nowhere else.
"""

from __future__ import annotations

import aiohttp
from aiohttp import hdrs, web

from mesosctl.runtime.master.state import State
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.tls import Client

_PATHS = ("state", "files/browse", "files/read", "files/download")
_PASSED = (hdrs.AUTHORIZATION, hdrs.ACCEPT_ENCODING, hdrs.RANGE)
_KEPT = (hdrs.CONTENT_TYPE, hdrs.CONTENT_ENCODING, hdrs.CONTENT_LENGTH, hdrs.CONTENT_DISPOSITION, hdrs.WWW_AUTHENTICATE)
_PIECE_BYTES = 2**16
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)


def agent_file_routes(state: State, tls: Client | None) -> list[web.RouteDef]:
    """`/page/agents/AGENT_ID/…` for each path that the page needs of an agent. `tls`: agents speak HTTPS."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return await _pass_on(state, tls, request)

    return [web.get(f"/page/agents/{{id}}/{{path:{path}}}", handler) for path in _PATHS]


async def _pass_on(state: State, tls: Client | None, request: web.Request) -> web.StreamResponse:
    agent = state.agents.get(request.match_info["id"])
    if agent is None:
        raise Refusal(404, f"No agent {request.match_info['id']} is registered")
    url = f"{'https' if tls else 'http'}://{agent.pid.partition('@')[2]}/{request.match_info['path']}"
    headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
    connector = aiohttp.TCPConnector(ssl=tls.context if tls else True)
    name = tls.name(agent.info.hostname) if tls else None
    async with aiohttp.ClientSession(timeout=_TIMEOUT, auto_decompress=False, connector=connector) as session:
        try:
            answer = await session.get(url, params=request.query, headers=headers, server_hostname=name)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Refusal(502, f"Agent {agent.info.hostname} does not answer: {error or 'timed out'}") from None
        async with answer:
            kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
            response = web.StreamResponse(status=answer.status, headers=kept | {"X-Content-Type-Options": "nosniff"})
            await response.prepare(request)
            async for piece in answer.content.iter_chunked(_PIECE_BYTES):
                await response.write(piece)
            await response.write_eof()
            return response
