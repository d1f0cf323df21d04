"""Every call of the operator APIs of a master and an agent over real HTTP, in both encodings, with bad input: refused
with Mesos' status, and never an error of ours.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from mesosctl.runtime.http import server
from mesosctl.runtime.protocol import agent, master
from tests.unit.master_cluster import AGENT, FRAMEWORK
from tests.unit.test_agent_endpoints import Web, with_web
from tests.unit.test_api_bad_input import JSON, MEDIA, PROTOBUF, body, damaged, in_pieces
from tests.unit.test_master_http import Running, run

AGENT_ID = {"value": AGENT}
CPUS = {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}}
RESERVED = {**CPUS, "reservations": [{"type": "DYNAMIC", "role": "a", "principal": "p"}]}
VOLUME = {
    **RESERVED,
    "name": "disk",
    "disk": {"persistence": {"id": "v", "principal": "p"}, "volume": {"mode": "RW", "container_path": "v"}},
}
MACHINE = {"hostname": "h", "ip": "10.0.0.1"}
WINDOW = {
    "machine_ids": [MACHINE],
    "unavailability": {"start": {"nanoseconds": 10**18}, "duration": {"nanoseconds": 10**9}},
}
LEVEL = {"level": 1, "duration": {"nanoseconds": 10**9}}
METRICS = {"timeout": {"nanoseconds": 10**9}}
ON_MASTER: dict[str, dict[str, Any]] = {
    "GET_METRICS": METRICS,
    "SET_LOGGING_LEVEL": LEVEL,
    "LIST_FILES": {"path": "/nowhere"},
    "READ_FILE": {"path": "/nowhere", "offset": 0, "length": 10},
    "UPDATE_WEIGHTS": {"weight_infos": [{"role": "a", "weight": 2.0}]},
    "RESERVE_RESOURCES": {"agent_id": AGENT_ID, "resources": [RESERVED], "source": []},
    "UNRESERVE_RESOURCES": {"agent_id": AGENT_ID, "resources": [RESERVED]},
    "CREATE_VOLUMES": {"agent_id": AGENT_ID, "volumes": [VOLUME]},
    "DESTROY_VOLUMES": {"agent_id": AGENT_ID, "volumes": [VOLUME]},
    "GROW_VOLUME": {"agent_id": AGENT_ID, "volume": VOLUME, "addition": {**RESERVED, "name": "disk"}},
    "SHRINK_VOLUME": {"agent_id": AGENT_ID, "volume": VOLUME, "subtract": {"value": 0.1}},
    "UPDATE_MAINTENANCE_SCHEDULE": {"schedule": {"windows": [WINDOW]}},
    "START_MAINTENANCE": {"machines": [MACHINE]},
    "STOP_MAINTENANCE": {"machines": [MACHINE]},
    "DRAIN_AGENT": {"agent_id": AGENT_ID, "max_grace_period": {"seconds": 1}, "mark_gone": False},
    "DEACTIVATE_AGENT": {"agent_id": AGENT_ID},
    "REACTIVATE_AGENT": {"agent_id": AGENT_ID},
    "UPDATE_QUOTA": {"force": False, "quota_configs": [{"role": "a", "limits": {"cpus": {"value": 1.0}}}]},
    "SET_QUOTA": {"quota_request": {"force": True, "role": "a", "guarantee": [CPUS]}},
    "REMOVE_QUOTA": {"role": "a"},
    "TEARDOWN": {"framework_id": {"value": FRAMEWORK}},
    "MARK_AGENT_GONE": {"agent_id": AGENT_ID},
}
CONTAINER = {"value": "c", "parent": {"value": "p"}}
COMMAND = {"value": "true", "shell": True, "environment": {"variables": [{"name": "A", "value": "b"}]}}
LAUNCH = {"container_id": CONTAINER, "command": COMMAND, "resources": [CPUS], "container": {"type": "MESOS"}}
PROVIDER = {"type": "t", "name": "n"}
ON_AGENT: dict[str, dict[str, Any]] = {
    "GET_METRICS": METRICS,
    "SET_LOGGING_LEVEL": LEVEL,
    "LIST_FILES": {"path": "/nowhere"},
    "READ_FILE": {"path": "/nowhere", "offset": 0, "length": 10},
    "GET_CONTAINERS": {"show_nested": True, "show_standalone": True},
    "LAUNCH_NESTED_CONTAINER": {"container_id": CONTAINER, "command": COMMAND},
    "WAIT_NESTED_CONTAINER": {"container_id": CONTAINER},
    "KILL_NESTED_CONTAINER": {"container_id": CONTAINER, "signal": 9},
    "REMOVE_NESTED_CONTAINER": {"container_id": CONTAINER},
    "LAUNCH_NESTED_CONTAINER_SESSION": {"container_id": CONTAINER, "command": COMMAND},
    "ATTACH_CONTAINER_INPUT": {"type": "CONTAINER_ID", "container_id": CONTAINER},
    "ATTACH_CONTAINER_OUTPUT": {"container_id": CONTAINER},
    "LAUNCH_CONTAINER": LAUNCH,
    "WAIT_CONTAINER": {"container_id": CONTAINER},
    "KILL_CONTAINER": {"container_id": CONTAINER, "signal": 9},
    "REMOVE_CONTAINER": {"container_id": CONTAINER},
    "ADD_RESOURCE_PROVIDER_CONFIG": {"info": PROVIDER},
    "UPDATE_RESOURCE_PROVIDER_CONFIG": {"info": PROVIDER},
    "REMOVE_RESOURCE_PROVIDER_CONFIG": {"type": "t", "name": "n"},
    "MARK_RESOURCE_PROVIDER_GONE": {"resource_provider_id": {"value": "r"}},
    "PRUNE_IMAGES": {"excluded_images": []},
}
OPTIONAL = {"GET_CONTAINERS", "PRUNE_IMAGES"}
"""May come without their field."""
REFUSED = range(400, 500)
NOT_IMPLEMENTED = 501

Post = Callable[[Any, dict[str, str]], Awaitable[tuple[int, str]]]


def call(kind: str, fields: dict[str, Any] | None) -> dict[str, Any]:
    return {"type": kind, **({kind.lower(): fields} if fields is not None else {})}


def with_master(scenario: Callable[[Post], Awaitable[None]]) -> None:
    async def play(running: Running) -> None:
        await running.register()

        async def post(sent: Any, headers: dict[str, str]) -> tuple[int, str]:
            answer, said = await running.request("POST", "/api/v1", headers, sent)
            return answer.status, said.decode(errors="replace")

        await scenario(post)
        assert running.server.master.state.options.info.id

    run(play)


def with_agent(scenario: Callable[[Post], Awaitable[None]]) -> None:
    async def play(web: Web, session: aiohttp.ClientSession) -> None:
        async def post(sent: Any, headers: dict[str, str]) -> tuple[int, str]:
            async with session.post(f"{web.url}/api/v1", data=sent, headers=headers) as answer:
                return answer.status, (await answer.read()).decode(errors="replace")

        await scenario(post)

    with_web(play)


SIDES = {"master": (with_master, master.Call, ON_MASTER), "agent": (with_agent, agent.Call, ON_AGENT)}
KINDS = [
    (side, each.name) for side, (_, message, _) in SIDES.items() for each in message.Type if each.name != "UNKNOWN"
]
EVERY = pytest.mark.parametrize(("side", "kind"), KINDS, ids=["-".join(each) for each in KINDS])


@pytest.mark.parametrize("side", SIDES)
def test_no_field_is_missing(side: str) -> None:
    _, message, fields = SIDES[side]
    assert {kind.lower() for kind in fields} == set(message.__struct_fields__) - {"type"}


@MEDIA
@EVERY
def test_calls(side: str, kind: str, media: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_BODY_BYTES", 20_000)
    play, message, fields = SIDES[side]
    other = PROTOBUF if media is JSON else JSON
    whole = body(call(kind, fields.get(kind)), media, message)
    good = {"Content-Type": media.value, "Accept": media.value}

    async def scenario(post: Post) -> None:
        async def check(expected: int, sent: Any, headers: dict[str, str], text: str | None = None) -> None:
            status, said = await post(sent, headers)
            assert (status, text or said) == (expected, said)

        await check(400, whole, {"Accept": media.value}, "Expecting 'Content-Type' to be present")
        for wrong in ("text/plain", f"{media.value}; charset=utf-8"):
            await check(415, whole, {**good, "Content-Type": wrong})
        for broken in (b"", b"{", b"[]", b"\xff\xff\xff", b"null", b"[" * 5000, b'"' + b"a" * 9, b"\x00", b"{}"):
            await check(400, broken, good)
        await check(400, whole, {**good, "Content-Type": other.value})
        await check(413, whole + b" " * 20_001, good)
        await check(413, in_pieces(b" " * 20_001), good)
        if kind in fields and kind not in OPTIONAL:
            problem = f"Failed to validate {side}::Call: Expecting '{kind.lower()}' to be present"
            await check(400, body(call(kind, None), media, message), good, problem)
        await check(406, whole, {**good, "Accept": "text/plain"})

    play(scenario)


@pytest.mark.parametrize(("side", "kind"), [(side, kind) for side in SIDES for kind in SIDES[side][2]])
def test_no_damaged_call_is_an_error_of_ours(side: str, kind: str) -> None:
    """Taken or refused, whatever is in it."""
    play, _, fields = SIDES[side]
    # A command of its own would be run: only the container's id is damaged there.
    given = {"container_id": CONTAINER} if kind == "LAUNCH_CONTAINER" else fields[kind]

    async def scenario(post: Post) -> None:
        for changed in damaged(given):
            sent = json.dumps(call(kind, changed)).encode()
            status, said = await post(sent, {"Content-Type": JSON.value})
            assert status in (200, 202, NOT_IMPLEMENTED) or status in REFUSED, (changed, said)
        status, _ = await post(json.dumps({"type": "GET_HEALTH"}).encode(), {"Content-Type": JSON.value})
        assert status == 200

    play(scenario)


@EVERY
def test_no_cut_protobuf_is_an_error_of_ours(side: str, kind: str) -> None:
    """Every beginning of a call."""
    play, message, fields = SIDES[side]
    whole = body(call(kind, fields.get(kind)), PROTOBUF, message)

    async def scenario(post: Post) -> None:
        for end in range(len(whole)):
            status, said = await post(whole[:end], {"Content-Type": PROTOBUF.value, "Accept": "text/plain"})
            assert status in (*REFUSED, NOT_IMPLEMENTED), (end, said)

    play(scenario)
