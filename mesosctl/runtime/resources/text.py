"""Resources as they are written in flags: `cpus:4;mem:8192;ports:[31000-32000];disk(role):100`, or a JSON array."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

from mesosctl.runtime.protocol.codec import decode
from mesosctl.runtime.protocol.errors import DecodeError
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.resources import validation
from mesosctl.runtime.resources.amounts import Ranges
from mesosctl.runtime.resources.errors import ResourcesError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DIGITS = re.compile(r"[0-9]+")


def parse(text: str, default_role: str) -> list[Resource]:
    """Valid resources, fit for a flag. What names no role gets the default one. Raises ResourcesError."""
    resources = list(_of_json(text, default_role) or _of_text(text, default_role))
    types: dict[str, Value.Type] = {}
    for resource in resources:
        validation.check(resource)
        _check_flag(resource)
        if types.setdefault(resource.name, resource.type) is not resource.type:
            raise ResourcesError(
                f"Resources with the same name ('{resource.name}') but different types are not allowed"
            )
    return resources


def _check_flag(resource: Resource) -> None:
    """These come about at run time only."""
    if resource.disk is not None and resource.disk.persistence is not None:
        raise ResourcesError("Persistent volumes cannot be specified at the command line")
    if resource.revocable is not None:
        raise ResourcesError(
            "Revocable resources cannot be specified at the command line; do not include a 'revocable' key in the"
            " resources JSON"
        )
    dynamic = Resource.ReservationInfo.Type.DYNAMIC
    if resource.reservation is not None or (resource.reservations and resource.reservations[-1].type is dynamic):
        raise ResourcesError(
            "Dynamic reservations cannot be specified at the command line; do not include a reservation with DYNAMIC"
            " type in the resources JSON"
        )


def _of_json(text: str, default_role: str) -> Iterator[Resource] | None:
    """None where the text is no JSON array."""
    try:
        entries = json.loads(text)
    except ValueError:
        return None
    return (_of_entry(entry, default_role) for entry in entries) if isinstance(entries, list) else None


def _of_entry(entry: object, default_role: str) -> Resource:
    try:
        resource = decode(Resource, json.dumps(entry).encode())
    except DecodeError as error:
        raise ResourcesError(f"Some JSON resources were not formatted properly: {error}") from None
    if resource.role is None and not resource.reservations:
        return msgspec.structs.replace(resource, role=default_role)
    return resource


def _of_text(text: str, default_role: str) -> Iterator[Resource]:
    for token in filter(None, text.split(";")):
        parts = [part for part in token.split(":") if part]
        if len(parts) != 2:
            raise ResourcesError(f"Bad value for resources, missing or extra ':' in {token}")
        name, role = parts[0].strip(), default_role
        if "(" in name:
            name, _, rest = name.partition("(")
            role, closed, _ = rest.partition(")")
            if not closed or ")" in name:
                raise ResourcesError(f"Bad value for resources, mismatched parentheses in {token}")
            name, role = name.strip(), role.strip()
        yield _resource(name, parts[1], role)


def _resource(name: str, value: str, role: str) -> Resource:
    try:
        parsed = _value(value.replace(" ", ""))
    except ResourcesError as error:
        raise ResourcesError(f"Failed to parse resource {name} value {value} error {error}") from None
    if parsed.type is Value.Type.TEXT:
        raise ResourcesError(f"Bad type for resource {name} value {value} type TEXT")
    return Resource(name=name, type=parsed.type, scalar=parsed.scalar, ranges=parsed.ranges, set=parsed.set, role=role)


def _value(text: str) -> Value:
    if not text:
        raise ResourcesError("Expecting non-empty string")
    if any(not _balanced(text, *brackets) for brackets in ("{}", "[]", "()")):
        raise ResourcesError("Mismatched brackets")
    if text.startswith("["):
        return Value(Value.Type.RANGES, ranges=_ranges([t for t in re.split(r"[\[\]\-,\n]", text) if t]))
    if "[" in text:
        raise ResourcesError("Unexpected '[' found")
    if text.startswith("{"):
        return Value(Value.Type.SET, set=Value.Set(tuple(t for t in re.split(r"[{},\n]", text) if t)))
    if "{" in text:
        raise ResourcesError("Unexpected '{' found")
    if _NUMBER.fullmatch(text):
        return Value(Value.Type.SCALAR, scalar=Value.Scalar(float(text)))
    return Value(Value.Type.TEXT, text=Value.Text(text))


def _ranges(tokens: list[str]) -> Value.Ranges:
    if len(tokens) % 2:
        raise ResourcesError('Expecting one or more "ranges"')
    for begin, end in zip(tokens[::2], tokens[1::2], strict=True):
        if not (_DIGITS.fullmatch(begin) and _DIGITS.fullmatch(end)):
            raise ResourcesError(f"Expecting non-negative integers in '{end}'")
    joined = Ranges.of((int(b), int(e)) for b, e in zip(tokens[::2], tokens[1::2], strict=True))
    return Value.Ranges(tuple(Value.Range(*bounds) for bounds in joined.bounds))


def _balanced(text: str, opening: str, closing: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == opening) - (character == closing)
        if depth < 0:
            return False
    return depth == 0
