"""RecordIO in pieces of any size, and the headers of agents' streams."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesosctl.runtime.protocol.codec import MediaType
from mesosctl.runtime.protocol.errors import RecordError, Refusal
from mesosctl.runtime.protocol.negotiation import AgentMedia, accepts, agent_media
from mesosctl.runtime.protocol.recordio import RecordDecoder, frame

JSON, PROTOBUF, RECORDIO = MediaType.JSON, MediaType.PROTOBUF, MediaType.RECORDIO


@given(st.lists(st.binary(max_size=30)), st.lists(st.integers(1, 12), min_size=1))
def test_records_come_out_whole_however_the_stream_is_cut(records: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(map(frame, records))
    decoder = RecordDecoder()
    found, turn = [], 0
    while stream:
        size = sizes[turn % len(sizes)]
        found += decoder.feed(stream[:size])
        stream, turn = stream[size:], turn + 1
    decoder.close()
    assert found == records


def test_records_come_as_soon_as_they_are_there() -> None:
    decoder = RecordDecoder()
    assert decoder.feed(b"3\nab") == []
    assert decoder.feed(b"c0\n2\nx") == [b"abc", b""]
    assert decoder.feed(b"y") == [b"xy"]


@pytest.mark.parametrize("stream", [b"x", b"-1\n", b"\n", b"+1\na", b"1 \na", b"1" * 21, b"1" * 21 + b"\n"])
def test_what_is_no_length_ends_the_stream_for_good(stream: bytes) -> None:
    decoder = RecordDecoder()
    for chunk in (stream, b"", b"1\na"):
        with pytest.raises(RecordError, match="Failed to decode length"):
            decoder.feed(chunk)
    with pytest.raises(RecordError):
        decoder.close()


def test_records_over_the_limit_are_refused_before_they_are_read() -> None:
    with pytest.raises(RecordError, match="11 bytes is more than the 10 allowed"):
        RecordDecoder(max_record_bytes=10).feed(b"11\n")


@pytest.mark.parametrize("rest", [b"1", b"1\n", b"2\na"])
def test_an_end_within_a_record_is_told(rest: bytes) -> None:
    decoder = RecordDecoder()
    decoder.feed(rest)
    with pytest.raises(RecordError, match="within a record"):
        decoder.close()


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        (None, True),
        ("application/json", True),
        ("APPLICATION/JSON", True),
        ("text/html, application/*;q=0.2", True),
        ("*/*", True),
        ("*/*, application/json;q=0", False),
        ("application/json; q=0.0", False),
        ("application/json; q=none", False),
        ("application/x-protobuf", False),
        ("text/*", False),
        ("", False),
    ],
)
def test_accept(header: str | None, allowed: bool) -> None:
    assert accepts(header, JSON) is allowed


@pytest.mark.parametrize(
    ("content", "message_content", "accept", "message_accept", "expected"),
    [
        (JSON, None, None, None, AgentMedia(JSON, JSON)),
        (PROTOBUF, None, "application/x-protobuf", None, AgentMedia(PROTOBUF, PROTOBUF)),
        (JSON, None, RECORDIO, JSON, AgentMedia(JSON, RECORDIO, None, JSON)),
        (JSON, None, RECORDIO, None, AgentMedia(JSON, RECORDIO, None, JSON)),
        (RECORDIO, PROTOBUF, JSON, None, AgentMedia(RECORDIO, JSON, PROTOBUF)),
        (None, None, None, None, (400, "Expecting 'Content-Type' to be present")),
        (RECORDIO, None, None, None, (400, "Expecting 'Message-Content-Type' to be set for streaming requests")),
        (
            RECORDIO,
            "text/plain",
            None,
            None,
            (415, "Expecting 'Message-Content-Type' of application/json or application/x-protobuf"),
        ),
        (JSON, JSON, None, None, (415, "Expecting 'Message-Content-Type' to be not set for non-streaming requests")),
        (JSON, None, JSON, JSON, (406, "Expecting 'Message-Accept' to be not set for non-streaming responses")),
        (
            JSON,
            None,
            RECORDIO,
            "text/plain",
            (406, "Expecting 'Message-Accept' to allow application/json or application/x-protobuf"),
        ),
    ],
)
def test_media_of_an_agents_calls(
    content: str | None,
    message_content: str | None,
    accept: str | None,
    message_accept: str | None,
    expected: AgentMedia | tuple[int, str],
) -> None:
    try:
        chosen: AgentMedia | tuple[int, str] = agent_media(content, message_content, accept, message_accept)
    except Refusal as refusal:
        chosen = (refusal.status, refusal.text)
    assert chosen == expected
