"""Messages to protobuf bytes and back, by Google's protobuf runtime.

The runtime gets a proto2 file made from the structs, so there is no second definition. Type names never appear on the
wire, so all messages that one root needs live flat in one file of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError as ParseError

from mesosctl.runtime.protocol.errors import DecodeError
from mesosctl.runtime.protocol.wire import Field, WireEnum, WireMessage, fields

M = TypeVar("M", bound=WireMessage)

_FieldProto = descriptor_pb2.FieldDescriptorProto
_LABELS = {
    "required": _FieldProto.LABEL_REQUIRED,
    "optional": _FieldProto.LABEL_OPTIONAL,
    "repeated": _FieldProto.LABEL_REPEATED,
    "map": _FieldProto.LABEL_REPEATED,
}


def to_protobuf(message: WireMessage) -> bytes:
    """The protobuf encoding. Raises ValueError where a number does not fit its field or a text is not Unicode."""
    values = msgspec.to_builtins(message, builtin_types=(bytes,))
    if _has_map(type(message)):
        values = _with_entries(type(message), values)
    encoded: bytes = _binding(type(message))(**values).SerializeToString()
    return encoded


def from_protobuf(message: type[M], data: bytes) -> M:
    """The message in `data`; unknown fields and enum numbers are dropped. Raises DecodeError.

    Unlike Mesos' reader this one refuses texts that are not UTF-8.
    """
    try:
        parsed = _binding(message).FromString(data)
        return cast(M, _reader(message)(parsed))
    except (ParseError, TypeError):  # TypeError: a required field is missing, or a text is not Unicode
        raise DecodeError(f"Failed to parse body into {message.__name__} protobuf") from None


@cache
def _binding(root: type[WireMessage]) -> Any:
    """The runtime's class for `root`. Making it takes some milliseconds, once a root."""
    messages = _reachable(root)
    names = {message: f"M{index}" for index, message in enumerate(messages)}
    file = descriptor_pb2.FileDescriptorProto(name="mesosctl.proto", package="mesosctl", syntax="proto2")
    for message in messages:
        _describe(file.message_type.add(name=names[message]), message, names)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"mesosctl.{names[root]}"))


def _describe(
    proto: descriptor_pb2.DescriptorProto, message: type[WireMessage], names: dict[type[WireMessage], str]
) -> None:
    scope = f".mesosctl.{proto.name}"
    for field in fields(message):
        slot = proto.field.add(name=field.name, number=field.number, label=_LABELS[field.label])
        if field.label == "map":
            entry = proto.nested_type.add(name=f"Entry{field.number}")
            entry.field.add(name="key", number=1, label=_FieldProto.LABEL_OPTIONAL, type=_FieldProto.TYPE_STRING)
            value = entry.field.add(name="value", number=2, label=_FieldProto.LABEL_OPTIONAL)
            slot.type, slot.type_name = _FieldProto.TYPE_MESSAGE, f"{scope}.{entry.name}"
            slot = value
        if field.kind == "message":
            slot.type, slot.type_name = _FieldProto.TYPE_MESSAGE, f".mesosctl.{names[field.type]}"
        elif field.kind == "enum":
            # The values of an enum share a name space with their siblings: each enum gets a message around it.
            holder = proto.nested_type.add(name=f"Enum{field.number}")
            enum = holder.enum_type.add(name="Values")
            for member in field.type:
                enum.value.add(name=member.value, number=member.number)
            slot.type, slot.type_name = _FieldProto.TYPE_ENUM, f"{scope}.{holder.name}.Values"
        else:
            slot.type = _FieldProto.Type.Value(f"TYPE_{field.kind.upper()}")


def _reachable(root: type[WireMessage]) -> list[type[WireMessage]]:
    """`root` and all messages that its fields lead to."""
    found = [root]
    for message in found:
        found += {f.type: None for f in fields(message) if f.kind == "message" and f.type not in found}
    return found


@cache
def _has_map(message: type[WireMessage]) -> bool:
    return any(field.label == "map" for reached in _reachable(message) for field in fields(reached))


@cache
def _map_paths(message: type[WireMessage]) -> dict[str, Field]:
    """The fields of `message` that are maps or lead to one."""
    return {f.name: f for f in fields(message) if f.label == "map" or (f.kind == "message" and _has_map(f.type))}


def _with_entries(message: type[WireMessage], values: dict[str, Any]) -> dict[str, Any]:
    """`values` with maps as the list of entries that they are on the wire. Untouched where there is none."""
    changed: dict[str, Any] = {}
    for name, field in _map_paths(message).items():
        value = values.get(name)
        if not value:
            continue
        if field.label == "map":
            deep = field.kind == "message" and _has_map(field.type)
            changed[name] = [
                {"key": key, "value": _with_entries(field.type, item) if deep else item} for key, item in value.items()
            ]
        elif field.label == "repeated":
            changed[name] = [_with_entries(field.type, item) for item in value]
        else:
            changed[name] = _with_entries(field.type, value)
    return {**values, **changed} if changed else values


@cache
def _reader(message: type[WireMessage]) -> Callable[[Any], WireMessage]:
    """A function that makes the struct from the runtime's message."""
    converters = {f.number: (f.name, _converter(f)) for f in fields(message)}

    def read(parsed: Any) -> WireMessage:
        values = {}
        for descriptor, value in parsed.ListFields():
            name, convert = converters[descriptor.number]
            values[name] = convert(value) if convert else value
        return message(**values)

    return read


def _converter(field: Field) -> Callable[[Any], Any] | None:
    """How the runtime's value of a field becomes ours; None where it is the same."""
    one = _single(field)
    if field.label == "repeated":
        return (lambda values: tuple(map(one, values))) if one else tuple
    if field.label == "map":
        return lambda entries: {_text(entry.key): one(entry.value) if one else entry.value for entry in entries}
    return one


def _single(field: Field) -> Callable[[Any], Any] | None:
    if field.kind == "enum":
        members: dict[int, WireEnum] = {member.number: member for member in field.type}
        return members.__getitem__
    if field.kind == "message":
        inner = field.type

        def read_inner(parsed: Any) -> WireMessage:
            # Looked up late: a message may contain itself.
            return _reader(inner)(parsed)

        return read_inner
    return _text if field.kind == "string" else None


def _text(value: str | bytes) -> str:
    # The runtime gives bytes for what is not UTF-8, which JSON could not carry on.
    if isinstance(value, bytes):
        raise TypeError("not Unicode")
    return value
