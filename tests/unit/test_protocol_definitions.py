"""Our message definitions against the published interface, in an implementation of protobuf that knows only that."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesosctl.runtime.protocol import agent, executor, master, operator, scheduler, statistics
from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.tolerant import from_json
from mesosctl.runtime.protocol.wire import Field, WireEnum, WireMessage, fields
from tests.unit.mesos_golden import FOLDER

ROOTS = (
    scheduler.Call,
    scheduler.Event,
    scheduler.Response,
    executor.Call,
    executor.Event,
    master.Call,
    master.Response,
    master.Event,
    agent.Call,
    agent.Response,
    agent.ProcessIO,
    statistics.ResourceUsage,
)
each_root = pytest.mark.parametrize(
    "root", ROOTS, ids=lambda root: f"{root.__module__.rpartition('.')[2]}.{root.__name__}"
)


# The published interface -------------------------------------------------------------------------------------------


@dataclass
class Outline:
    """A message or an enum of `messages.txt`."""

    name: str
    is_map: bool = False
    enum: dict[str, int] | None = None
    nested: dict[str, Outline] = field(default_factory=dict)
    fields: list[list[str]] = field(default_factory=list)


@cache
def published() -> dict[str, dict[str, Outline]]:
    """Package ("common", "scheduler", …) to its top messages."""
    packages: dict[str, dict[str, Outline]] = {}
    stack: list[tuple[int, dict[str, Outline], Outline | None]] = []
    for line in (FOLDER / "messages.txt").read_text().splitlines():
        indent, words = len(line) - len(line.lstrip()), line.split()
        if line.startswith("@"):
            stack = [(-1, packages.setdefault(line[1:], {}), None)]
            continue
        while stack[-1][0] >= indent:
            stack.pop()
        _, siblings, parent = stack[-1]
        if words[0] == "message":
            outline = Outline(words[1], is_map=words[-1] == "MAP")
            siblings[outline.name] = outline
            stack.append((indent, outline.nested, outline))
        elif words[0] == "enum":
            name = words[1].rstrip(":")
            siblings[name] = Outline(name, enum={k: int(v) for k, _, v in (w.partition("=") for w in words[2:])})
        else:
            assert parent
            parent.fields.append(words)
    return packages


def published_name(message: type[WireMessage] | type[WireEnum]) -> str:
    """Within its package. What both operator APIs have is defined once, outside of their Call and Response."""
    return (
        message.__qualname__.removeprefix("Common") if message.__module__ == operator.__name__ else message.__qualname__
    )


def outline_of(message: type[WireMessage] | type[WireEnum]) -> Outline:
    if message.__module__ == operator.__name__:
        of_masters, of_agents = (_outline(package, published_name(message)) for package in ("master", "agent"))
        assert of_masters == of_agents
        return of_masters
    return _outline(message.__module__.rpartition(".")[2], published_name(message))


def _outline(package: str, message: str) -> Outline:
    top, *path = message.split(".")
    found = published().get(package, published()["common"]).get(top) or published()["common"][top]
    for name in path:
        found = found.nested[name]
    return found


def reachable() -> list[type[WireMessage]]:
    found: list[type[WireMessage]] = list(ROOTS)
    for message in found:
        for f in fields(message):
            if f.kind == "message" and f.type not in found:
                found.append(f.type)
    return found


@pytest.mark.parametrize(
    "message", reachable(), ids=lambda message: f"{message.__module__[27:]}.{message.__qualname__}"
)
def test_definition_is_the_published_one(message: type[WireMessage]) -> None:
    outline = outline_of(message)
    ours = {}
    for f in fields(message):
        kind = f.kind if f.type is None else published_name(f.type)
        ours[f.name] = (
            f.number,
            {"required": "req", "optional": "opt", "repeated": "rep", "map": "map"}[f.label],
            kind,
        )
    theirs = {}
    for number, label, kind, name, *_ in outline.fields:
        entry = outline.nested.get(kind.rpartition(".")[2])
        if entry and entry.is_map:
            label, kind = "map", next(words[2] for words in entry.fields if words[3] == "value")
        theirs[name] = (int(number), label, kind)
    assert ours == theirs
    for f in fields(message):
        if f.kind == "enum":
            assert {member.value: member.number for member in f.type} == outline_of(f.type).enum


@pytest.mark.parametrize(
    "message", reachable(), ids=lambda message: f"{message.__module__[27:]}.{message.__qualname__}"
)
def test_declared_defaults_are_the_published_ones(message: type[WireMessage]) -> None:
    declared = {words[3]: words[4][1:] for words in outline_of(message).fields if len(words) > 4}
    for info in msgspec.structs.fields(message):
        if info.name in declared and not info.required and info.default_factory is not msgspec.NODEFAULT:
            value = info.default_factory()
            text = declared.pop(info.name)
            if isinstance(value, float):
                assert value == float(text)
            else:
                assert str(value) == (text.capitalize() if isinstance(value, bool) else text)
    # Not ours: deprecated fields, whose default Mesos does not write, and those of required fields.
    assert set(declared) <= {"role", "port"}


# The same bytes to another implementation ----------------------------------------------------------------------------


@cache
def their_class(root: type[WireMessage]) -> Any:
    """A protobuf class for `root`, made from the published interface alone."""
    file = descriptor_pb2.FileDescriptorProto(name="published.proto", syntax="proto2")
    common = file.package = "common"
    for outline in published()[common].values():
        _add(file.message_type, file.enum_type, outline, common, common)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    done = [file.name]
    for package in published():
        if package != common:
            other = descriptor_pb2.FileDescriptorProto(name=package, package=package, syntax="proto2", dependency=done)
            for outline in published()[package].values():
                _add(other.message_type, other.enum_type, outline, package, package)
            pool.Add(other)
            done.append(package)
    package = root.__module__.rpartition(".")[2]
    package = package if package in published() else common
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{root.__qualname__}"))


def _add(messages: Any, enums: Any, outline: Outline, scope: str, package: str) -> None:
    if outline.enum is not None:
        enum = enums.add(name=outline.name)
        for name, value in outline.enum.items():
            enum.value.add(name=name, number=value)
        return
    proto = messages.add(name=outline.name)
    proto.options.map_entry = outline.is_map
    for inner in outline.nested.values():
        _add(proto.nested_type, proto.enum_type, inner, f"{scope}.{outline.name}", package)
    for number, label, kind, name, *_ in outline.fields:
        slot = proto.field.add(name=name, number=int(number))
        slot.label = {"opt": 1, "req": 2, "rep": 3}[label]
        if kind in PLAIN:
            slot.type = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
        else:
            top = kind.partition(".")[0]
            where = next(p for p in (package, "common", *published()) if top in published()[p])
            slot.type_name = f".{where}.{kind}"


# Messages by chance --------------------------------------------------------------------------------------------------

PLAIN = {
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "string": st.text(max_size=6),
    "bytes": st.binary(max_size=6),
}


@st.composite
def instances(draw: st.DrawFn, message: type[WireMessage], depth: int = 6) -> WireMessage:
    """A message with its required fields and some of the others; deep ones only as far as they must."""
    optional = [f for f in fields(message) if f.label != "required" and (depth > 0 or f.kind != "message")]
    chosen = draw(st.lists(st.sampled_from(optional), unique=True, max_size=3)) if optional else []
    values: dict[str, Any] = {}
    for f in (*(f for f in fields(message) if f.label == "required"), *chosen):
        one = values_of(f, depth)
        if f.label == "repeated":
            values[f.name] = tuple(draw(st.lists(one, min_size=1, max_size=2)))
        elif f.label == "map":
            values[f.name] = draw(st.dictionaries(st.text(max_size=3), one, min_size=1, max_size=2))
        else:
            values[f.name] = draw(one)
    return message(**values)


def values_of(f: Field, depth: int) -> st.SearchStrategy[Any]:
    if f.kind == "message":
        return instances(f.type, depth - 1)
    return st.sampled_from(list(f.type)) if f.kind == "enum" else PLAIN[f.kind]


@each_root
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_messages_survive_both_encodings(root: type[WireMessage], data: st.DataObject) -> None:
    message = data.draw(instances(root))
    in_json, in_protobuf = encode(message), encode(message, MediaType.PROTOBUF)
    assert b"\n" not in in_json
    assert decode(root, in_json) == message
    assert from_json(root, in_json) == message
    assert decode(root, in_protobuf, MediaType.PROTOBUF) == message

    theirs = their_class(root).FromString(in_protobuf)
    again = their_class(root)()
    json_format.ParseDict(json.loads(in_json), again)
    assert again == theirs
    assert decode(root, theirs.SerializeToString(), MediaType.PROTOBUF) == message
