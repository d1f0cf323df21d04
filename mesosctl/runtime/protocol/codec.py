"""Messages to bytes and back, in both encodings that Mesos speaks, and its words for what cannot be read."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TypeVar

import msgspec

from mesosctl.runtime.protocol.protobuf import from_protobuf, to_protobuf
from mesosctl.runtime.protocol.tolerant import from_json
from mesosctl.runtime.protocol.wire import WireMessage

M = TypeVar("M", bound=WireMessage)


class MediaType(StrEnum):
    """The media types of bodies. RECORDIO is a frame around messages of one of the others."""

    JSON = "application/json"
    PROTOBUF = "application/x-protobuf"
    RECORDIO = "application/recordio"


_json = msgspec.json.Encoder()


def encode(message: WireMessage, media_type: MediaType = MediaType.JSON) -> bytes:
    """The message as JSON on one line, or as protobuf. Raises ValueError where a number does not fit protobuf."""
    return to_protobuf(message) if media_type is MediaType.PROTOBUF else _json.encode(message)


def decode(message: type[M], body: bytes, media_type: MediaType = MediaType.JSON) -> M:
    """The message in `body`. Unknown fields and unknown optional enum values are dropped, JSON null means unset.

    Raises DecodeError with the text that Mesos answers.
    """
    if media_type is MediaType.PROTOBUF:
        return from_protobuf(message, body)
    try:
        decoded: M = _decoder(message).decode(body)  # type: ignore[assignment]
        return decoded
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return from_json(message, body)


@cache
def _decoder(message: type[WireMessage]) -> msgspec.json.Decoder[WireMessage]:
    return msgspec.json.Decoder(message)
