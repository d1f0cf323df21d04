"""What a Marathon that does not lead does with requests: the leader is a server that says what it was sent."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from mesosctl.runtime.coordination.address import HostPort
from mesosctl.runtime.marathon.api.errors import json_errors
from mesosctl.runtime.marathon.api.proxy import Proxy
from mesosctl.runtime.marathon.leader import Leadership

OWN = HostPort("127.0.0.1", 7)
Ask = Callable[..., Awaitable[tuple[int, aiohttp.ClientResponse, bytes]]]


class Follower(Leadership):
    """It knows who leads: another one."""

    def __init__(self, leader: str) -> None:
        super().__init__(OWN, None, 1.0)
        self._other = leader

    @property
    def leader(self) -> str | None:
        return self._other


async def _leader(request: web.Request) -> web.Response:
    headers = {"X-Marathon-Leader": "http://leader", "X-Seen": request.headers.get("X-Marathon-Via", "")}
    if request.path == "/zipped":
        return web.Response(body=gzip.compress(b"hello"), headers={**headers, "Content-Encoding": "gzip"})
    if request.path == "/missing":
        return web.json_response({"message": "no"}, status=404, headers=headers)
    if request.path == "/broken":
        return web.json_response({"message": "Internal Server Error"}, status=500, headers=headers)
    if request.path == "/slow":
        await asyncio.sleep(5)
    said = f"{request.method} {request.raw_path} {request.headers.get('Content-Type')} {await request.text()}"
    return web.Response(text=said, headers=headers)


def run(test: Callable[[Ask, str], Awaitable[None]], *, lead: bool = True) -> None:
    async def inside() -> None:
        async with AsyncExitStack() as stack:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", _leader)
            leader = await stack.enter_async_context(TestServer(app))
            address = f"127.0.0.1:{leader.port if lead else unused_port()}"
            proxy = await stack.enter_async_context(Proxy(Follower(address), "http", 1.0, 0.5, None))
            follower = web.Application(middlewares=[json_errors, proxy.middleware()])
            server = await stack.enter_async_context(TestServer(follower))
            session = await stack.enter_async_context(aiohttp.ClientSession())

            async def ask(
                method: str, path: str, data: bytes | None = None, **headers: str
            ) -> tuple[int, aiohttp.ClientResponse, bytes]:
                url = f"http://127.0.0.1:{server.port}{path}"
                sent = {name.replace("_", "-"): value for name, value in headers.items()}
                async with session.request(
                    method, url, data=data, headers=sent, allow_redirects=False, skip_auto_headers=["Content-Type"]
                ) as answer:
                    return answer.status, answer, await answer.read()

            await test(ask, address)

    asyncio.run(inside())


def test_requests_go_to_the_leader_as_they_are() -> None:
    async def test(ask: Ask, _: str) -> None:
        status, answer, body = await ask("POST", "/v2/apps//a%2Fb?force=True&x=%20", b"{}")
        assert (status, body) == (200, b"POST /v2/apps//a%2Fb?force=True&x=%20 application/json {}")
        assert answer.headers["X-Seen"] == answer.headers["X-Marathon-Via"] == f"1.1 {OWN}"
        assert answer.headers["X-Marathon-Leader"] == "http://leader"

    run(test)


def test_answers_come_back_as_they_are() -> None:
    async def test(ask: Ask, _: str) -> None:
        assert (await ask("GET", "/zipped", Accept_Encoding="gzip"))[2] == b"hello"
        status, answer, body = await ask("GET", "/missing")
        assert (status, answer.headers.getall("Content-Type"), body) == (
            404,
            ["application/json; charset=utf-8"],
            b'{"message": "no"}',
        )

    run(test)


def test_an_error_of_the_leader_is_the_leaders() -> None:
    async def test(ask: Ask, _: str) -> None:
        status, answer, body = await ask("GET", "/broken")
        assert (status, body) == (500, b'{"message": "Internal Server Error"}')
        assert answer.headers["X-Marathon-Via"] == f"1.1 {OWN}"

    run(test)


def test_what_is_only_looked_at_keeps_its_length() -> None:
    async def test(ask: Ask, _: str) -> None:
        length = len((await ask("GET", "/x"))[2])
        status, answer, body = await ask("HEAD", "/x")
        assert (status, answer.headers["Content-Length"], body) == (200, str(length + 1), b"")

    run(test)


def test_a_loop_is_refused() -> None:
    async def test(ask: Ask, _: str) -> None:
        status, _, body = await ask("GET", "/v2/apps", X_Marathon_Via=f"1.1 {OWN}")
        assert (status, body) == (502, b'{"message":"Detected proxying loop."}')

    run(test)


def test_the_event_stream_is_redirected() -> None:
    async def test(ask: Ask, leader: str) -> None:
        status, answer, _ = await ask("GET", "/v2/events?event_type=x")
        assert (status, answer.headers["Location"]) == (302, f"http://{leader}/v2/events?event_type=x")

    run(test)


def test_a_leader_that_is_slow() -> None:
    async def test(ask: Ask, _: str) -> None:
        status, _, body = await ask("GET", "/slow")
        assert (status, body) == (504, b'{"message":"Connection to leader timed out."}')

    run(test)


def test_a_leader_that_is_gone() -> None:
    async def test(ask: Ask, _: str) -> None:
        status, _, body = await ask("GET", "/v2/apps")
        assert (status, body) == (502, b'{"message":"Connection to leader refused."}')

    run(test, lead=False)
