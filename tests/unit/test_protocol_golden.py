"""What a real Mesos said, read and written again by ours: no field lost, none added, the same refusals."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mesosctl.runtime.protocol import agent, master
from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.errors import DecodeError, Refusal
from mesosctl.runtime.protocol.negotiation import agent_media, request_media, response_media
from mesosctl.runtime.protocol.wire import WireMessage, fields
from tests.unit.mesos_golden import Exchange, exchanges

EXCHANGES = list(exchanges())
each = pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)

# Fields and enum values that no Mesos knows; it ignores them, and so do we.
UNKNOWN = {"bogus", "foo"}
UNKNOWN_TYPES = {"NOPE", "NO_SUCH_CALL"}


def written_again(message: type[WireMessage], recorded: Any) -> Any:
    """A recorded body, decoded, through both encodings, and as JSON again."""
    if "base64" in recorded:
        first = decode(message, base64.b64decode(recorded["base64"]), MediaType.PROTOBUF)
    else:
        first = decode(message, json.dumps(recorded).encode())
    for media_type in (MediaType.JSON, MediaType.PROTOBUF):
        assert decode(message, encode(first, media_type), media_type) == first
    return json.loads(encode(first))


def expected_of_request(message: type[WireMessage], body: dict[str, Any]) -> dict[str, Any]:
    """A request as Mesos itself would write it: without what it does not know, with the defaults it always writes."""
    known = {field.name: field for field in fields(message)}
    expected: dict[str, Any] = {}
    for name, value in body.items():
        if name in UNKNOWN or (name == "type" and value in UNKNOWN_TYPES) or value == []:
            continue
        field = known[name]
        if field.kind != "message" or field.label == "map":
            expected[name] = value
        elif isinstance(value, list):
            expected[name] = [expected_of_request(field.type, item) for item in value]
        else:
            expected[name] = expected_of_request(field.type, value)
    return {**defaults(message), **expected}


def defaults(message: type[WireMessage]) -> dict[str, Any]:
    named: dict[str, dict[str, Any]] = {
        "FrameworkInfo": {"failover_timeout": 0.0, "checkpoint": False},
        "CommandInfo": {"shell": True},
        "CommandInfo.URI": {"extract": True},
        "Filters": {"refuse_seconds": 5.0},
        "Environment.Variable": {"type": "VALUE"},
    }
    return named.get(message.__qualname__, {})


def test_all_recordings_are_here() -> None:
    assert len(EXCHANGES) > 170
    assert sum(len(exchange.events) for exchange in EXCHANGES) > 120


@each
def test_answers_and_events_come_out_as_they_went_in(exchange: Exchange) -> None:
    if isinstance(exchange.response["body"], dict):
        body = exchange.response["body"]
        again = written_again(exchange.api.Response, body)
        assert "base64" in body or again == body
    for event in exchange.events:
        again = written_again(exchange.api.Event, event)
        assert "base64" in event or again == event


@each
def test_requests_are_understood_or_refused_as_by_mesos(exchange: Exchange) -> None:
    body, answer = exchange.request["body"], exchange.response["body"]
    if exchange.request["method"] != "POST":
        return
    refused = isinstance(answer, str) and answer.startswith(("Failed to parse", "Failed to convert"))
    raw = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    media_type = MediaType.JSON
    if exchange.request["headers"].get("Content-Type") == MediaType.PROTOBUF:
        media_type = MediaType.PROTOBUF
    if refused:
        with pytest.raises(DecodeError) as error:
            decode(exchange.api.Call, raw, media_type)
        assert str(error.value) == answer
    else:
        assert written_again(exchange.api.Call, body) == expected_of_request(exchange.api.Call, body)


def chosen_media(exchange: Exchange) -> MediaType | tuple[int, str] | None:
    """The encoding of the answer by the headers of the request, or status and text of the refusal."""
    headers = exchange.request["headers"]
    content_type, accept = headers.get("Content-Type"), headers.get("Accept")
    try:
        if exchange.api is agent:
            return agent_media(content_type, None, accept, None).accept
        request_media(content_type)
        # The scheduler API looks at Accept only where it answers with a stream.
        streams = exchange.api is master or exchange.response["status"] in (200, 406)
        return response_media(accept) if streams else None
    except Refusal as refusal:
        return refusal.status, refusal.text


@each
def test_headers_are_accepted_or_refused_as_by_mesos(exchange: Exchange) -> None:
    status, answer = exchange.response["status"], exchange.response["body"]
    if exchange.request["method"] != "POST":
        return
    chosen = chosen_media(exchange)
    if isinstance(answer, str) and ("'Content-Type'" in answer or "'Accept'" in answer):
        assert chosen == (status, answer)
    elif status == 200:
        assert chosen == exchange.response["headers"].get("Content-Type", chosen)
    else:
        assert not isinstance(chosen, tuple)


def test_the_protobuf_stream_of_a_master_says_what_its_json_stream_says() -> None:
    """Two subscribers saw the same cluster, one in each encoding."""
    streams = {exchange.name: exchange.events for exchange in EXCHANGES}
    in_json = [decode(master.Event, json.dumps(e).encode()) for e in streams["operator-master/SUBSCRIBE-stream"]]
    in_protobuf = [
        decode(master.Event, base64.b64decode(event["base64"]), MediaType.PROTOBUF)
        for event in streams["operator-master/SUBSCRIBE-stream-protobuf"]
    ]
    assert len(in_json) == 40
    assert in_protobuf == in_json
