"""The operator API of a master: the errors of calls, both encodings, what it answers of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.master import Call, Response
from mesosctl.runtime.protocol.operator import CommonCall
from tests.unit.mesos_golden import Exchange, exchanges
from tests.unit.test_master_http import Running, body_of, run

Errors = [
    each
    for each in exchanges()
    if each.name.startswith("operator-master/")
    and each.response["status"] >= 400
    and each.name.partition("/")[2].startswith(("ERR", "GET_"))
]
JSON = {"Content-Type": "application/json"}


async def ask(running: Running, kind: str, **fields: Any) -> Any:
    """The Response to a call, as JSON values; None where the answer is empty."""
    body = json.dumps({"type": kind, **({kind.lower(): fields} if fields else {})}).encode()
    answer, text = await running.request("POST", "/api/v1", JSON, body)
    assert answer.status in (200, 202), text
    return json.loads(text) if text else None


@pytest.mark.parametrize("exchange", Errors, ids=lambda each: each.name.partition("/")[2])
def test_recorded_errors(exchange: Exchange) -> None:
    async def scenario(running: Running) -> None:
        headers = dict(exchange.request["headers"])
        answer, body = await running.request("POST", exchange.request["path"], headers, body_of(exchange.request))
        assert (answer.status, body.decode()) == (exchange.response["status"], exchange.response["body"] or "")
        if body:
            assert answer.headers["Content-Type"] == exchange.response["headers"]["Content-Type"]

    run(scenario)


def test_protobuf_both_ways() -> None:
    async def scenario(running: Running) -> None:
        kind = MediaType.PROTOBUF.value
        call = encode(Call(type=Call.Type.GET_VERSION), MediaType.PROTOBUF)
        answer, body = await running.request("POST", "/api/v1", {"Content-Type": kind, "Accept": kind}, call)
        assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
        response = decode(Response, body, MediaType.PROTOBUF)
        assert response.get_version
        assert response.get_version.version_info.version == "1.11.0"

    run(scenario)


def test_what_a_master_says_of_itself() -> None:
    async def scenario(running: Running) -> None:
        assert (await ask(running, "GET_HEALTH"))["get_health"] == {"healthy": True}
        flags = (await ask(running, "GET_FLAGS"))["get_flags"]["flags"]
        assert {"name": "work_dir", "value": "/var/lib/mesos"} in flags
        metrics = (await ask(running, "GET_METRICS", timeout={"nanoseconds": 10**9}))["get_metrics"]["metrics"]
        assert {"name": "master/elected", "value": 1.0} in metrics

    run(scenario)


READS = [kind for kind in Call.Type if kind.startswith("GET_")]


@pytest.mark.parametrize("kind", READS)
def test_every_read_in_both_encodings(kind: Call.Type) -> None:
    """What passes with time is left out."""

    async def scenario(running: Running) -> None:
        await running.register()
        async with running.subscribed() as (_, read):
            for _ in range(3):
                await read()
            found = []
            for media in (MediaType.JSON, MediaType.PROTOBUF):
                call = Call(type=kind, get_metrics=CommonCall.GetMetrics())
                headers = {"Content-Type": media.value, "Accept": media.value}
                answer, body = await running.request("POST", "/master/api/v1", headers, encode(call, media))
                assert (answer.status, answer.headers["Content-Type"]) == (200, media.value)
                found.append(decode(Response, body, media))
            assert found[0].type == kind
            if kind is Call.Type.GET_METRICS:
                assert found[0].get_metrics
                assert found[1].get_metrics
                names = [[metric.name for metric in each.get_metrics.metrics] for each in found]
                assert names[0] == names[1]
            else:
                assert found[0] == found[1]

    run(scenario)
