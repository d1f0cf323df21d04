"""What every message is made of: the base struct, enums, number types, and how a definition is read back.

One class defines a message for both encodings. A field is `name: Annotated[type, number]`: the name is its JSON
name, the number its protobuf field number. The type says the rest:

- no default: required. `X | None = None`: optional, None when unset. `tuple[X, ...] = ()`: repeated.
  `dict[str, X]`: a protobuf map.
- `written(value)`: a default that Mesos writes in JSON even where the field was never set.

Unset fields are not written. Messages are immutable and share freely; `msgspec.structs.replace` makes a changed one.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    Self,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

T = TypeVar("T")

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1), "int32"]
Int64 = Annotated[int, "int64"]
UInt32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1), "uint32"]
UInt64 = Annotated[int, msgspec.Meta(ge=0), "uint64"]

Kind = Literal["message", "enum", "string", "bytes", "bool", "double", "int32", "int64", "uint32", "uint64"]
Label = Literal["required", "optional", "repeated", "map"]

_PLAIN: dict[Any, Kind] = {str: "string", bytes: "bytes", bool: "bool", float: "double"}


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class WireMessage(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Base of all messages. `gc=False` is safe: messages are trees, they cannot refer back to themselves."""


class WireEnum(StrEnum):
    """Base of all enums: a member's value is its name on the wire in JSON, `number` its protobuf number."""

    _value_: str
    number: int

    def __new__(cls, name: str, number: int) -> Self:
        member = str.__new__(cls, name)
        member._value_ = name
        member.number = number
        return member


def written(value: T) -> T:
    """A field default that is written in JSON although it is the default."""
    # msgspec leaves out plain defaults only; one that comes from a factory is written.
    return msgspec.field(default_factory=lambda: value)


@dataclass(frozen=True)
class Field:
    """One field of a message, as its annotation says. `type` is the message or enum class of such a field."""

    name: str
    number: int
    label: Label
    kind: Kind
    type: Any = None


@cache
def fields(message: type[WireMessage]) -> tuple[Field, ...]:
    """The fields of a message in the order of their definition."""
    hints = get_type_hints(message, include_extras=True)
    required = {f.name for f in msgspec.structs.fields(message) if f.required}
    return tuple(_field(name, hints[name], name in required) for name in message.__struct_fields__)


def _field(name: str, annotation: Any, required: bool) -> Field:
    inner, *marks, number = get_args(annotation)
    label: Label = "required" if required else "optional"
    origin = get_origin(inner)
    if origin is tuple:
        label, inner = "repeated", get_args(inner)[0]
    elif origin is dict:
        label, inner = "map", get_args(inner)[1]
    elif origin in (Union, types.UnionType):
        inner = next(option for option in get_args(inner) if option is not type(None))
    if get_origin(inner) is Annotated:
        inner, *marks = get_args(inner)
    if marks:
        return Field(name, number, label, marks[-1])
    if inner in _PLAIN:
        return Field(name, number, label, _PLAIN[inner])
    return Field(name, number, label, "enum" if issubclass(inner, WireEnum) else "message", inner)
