"""JSON to messages as liberally as Mesos reads it, and its words where even that fails.

The codec comes here when the strict decoder refuses a body. What Mesos' own reader lets pass: null for unset, numbers
and booleans in strings, one value where a list is expected, unknown values of optional enums (dropped). Problems are
found in its order: the fields of an object by name, then all missing required fields at once.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

from mesosctl.runtime.protocol.errors import DecodeError
from mesosctl.runtime.protocol.wire import Field, WireMessage, fields

M = TypeVar("M", bound=WireMessage)

_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def from_json(message: type[M], body: bytes) -> M:
    """The message in a JSON body. Raises DecodeError."""
    try:
        value = parse(body)
    except DecodeError as error:
        raise DecodeError(f"Failed to parse body into JSON: {error}") from None
    try:
        return from_value(message, value)
    except DecodeError as error:
        raise DecodeError(f"Failed to convert JSON into {message.__name__} protobuf: {error}") from None


def parse(body: bytes) -> Any:
    """Any JSON. Raises DecodeError."""
    return _parse(body.decode("utf-8", "replace"))


def from_value(message: type[M], value: object) -> M:
    """The message in JSON that was parsed. Raises DecodeError."""
    if not isinstance(value, dict):
        raise DecodeError("Expecting a JSON object")
    draft = _draft(message, value)
    if missing := list(_missing(message, draft, "")):
        raise DecodeError(f"Missing required fields: {', '.join(missing)}")
    return _build(message, draft)


def _parse(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            raise DecodeError(f"Parsed JSON included non-whitespace trailing characters: {text[error.pos :]}") from None
        near = text[error.pos :].lstrip().split("\n", 1)[0]
        raise DecodeError(f"syntax error at line {error.lineno} near: {near}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, NaN, or a tower of brackets
        raise DecodeError("syntax error at line 1 near: ") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _draft(message: type[WireMessage], values: dict[str, Any]) -> dict[str, Any]:
    """The values of a message by field name, converted; messages in it are drafts themselves, lists are lists."""
    known = {field.name: field for field in fields(message)}
    draft: dict[str, Any] = {}
    for name in sorted(values.keys() & known.keys()):
        field = known[name]
        if field.label == "map":
            draft[name] = _map(field, values[name])
            continue
        found = list(_values(field, values[name]))
        if field.label == "repeated":
            draft[name] = found
        elif found:
            draft[name] = found[0]
    return draft


def _map(field: Field, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DecodeError(f"Not expecting a JSON {_json_type(value)} for field '{field.name}'")
    inner = Field("value", 2, "optional", field.kind, field.type)
    return {key: found for key in sorted(value) for found in _values(inner, value[key])}


def _values(field: Field, value: Any) -> Iterator[Any]:
    """What one JSON value gives a field: nothing for null, several for an array."""
    if value is None:
        return
    if isinstance(value, list):
        if field.label != "repeated":
            raise DecodeError(f"Not expecting a JSON array for field '{field.name}'")
        for item in value:
            yield from _values(field, item)
    elif field.kind == "message" and isinstance(value, dict):
        yield _draft(field.type, value)
    elif field.kind == "string" and isinstance(value, str):
        yield value
    elif field.kind == "bytes" and isinstance(value, str):
        yield _bytes(field, value)
    elif field.kind == "enum" and isinstance(value, str):
        if value in field.type.__members__:
            yield field.type[value]
        elif field.label == "required":
            raise DecodeError(f"Failed to find enum for '{value}'")
    elif field.kind == "bool":
        yield _bool(field, value)
    elif field.kind == "double" or field.kind in _RANGES:
        yield _number(field, value)
    else:
        raise DecodeError(f"Not expecting a JSON {_json_type(value)} for field '{field.name}'")


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, str] = {dict: "object", list: "array", str: "string"}
    return names.get(type(value), "number")


def _bytes(field: Field, text: str) -> bytes:
    digits = "".join(text.split()).split("=", 1)[0]
    if wrong := next((digit for digit in digits if digit not in _BASE64), None):
        raise DecodeError(f"Failed to base64 decode bytes field '{field.name}': Invalid character '{wrong}'")
    if len(digits) % 4 == 1:  # six bits are no byte
        digits = digits[:-1]
    return base64.b64decode(digits + "=" * (-len(digits) % 4))


def _bool(field: Field, value: Any) -> bool:
    parsed = _unquote(field, value, "boolean")
    if not isinstance(parsed, bool):
        raise DecodeError(f"Not expecting a JSON {_json_type(value)} for field '{field.name}'")
    return parsed


def _number(field: Field, value: Any) -> int | float:
    if field.kind == "double" and value in ("Infinity", "-Infinity"):
        return math.inf if value == "Infinity" else -math.inf
    number = _unquote(field, value, "number")
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise DecodeError(f"Not expecting a JSON {_json_type(value)} for field '{field.name}'")
    try:
        if field.kind == "double":
            return float(number)
        low, high = _RANGES[field.kind]
        if low <= int(number) <= high:
            return int(number)
    except OverflowError:
        pass
    raise DecodeError(f"The number for field '{field.name}' is out of range")


def _unquote(field: Field, value: Any, expected: str) -> Any:
    """The JSON number or boolean that a string holds; other values as they are."""
    if not isinstance(value, str):
        return value
    try:
        parsed = _parse(value)
        if _json_type(parsed) != expected:
            raise DecodeError("Unexpected JSON type parsed")
    except DecodeError as error:
        raise DecodeError(f"Failed to parse '{value}' as a JSON {expected} for field '{field.name}': {error}") from None
    return parsed


def _missing(message: type[WireMessage], draft: dict[str, Any], path: str) -> Iterator[str]:
    for field in fields(message):
        if field.label == "required" and field.name not in draft:
            yield f"{path}{field.name}"
    for field in sorted(fields(message), key=lambda field: field.number):
        if field.kind != "message" or field.name not in draft:
            continue
        value = draft[field.name]
        if field.label == "map":
            for index, item in enumerate(value.values()):
                yield from _missing(field.type, item, f"{path}{field.name}[{index}].value.")
        elif field.label == "repeated":
            for index, item in enumerate(value):
                yield from _missing(field.type, item, f"{path}{field.name}[{index}].")
        else:
            yield from _missing(field.type, value, f"{path}{field.name}.")


def _build(message: type[M], draft: dict[str, Any]) -> M:
    values: dict[str, Any] = {}
    for field in fields(message):
        if field.name in draft:
            value = draft[field.name]
            if field.label == "map":
                values[field.name] = {key: _built(field, item) for key, item in value.items()}
            elif field.label == "repeated":
                values[field.name] = tuple(_built(field, item) for item in value)
            else:
                values[field.name] = _built(field, value)
    return message(**values)


def _built(field: Field, value: Any) -> Any:
    return _build(field.type, value) if field.kind == "message" else value
