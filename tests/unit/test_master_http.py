"""The HTTP face of the master: recorded requests get the answers that a real Mesos gave; both encodings; endpoints."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from mesosctl.runtime import internal
from mesosctl.runtime.flags.load import load
from mesosctl.runtime.flags.master import MasterFlags
from mesosctl.runtime.http import answers
from mesosctl.runtime.http.server import application, serve
from mesosctl.runtime.master import endpoints
from mesosctl.runtime.master.options import MasterOptions
from mesosctl.runtime.master.server import STREAM_ID, Server
from mesosctl.runtime.protocol.basics import Address
from mesosctl.runtime.protocol.cluster import AgentInfo, MasterInfo
from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.recordio import RecordDecoder, frame
from mesosctl.runtime.protocol.scheduler import Call, Event
from mesosctl.runtime.resources import Resources
from tests.unit.master_cluster import FRAMEWORK, INFO, MASTER, RESOURCES
from tests.unit.mesos_golden import Exchange, exchanges

RECORDED_STREAM = "0d3724ce-0cb3-49d0-ad2f-ae76e5d376d0"
PLAIN = ("Content-Type", "Accept", "Accept-Encoding", "User-Agent")
"""Headers that aiohttp's client adds by itself."""
Errors = [each for each in exchanges() if each.name.startswith("scheduler-errors/")]


@dataclass
class Running:
    server: Server
    session: aiohttp.ClientSession
    url: str

    async def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        async with self.session.request(
            method, self.url + path, headers=headers, data=body, allow_redirects=False
        ) as answer:
            return answer, await answer.read()

    async def register(self) -> None:
        """An agent that says nothing more."""
        info = AgentInfo(hostname="localhost", resources=Resources.parse(RESOURCES).messages())
        self.server.master.register_agent("agent", "127.0.0.1", internal.Register(info, "1.11.0"))

    @asynccontextmanager
    async def subscribed(
        self, accept: str = "application/json", framework_id: str | None = FRAMEWORK
    ) -> AsyncIterator[tuple[str, Callable[[], Awaitable[bytes]]]]:
        """The id of a stream, and what reads its next record."""
        info: dict[str, Any] = dict(INFO)
        call: dict[str, Any] = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if framework_id:
            info["id"] = call["framework_id"] = {"value": framework_id}
        headers = {"Content-Type": "application/json", "Accept": accept}
        async with self.session.post(self.url + "/api/v1/scheduler", headers=headers, data=json.dumps(call)) as answer:
            assert answer.status == 200
            records, waiting = RecordDecoder(), []

            async def read() -> bytes:
                while not waiting:
                    waiting.extend(records.feed(await answer.content.readany()))
                return waiting.pop(0)

            yield answer.headers[STREAM_ID], read


def run(scenario: Callable[[Running], Awaitable[None]], *flags: str) -> None:
    """Play `scenario` against a master on a port of its own."""

    async def play() -> None:
        address = Address(hostname="localhost", ip="127.0.0.1", port=5050)
        kinds = MasterInfo.Capability.Type
        info = MasterInfo(
            id=MASTER,
            ip=16777343,
            port=5050,
            pid="master@127.0.0.1:5050",
            hostname="localhost",
            version="1.12.0",
            address=address,
            capabilities=tuple(
                MasterInfo.Capability(type=kind) for kind in (kinds.AGENT_UPDATE, kinds.AGENT_DRAINING, kinds.QUOTA_V2)
            ),
        )
        server = Server(MasterOptions(info=info))
        given, _ = load(MasterFlags, ["--ip=127.0.0.1", "--work_dir=/var/lib/mesos", *flags], {})
        routes = [*server.routes(), *endpoints.routes(server, given.shown())]
        runner = await serve(application("/master", routes), "127.0.0.1", 0)
        server.master.start()
        try:
            async with aiohttp.ClientSession(skip_auto_headers=PLAIN) as session:
                await scenario(Running(server, session, url(runner)))
        finally:
            server.close()
            await runner.cleanup()

    asyncio.run(asyncio.wait_for(play(), 30))


def url(runner: web.AppRunner) -> str:
    ip, port = runner.addresses[0][:2]
    return f"http://{ip}:{port}"


def body_of(request: dict[str, Any]) -> bytes | None:
    body = request["body"]
    if body is None:
        return None
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


@pytest.mark.parametrize("exchange", Errors, ids=lambda each: each.name.partition("/")[2])
def test_recorded_errors(exchange: Exchange) -> None:
    """Status, content type, text or events are those of the recording. HEAD may not have a body."""

    async def scenario(running: Running) -> None:
        async with running.subscribed() as (stream_id, _):
            headers = dict(exchange.request["headers"])
            if headers.get(STREAM_ID) == RECORDED_STREAM:
                headers[STREAM_ID] = stream_id
            method, path = exchange.request["method"], exchange.request["path"]
            if exchange.events:
                await compare_stream(running, headers, exchange)
                return
            answer, body = await running.request(method, path, headers, body_of(exchange.request))
            recorded = exchange.response
            assert answer.status == recorded["status"]
            assert body.decode() == ("" if method == "HEAD" else recorded["body"] or "")
            for name in ("Content-Type", "Allow"):
                assert answer.headers.get(name) == recorded["headers"].get(name)

    run(scenario)


async def compare_stream(running: Running, headers: dict[str, str], exchange: Exchange) -> None:
    """A SUBSCRIBE: the same header fields and the same events, but for the time they take."""
    async with running.session.post(
        running.url + exchange.request["path"], headers=headers, data=body_of(exchange.request)
    ) as answer:
        assert answer.status == exchange.response["status"]
        assert answer.headers["Content-Type"] == exchange.response["headers"]["Content-Type"]
        assert answer.headers["Transfer-Encoding"] == "chunked"
        media = MediaType(answer.headers["Content-Type"])
        records, seen = RecordDecoder(), []
        while len(seen) < len(exchange.events):
            chunk, _ = await answer.content.readchunk()
            seen += [decode(Event, record, media) for record in records.feed(chunk)]
        expected = []
        for each in exchange.events:
            if "base64" in each:
                expected.append(decode(Event, base64.b64decode(each["base64"]), MediaType.PROTOBUF))
            else:
                expected.append(msgspec.convert(each, Event))
        assert [numbered(event) for event in seen] == [numbered(event) for event in expected]
        if expected[-1].error:
            assert await answer.content.read() == b""


def numbered(event: Event) -> dict[str, Any]:
    """The event without the number of a framework that the master numbered itself."""
    value: dict[str, Any] = msgspec.to_builtins(event)
    if event.subscribed and event.subscribed.framework_id.value.startswith(MASTER):
        value["subscribed"]["framework_id"] = None
    return value


def test_one_record_in_one_chunk() -> None:
    async def scenario(running: Running) -> None:
        await running.register()
        call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}}
        headers = {"Content-Type": "application/json"}
        async with running.session.post(
            running.url + "/api/v1/scheduler", headers=headers, data=json.dumps(call)
        ) as answer:
            for kind in ("SUBSCRIBED", "HEARTBEAT", "OFFERS"):
                chunk, whole = await answer.content.readchunk()
                length, _, record = chunk.partition(b"\n")
                assert whole
                assert len(record) == int(length)
                assert json.loads(record)["type"] == kind
                assert b"\n" not in record

    run(scenario)


def test_protobuf_both_ways() -> None:
    async def scenario(running: Running) -> None:
        await running.register()
        async with running.subscribed("application/x-protobuf") as (stream_id, read):
            for kind in ("SUBSCRIBED", "HEARTBEAT", "OFFERS"):
                event = decode(Event, await read(), MediaType.PROTOBUF)
                assert event.type == kind
            assert event.offers
            offer = event.offers.offers[0]
            call = Call(
                type=Call.Type.DECLINE, framework_id=offer.framework_id, decline=Call.Decline(offer_ids=(offer.id,))
            )
            headers = {"Content-Type": "application/x-protobuf", STREAM_ID: stream_id}
            answer, body = await running.request("POST", "/api/v1/scheduler", headers, encode(call, MediaType.PROTOBUF))
            assert (answer.status, body) == (202, b"")
            assert not running.server.master.state.offers

    run(scenario)


def test_null_is_unset_and_bodies_may_be_chunked() -> None:
    async def scenario(running: Running) -> None:
        async with running.subscribed() as (stream_id, _):

            async def pieces() -> AsyncIterator[bytes]:
                call = {"type": "SUPPRESS", "framework_id": {"value": FRAMEWORK}, "suppress": None, "accept": None}
                text = json.dumps(call).encode()
                yield text[:10]
                yield text[10:]

            headers = {"Content-Type": "application/json", STREAM_ID: stream_id}
            async with running.session.post(
                running.url + "/api/v1/scheduler", headers=headers, data=pieces()
            ) as answer:
                assert answer.status == 202

    run(scenario)


def test_a_call_of_type_unknown_is_refused() -> None:
    async def scenario(running: Running) -> None:
        async with running.subscribed() as (stream_id, _):
            headers = {"Content-Type": "application/json", STREAM_ID: stream_id}
            body = json.dumps({"type": "UNKNOWN", "framework_id": {"value": FRAMEWORK}}).encode()
            answer, _ = await running.request("POST", "/api/v1/scheduler", headers, body)
            assert answer.status == 400

    run(scenario)


def test_a_client_that_goes_away_is_disconnected() -> None:
    async def scenario(running: Running) -> None:
        async with running.subscribed():
            assert running.server.master.state.frameworks[FRAMEWORK].connected
        for _ in range(100):
            await asyncio.sleep(0.01)
            if not running.server.master.state.frameworks[FRAMEWORK].connected:
                return
        raise AssertionError("still connected")

    run(scenario)


@pytest.mark.parametrize("prefix", ["", "/master"])
def test_endpoints(prefix: str) -> None:
    async def scenario(running: Running) -> None:
        await running.register()
        async with running.subscribed() as (_, read):
            for _ in range(3):
                await read()
            for path, fields in {
                "/version": {"version", "build_date"},
                "/state": {"slaves", "frameworks", "leader_info", "flags"},
                "/state-summary": {"slaves", "frameworks", "hostname"},
                "/slaves": {"slaves", "recovered_slaves"},
                "/frameworks": {"frameworks", "completed_frameworks"},
                "/tasks": {"tasks"},
                "/roles": {"roles"},
                "/flags": {"flags"},
                "/metrics/snapshot": {
                    "master/elected",
                    "master/slaves_active",
                    "registrar/state_store_ms",
                    "registrar/state_store_ms/p99",
                    "allocator/mesos/allocation_run_ms",
                    "allocator/mesos/allocation_run_latency_ms/count",
                },
            }.items():
                answer, body = await running.request("GET", prefix + path)
                assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
                assert fields <= json.loads(body).keys()
            _, body = await running.request("GET", prefix + "/state")
            state = json.loads(body)
            assert state["slaves"][0]["offered_resources"] == {
                "disk": 252899.0,
                "mem": 23081.0,
                "gpus": 0.0,
                "cpus": 2.0,
                "ports": "[31000-32000]",
            }
            assert "pid" not in state["frameworks"][0]
            answer, body = await running.request("POST", prefix + "/health")
            assert (answer.status, body) == (200, b"")
            answer, _ = await running.request("GET", prefix + "/redirect")
            assert (answer.status, answer.headers["Location"]) == (307, "//localhost:5050")
            answer, body = await running.request("GET", prefix + "/version?jsonp=cb")
            assert answer.headers["Content-Type"] == "text/javascript"
            assert body.startswith(b"cb({")
            answer, body = await running.request("GET", prefix + "/tasks?limit=x")
            assert answer.status == 400

    run(scenario)


def test_an_agent_over_http() -> None:
    async def scenario(running: Running) -> None:
        info = AgentInfo(hostname="localhost", resources=Resources.parse(RESOURCES).messages())
        path = running.url + internal.PATH
        said: asyncio.Queue[internal.FromAgent | None] = asyncio.Queue()
        said.put_nowait(internal.Register(info, "1.11.0"))

        async def messages() -> AsyncIterator[bytes]:
            while message := await said.get():
                yield frame(msgspec.json.encode(message))

        async with running.session.post(path, data=messages()) as answer:
            records = RecordDecoder()
            found = records.feed(await answer.content.readany())
            message = msgspec.json.decode(found[0], type=internal.ToAgent)
            assert isinstance(message, internal.Registered)
            assert message.agent_id.value == f"{MASTER}-S0"
            (agent,) = running.server.master.state.agents.values()
            agent.ponged = False
            said.put_nowait(internal.Pong())
            while not agent.ponged:
                await asyncio.sleep(0.01)
            said.put_nowait(internal.Register(info, "1.11.0"))  # once is enough
            while await answer.content.readany():
                pass
        pong, _ = await running.request("POST", internal.PATH, {}, frame(msgspec.json.encode(internal.Pong())))
        assert pong.status == 400
        bad, _ = await running.request("POST", internal.PATH, {}, b"{")
        assert bad.status == 400

    run(scenario)


def test_a_long_answer_is_compressed_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same body, whether it is long or not."""
    threads: list[int] = []
    compress = gzip.compress

    def seen(*arguments: Any) -> bytes:
        threads.append(threading.get_ident())
        return compress(*arguments)

    monkeypatch.setattr(answers.gzip, "compress", seen)

    async def scenario(running: Running) -> None:
        await running.register()
        gzipped = {"Accept-Encoding": "gzip"}
        _, plain = await running.request("GET", "/flags")
        for limit, beside in ((2**20, False), (100, True)):
            monkeypatch.setattr(answers, "_LONG_BYTES", limit)
            answer, body = await running.request("GET", "/flags", gzipped)
            assert answer.headers["Content-Encoding"] == "gzip"
            assert body == plain  # the client has decompressed it
            assert (threads.pop() != threading.get_ident()) == beside

    run(scenario)
