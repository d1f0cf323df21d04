"""Every call of the scheduler and executor APIs over real HTTP, in both encodings: taken when it is right, refused with
Mesos' status when it is not, and never an error of ours.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import msgspec
import pytest

from mesosctl.runtime.http import server
from mesosctl.runtime.master.server import STREAM_ID
from mesosctl.runtime.protocol import executor, scheduler
from mesosctl.runtime.protocol.codec import MediaType, encode
from mesosctl.runtime.protocol.executor import Event as ExecutorEvent
from tests.unit.master_cluster import AGENT, FRAMEWORK, INFO
from tests.unit.test_agent_endpoints import FRAMEWORK_ID, Web, with_web
from tests.unit.test_agent_endpoints import task as agent_task
from tests.unit.test_master_http import Running, run

JSON, PROTOBUF = MediaType.JSON, MediaType.PROTOBUF
MEDIA = pytest.mark.parametrize("media", [JSON, PROTOBUF], ids=["json", "protobuf"])
SCHEDULER_PATH = "/api/v1/scheduler"
AGENT_ID, OFFER_ID = {"value": AGENT}, {"value": "no-such-offer"}
UUID = "AAECAwQFBgcICQoLDA0ODw=="

OWN_INFO = {**INFO, "id": {"value": FRAMEWORK}}
CALLS: dict[str, dict[str, Any]] = {
    "ACCEPT": {"offer_ids": [OFFER_ID], "operations": [], "filters": {"refuse_seconds": 1.5}},
    "DECLINE": {"offer_ids": [OFFER_ID], "filters": {"refuse_seconds": 1.5}},
    "ACCEPT_INVERSE_OFFERS": {"inverse_offer_ids": [OFFER_ID]},
    "DECLINE_INVERSE_OFFERS": {"inverse_offer_ids": [OFFER_ID]},
    "REVIVE": {"roles": ["*"]},
    "SUPPRESS": {"roles": ["*"]},
    "KILL": {"task_id": {"value": "t"}, "agent_id": AGENT_ID, "kill_policy": {"grace_period": {"nanoseconds": 5}}},
    "SHUTDOWN": {"executor_id": {"value": "e"}, "agent_id": AGENT_ID},
    "ACKNOWLEDGE": {"agent_id": AGENT_ID, "task_id": {"value": "t"}, "uuid": UUID},
    "ACKNOWLEDGE_OPERATION_STATUS": {"agent_id": AGENT_ID, "operation_id": {"value": "o"}, "uuid": UUID},
    "RECONCILE": {"tasks": [{"task_id": {"value": "t"}, "agent_id": AGENT_ID}]},
    "RECONCILE_OPERATIONS": {"operations": [{"operation_id": {"value": "o"}, "agent_id": AGENT_ID}]},
    "MESSAGE": {"agent_id": AGENT_ID, "executor_id": {"value": "e"}, "data": "aGk="},
    "REQUEST": {"requests": [{"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}}]}]},
    "UPDATE_FRAMEWORK": {"framework_info": OWN_INFO, "suppressed_roles": []},
    "TEARDOWN": {},
}
WITHOUT_FIELD = {"REVIVE", "SUPPRESS", "TEARDOWN"}
EXECUTOR_CALLS: dict[str, dict[str, Any]] = {
    "SUBSCRIBE": {"unacknowledged_tasks": [], "unacknowledged_updates": []},
    "UPDATE": {
        "status": {"task_id": {"value": "a"}, "state": "TASK_RUNNING", "source": "SOURCE_EXECUTOR", "uuid": UUID}
    },
    "MESSAGE": {"data": "aGk="},
    "HEARTBEAT": {},
}


def scheduler_call(kind: str, framework_id: str = FRAMEWORK) -> dict[str, Any]:
    fields = CALLS[kind]
    return {"type": kind, "framework_id": {"value": framework_id}, **({kind.lower(): fields} if fields else {})}


def executor_call(kind: str, framework_id: str = FRAMEWORK_ID.value, executor_id: str = "a") -> dict[str, Any]:
    ids = {"framework_id": {"value": framework_id}, "executor_id": {"value": executor_id}}
    fields = EXECUTOR_CALLS[kind]
    return {"type": kind, **ids, **({kind.lower(): fields} if kind != "HEARTBEAT" else {})}


def body(call: dict[str, Any], media: MediaType, message: Any = scheduler.Call) -> bytes:
    return json.dumps(call).encode() if media is JSON else encode(msgspec.convert(call, message), media)


def test_no_call_is_missing() -> None:
    assert {*CALLS, "SUBSCRIBE"} == {each.name for each in scheduler.Call.Type} - {"UNKNOWN"}
    assert set(EXECUTOR_CALLS) == {each.name for each in executor.Call.Type} - {"UNKNOWN"}


@MEDIA
@pytest.mark.parametrize("kind", CALLS)
def test_scheduler_calls(kind: str, media: MediaType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_BODY_BYTES", 20_000)
    other = PROTOBUF if media is JSON else JSON

    async def scenario(running: Running) -> None:
        await running.register()
        async with running.subscribed() as (stream_id, _):
            good = {"Content-Type": media.value, STREAM_ID: stream_id}
            whole = body(scheduler_call(kind), media)

            async def check(expected: int, sent: Any, headers: dict[str, str], text: str | None = None) -> None:
                answer, said = await running.request("POST", SCHEDULER_PATH, headers, sent)
                assert (answer.status, text or said.decode()) == (expected, said.decode())
                if expected >= 400:
                    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
                assert FRAMEWORK in running.server.master.state.frameworks

            def without(name: str) -> dict[str, str]:
                return {key: value for key, value in good.items() if key != name}

            await check(400, whole, without("Content-Type"), "Expecting 'Content-Type' to be present")
            for wrong in ("text/plain", f"{media.value}; charset=utf-8", "application/recordio"):
                await check(415, whole, {**good, "Content-Type": wrong})
            await check(
                400, whole, without(STREAM_ID), "All non-subscribe calls should include the 'Mesos-Stream-Id' header"
            )
            for wrong in ("wrong", "", "ü"):
                await check(400, whole, {**good, STREAM_ID: wrong})
            unknown = body(scheduler_call(kind, "unknown"), media) if kind != "UPDATE_FRAMEWORK" else b""
            await check(400, unknown, good, "Framework cannot be found" if unknown else None)
            await check(400, body({"type": kind}, media), good)
            if kind not in WITHOUT_FIELD:
                problem = f"Failed to validate scheduler::Call: Expecting '{kind.lower()}' to be present"
                await check(400, body({"type": kind, "framework_id": {"value": FRAMEWORK}}, media), good, problem)
            for broken in (b"", b"{", b"[]", b"\xff\xff\xff", b"null", b"[" * 5000, b'"' + b"a" * 9, b"\x00", b"{}"):
                await check(400, broken, good)
            await check(400, whole, {**good, "Content-Type": other.value})
            await check(413, whole + b" " * 20_001, good)
            await check(413, in_pieces(b" " * 20_001), good)
            if media is JSON:
                nulls = {**dict.fromkeys(scheduler.Call.__struct_fields__), **scheduler_call(kind)}
                await check_taken(running, kind, in_pieces(json.dumps(nulls).encode()), good)
            else:
                await check_taken(running, kind, in_pieces(whole), good)
            if kind != "TEARDOWN":
                await check_taken(running, kind, whole, good)

    run(scenario)


async def check_taken(running: Running, kind: str, sent: Any, headers: dict[str, str]) -> None:
    answer, said = await running.request("POST", SCHEDULER_PATH, headers, sent)
    assert (answer.status, said) == (200 if kind == "UPDATE_FRAMEWORK" else 202, b"")
    assert answer.headers["Content-Length"] == "0"
    assert (FRAMEWORK in running.server.master.state.frameworks) == (kind != "TEARDOWN")


async def in_pieces(whole: bytes) -> AsyncIterator[bytes]:
    """Sent as chunks, without a length."""
    for start in range(0, len(whole), max(1, len(whole) // 3)):
        yield whole[start : start + max(1, len(whole) // 3)]


@MEDIA
@pytest.mark.parametrize("kind", CALLS)
def test_calls_of_a_framework_that_is_away(kind: str, media: MediaType) -> None:
    async def scenario(running: Running) -> None:
        async with running.subscribed() as (stream_id, _):
            pass
        while running.server.master.state.frameworks[FRAMEWORK].connected:
            await asyncio.sleep(0.01)
        headers = {"Content-Type": media.value, STREAM_ID: stream_id}
        answer, said = await running.request("POST", SCHEDULER_PATH, headers, body(scheduler_call(kind), media))
        assert (answer.status, said) == (403, b"Framework is not subscribed")

    run(scenario)


@MEDIA
@pytest.mark.parametrize("kind", EXECUTOR_CALLS)
def test_executor_calls(kind: str, media: MediaType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_BODY_BYTES", 20_000)
    other = PROTOBUF if media is JSON else JSON

    async def scenario(web: Web, session: aiohttp.ClientSession) -> None:
        web.run(agent_task("a"))
        good = {"Content-Type": media.value, "Accept": media.value}
        whole = body(executor_call(kind), media, executor.Call)

        async def check(expected: int, sent: Any, headers: dict[str, str], text: str | None = None) -> None:
            url = f"{web.url}/api/v1/executor"
            async with session.post(url, data=sent, headers=headers) as answer:
                said = await answer.text()
                assert (answer.status, text or said) == (expected, said)

        await check(400, whole, {"Accept": "*/*"}, "Expecting 'Content-Type' to be present")
        for wrong in ("text/plain", f"{media.value}; charset=utf-8", "application/recordio"):
            await check(415, whole, {**good, "Content-Type": wrong})
        unknown = body(executor_call(kind, framework_id="unknown"), media, executor.Call)
        await check(400, unknown, good, "Framework cannot be found")
        unknown = body(executor_call(kind, executor_id="unknown"), media, executor.Call)
        if kind != "UPDATE":
            await check(400, unknown, good, "Executor cannot be found")
        if kind != "HEARTBEAT":
            bare = {name: value for name, value in executor_call(kind).items() if name != kind.lower()}
            problem = f"Failed to validate executor::Call: Expecting '{kind.lower()}' to be present"
            await check(400, body(bare, media, executor.Call), good, problem)
        for broken in (b"", b"{", b"[]", b"\xff\xff\xff", b"null", b"[" * 5000, b'"' + b"a" * 9, b"\x00", b"{}"):
            await check(400, broken, good)
        await check(400, whole, {**good, "Content-Type": other.value})
        await check(413, whole + b" " * 20_001, good)
        await check(413, in_pieces(b" " * 20_001), good)
        if kind == "SUBSCRIBE":
            await check(406, whole, {**good, "Accept": "text/plain"})
            return
        await check(403, whole, good, "Executor is not subscribed")
        web.subscribe()
        await check(202, whole, good, "")
        if media is JSON:
            nulls = {**dict.fromkeys(executor.Call.__struct_fields__), **executor_call(kind)}
            await check(202, in_pieces(json.dumps(nulls).encode()), good, "")

    with_web(scenario)


ACCEPTS = [None, "*/*", "application/*", "text/html, */*;q=0.1", "application/json;q=0.5, application/json"]


@pytest.mark.parametrize("accept", ACCEPTS)
def test_any_accept_gives_json(accept: str | None) -> None:
    headers = {"Content-Type": JSON.value, **({"Accept": accept} if accept else {})}

    async def with_master(running: Running) -> None:
        call = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}}).encode()
        async with running.session.post(running.url + SCHEDULER_PATH, data=call, headers=headers) as answer:
            assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")

    async def with_agent(web: Web, session: aiohttp.ClientSession) -> None:
        web.run(agent_task("a"))
        call = json.dumps(executor_call("SUBSCRIBE")).encode()
        async with session.post(f"{web.url}/api/v1/executor", data=call, headers=headers) as answer:
            assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")

    run(with_master)
    with_web(with_agent)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_get_is_no_call(method: str) -> None:
    async def with_master(running: Running) -> None:
        answer, _ = await running.request(method, SCHEDULER_PATH)
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")

    async def with_agent(web: Web, session: aiohttp.ClientSession) -> None:
        async with session.request(method, f"{web.url}/api/v1/executor") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")

    run(with_master)
    with_web(with_agent)


@pytest.mark.parametrize("uuid", ["", "AAEC", UUID[:-4], f"AAAA{UUID}"])
def test_malformed_uuids(uuid: str) -> None:
    async def scenario(running: Running) -> None:
        async with running.subscribed() as (stream_id, _):
            call = scheduler_call("ACKNOWLEDGE")
            call["acknowledge"] = {**call["acknowledge"], "uuid": uuid}
            headers = {"Content-Type": JSON.value, STREAM_ID: stream_id}
            answer, said = await running.request("POST", SCHEDULER_PATH, headers, json.dumps(call).encode())
            assert (answer.status, said) == (400, b"Failed to validate scheduler::Call: Not a valid UUID")

    run(scenario)


def damaged(call: Any) -> Iterator[Any]:
    """The call with each of its parts, one after the other, replaced by what does not belong there."""
    for path in _paths(call):
        for odd in (None, "", "x", -1, 0, 1e308, 2**70, True, [], {}, [None], [{}], {"value": ""}, "\x00", "é" * 300):
            changed = copy.deepcopy(call)
            target = changed
            for step in path[:-1]:
                target = target[step]
            target[path[-1]] = odd
            yield changed


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _paths(item, (*path, key))


TASK = {
    "name": "t",
    "task_id": {"value": "t"},
    "agent_id": AGENT_ID,
    "resources": [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}, "role": "*"},
        {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 31001}]}},
        {"name": "mem", "type": "SCALAR", "scalar": {"value": 32.0}, "allocation_info": {"role": "*"}},
    ],
    "command": {"value": "true", "environment": {"variables": [{"name": "A", "value": "b"}]}, "uris": []},
    "kill_policy": {"grace_period": {"nanoseconds": 1}},
    "data": "aGk=",
    "labels": {"labels": [{"key": "k", "value": "v"}]},
}
LAUNCHING = {"type": "LAUNCH", "launch": {"task_infos": [TASK]}}


@pytest.mark.parametrize("kind", [*(kind for kind in CALLS if kind != "TEARDOWN"), "LAUNCH", "SUBSCRIBE"])
def test_no_damaged_call_is_an_error_of_ours(kind: str) -> None:
    """Taken or refused, whatever is in it: never a 500, and the framework lives on."""

    async def scenario(running: Running) -> None:
        await running.register()
        async with running.subscribed() as (stream_id, _):
            headers = {"Content-Type": JSON.value, STREAM_ID: stream_id}
            state = running.server.master.state
            if kind == "SUBSCRIBE":
                call = {"type": kind, "subscribe": {"framework_info": dict(INFO), "suppressed_roles": ["*"]}}
                del headers[STREAM_ID]
            else:
                call = scheduler_call("ACCEPT" if kind == "LAUNCH" else kind)
            seen = set()
            for changed in damaged({"operations": [LAUNCHING]} if kind == "LAUNCH" else call):
                if kind == "LAUNCH":
                    while not state.offers:
                        await asyncio.sleep(0.01)
                        state.allocator.revive(FRAMEWORK, ())
                        running.server.master._offers.allocate_soon()
                    offers = [{"value": each} for each in state.offers]
                    filters = {"refuse_seconds": 0}
                    changed = {**call, "accept": {"offer_ids": offers, "filters": filters, **changed}}
                sent = json.dumps(changed).encode()
                async with running.session.post(running.url + SCHEDULER_PATH, data=sent, headers=headers) as answer:
                    seen.add(answer.status)
                    said = "" if answer.status in (200, 202) else await answer.text()
                    assert answer.status in (200, 202, 400), (changed, said)
            assert seen <= {200, 202, 400}
            assert len(seen) == 2
            assert state.frameworks[FRAMEWORK].connected

    run(scenario)


def test_no_damaged_executor_call_is_an_error_of_ours() -> None:
    async def scenario(web: Web, session: aiohttp.ClientSession) -> None:
        web.run(agent_task("a"))
        web.subscribe()
        for kind in ("UPDATE", "MESSAGE"):
            call = executor_call(kind)
            if kind == "UPDATE":
                status = {"message": "m", "data": "aGk=", "labels": {"labels": [{"key": "k"}]}, "healthy": True}
                status |= {"timestamp": 1.5, "agent_id": AGENT_ID, "executor_id": {"value": "a"}}
                call["update"]["status"] = {**call["update"]["status"], **status}
            for changed in damaged(call):
                headers = {"Content-Type": JSON.value}
                sent = json.dumps(changed).encode()
                async with session.post(f"{web.url}/api/v1/executor", data=sent, headers=headers) as answer:
                    assert answer.status in (202, 400), (changed, await answer.text())
        assert web.event_types()[0] == ExecutorEvent.Type.SUBSCRIBED

    with_web(scenario)


@pytest.mark.parametrize("kind", CALLS)
def test_no_cut_protobuf_is_an_error_of_ours(kind: str) -> None:
    """Every beginning of a call, and the call with every byte changed."""

    async def scenario(running: Running) -> None:
        whole = body(scheduler_call(kind), PROTOBUF)
        headers = {"Content-Type": PROTOBUF.value, STREAM_ID: "none"}
        cut = [whole[:end] for end in range(len(whole))]
        for place in range(len(whole)):
            cut.append(whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1 :])
        for each in cut:
            answer, said = await running.request("POST", SCHEDULER_PATH, headers, each)
            assert answer.status in (400, 406), (each, said)

    run(scenario)
