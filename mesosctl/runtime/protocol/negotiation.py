"""Which encodings a request uses and wants: its headers in, a choice or a Refusal out.

Masters and the executor API read one message a request; the operator API of an agent also takes and gives streams.
"""

from __future__ import annotations

from dataclasses import dataclass

from mesosctl.runtime.protocol.codec import MediaType
from mesosctl.runtime.protocol.errors import Refusal

JSON, PROTOBUF, RECORDIO = MediaType.JSON, MediaType.PROTOBUF, MediaType.RECORDIO


@dataclass(frozen=True)
class AgentMedia:
    """The encodings of an exchange with an agent's operator API. The `message_` ones are set for streams only."""

    content: MediaType
    accept: MediaType
    message_content: MediaType | None = None
    message_accept: MediaType | None = None


def request_media(content_type: str | None) -> MediaType:
    """The encoding of a request body. Refuses with 400 where the header is absent, else 415.

    Parameters of the media type (`; charset=…`) are refused too, as by Mesos.
    """
    return _content(content_type, (JSON, PROTOBUF))


def response_media(accept: str | None) -> MediaType:
    """The encoding of the answer; JSON wins where both do. Refuses with 406."""
    for media_type in (JSON, PROTOBUF):
        if accepts(accept, media_type):
            return media_type
    raise Refusal(406, f"Expecting 'Accept' to allow '{PROTOBUF}' or '{JSON}'")


def agent_media(
    content_type: str | None, message_content_type: str | None, accept: str | None, message_accept: str | None
) -> AgentMedia:
    """The encodings of a call to an agent's operator API, from its four headers. Refuses with 400, 406 or 415."""
    content = _content(content_type, (JSON, PROTOBUF, RECORDIO))
    message_content = None
    if content is RECORDIO:
        if message_content_type is None:
            raise Refusal(400, "Expecting 'Message-Content-Type' to be set for streaming requests")
        message_content = _one_of(message_content_type, "Message-Content-Type", (JSON, PROTOBUF))
    elif message_content_type is not None:
        raise Refusal(415, "Expecting 'Message-Content-Type' to be not set for non-streaming requests")

    accepted = next((media_type for media_type in (JSON, PROTOBUF, RECORDIO) if accepts(accept, media_type)), None)
    if accepted is None:
        raise Refusal(406, f"Expecting 'Accept' to allow {JSON} or {PROTOBUF} or {RECORDIO}")
    if accepted is not RECORDIO:
        if message_accept is not None:
            raise Refusal(406, "Expecting 'Message-Accept' to be not set for non-streaming responses")
        return AgentMedia(content, accepted, message_content)
    for media_type in (JSON, PROTOBUF):
        if accepts(message_accept, media_type):
            return AgentMedia(content, accepted, message_content, media_type)
    raise Refusal(406, f"Expecting 'Message-Accept' to allow {JSON} or {PROTOBUF}")


def accepts(header: str | None, media_type: MediaType) -> bool:
    """Whether an Accept header allows a media type. No header allows all; the most exact range decides."""
    if header is None:
        return True
    ranges: dict[str, float] = {}
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        ranges.setdefault(name, _quality(parameters))
    family = media_type.value.partition("/")[0]
    for candidate in (media_type.value, f"{family}/*", "*/*"):
        if candidate in ranges:
            return ranges[candidate] > 0
    return False


def _quality(parameters: list[str]) -> float:
    """The `q` among the parameters of a media range, 1 if there is none, 0 if it is no number."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0
    return 1


def _content(content_type: str | None, allowed: tuple[MediaType, ...]) -> MediaType:
    if content_type is None:
        raise Refusal(400, "Expecting 'Content-Type' to be present")
    return _one_of(content_type, "Content-Type", allowed)


def _one_of(value: str, header: str, allowed: tuple[MediaType, ...]) -> MediaType:
    for media_type in allowed:
        if value == media_type.value:
            return media_type
    raise Refusal(415, f"Expecting '{header}' of {' or '.join(allowed)}")
