"""The spec, the model, the JSON Schema, the example and what `init` writes say the same."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mesosctl.inventory import model, nodes, spec
from mesosctl.inventory.example import example
from mesosctl.inventory.initial import initial, targets
from mesosctl.inventory.load import read_bytes
from mesosctl.inventory.reader import Reader
from mesosctl.inventory.schema import json_schema
from mesosctl.inventory.section import REQUIRED, Overrides, Section, Variants

EXAMPLE = Path(__file__).parents[2] / "inventory.example.yaml"

NOT_DECLARED = {"Cluster": {"path", "state_dir", "keys", "bundles"}, "Host": {"name", "certificate", "key"}}
"""Fields of the model that do not come from a key of the same name."""
OTHER_DEFAULTS = {("Mesos", "quorum"): "auto", ("Mesos", "cluster"): None, ("Host", "ssh"): None}
"""Keys whose default the loader replaces."""
OUTSIDE_THE_MODEL = {("Cluster", "ssh")}
"""Keys that are merged into the hosts."""


def sections(section: Section) -> Iterator[Section]:
    yield section
    for key in section.keys.values():
        kind = getattr(key.kind, "value", key.kind)
        kind = kind.section if isinstance(kind, Overrides) else kind
        for inner in kind.sections if isinstance(kind, Variants) else (kind,):
            if isinstance(inner, Section):
                yield from sections(inner)


ALL = {section.model.__name__: section for section in sections(spec.INVENTORY)}


def test_the_example_file_is_the_generated_one() -> None:
    assert EXAMPLE.read_text() == example(), "write the result of example() there"


def test_every_section_of_the_model_has_a_spec() -> None:
    declared = {
        name
        for name, item in vars(model).items()
        if dataclasses.is_dataclass(item) and name not in {"Secret", "ProxyUrl", "Keys", "Platform", "Bundle"}
    }
    assert set(ALL) == declared


@pytest.mark.parametrize("name", sorted(ALL))
def test_keys_and_defaults_are_those_of_the_model(name: str) -> None:
    section = ALL[name]
    fields = {field.name: field for field in dataclasses.fields(getattr(model, name))}
    expected = fields.keys() - NOT_DECLARED.get(name, set())
    assert {key for key in section.keys if (name, key) not in OUTSIDE_THE_MODEL} == expected
    for key in section.keys.values():
        if (name, key.name) in OUTSIDE_THE_MODEL:
            continue
        field = fields[key.name]
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if (name, key.name) in OTHER_DEFAULTS:
            assert key.default == OTHER_DEFAULTS[name, key.name]
        elif (name, key.name) == ("Host", "address"):
            assert key.default is None
        else:
            assert key.default == default or (key.default is REQUIRED and default is dataclasses.MISSING)


def test_every_key_is_explained_in_one_sentence() -> None:
    for section in ALL.values():
        for key in section.keys.values():
            assert key.doc.endswith("."), key.name
            assert len(key.doc) < 125, key.name


def test_every_key_is_in_the_example() -> None:
    def names(section: Section, text: Any) -> None:
        assert isinstance(text, dict)
        for key in section.keys.values():
            assert key.name in text
            if isinstance(key.kind, Section) and text[key.name] is not None:
                names(key.kind, text[key.name])

    text = yaml.safe_load(example())
    names(spec.INVENTORY, text)
    names(spec.HOST, text["hosts"]["node1"])
    for name in ("tarball", "credentials"):  # optional sections are shown as comments
        section = spec.ZOOKEEPER.keys[name].kind
        assert isinstance(section, Section)
        for key in section.keys:
            assert re.search(rf"^  #   {key}: \S", example(), re.M)


def test_the_example_is_valid_without_a_warning_and_is_what_the_defaults_are() -> None:
    full = read_bytes(example().encode(), EXAMPLE)
    assert full.problems == ()
    hosts = yaml.safe_load(example())["hosts"]
    short = read_bytes(yaml.safe_dump({"name": "demo", "hosts": hosts}).encode(), EXAMPLE)
    assert full.cluster is not None
    assert full.cluster == short.cluster


def test_the_schema_is_valid_and_takes_the_example() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(example()), schema)


def test_the_schema_describes_every_key_and_no_other() -> None:
    def look(schema: Any, section: Section) -> None:
        assert schema["additionalProperties"] is False
        for key in section.keys.values():
            described = schema["properties"][key.name]
            assert described["description"] == key.doc
            if isinstance(key.kind, Section):
                look(described["anyOf"][0] if key.optional else described, key.kind)
            elif isinstance(key.default, (str, int, float)):
                assert described["default"] == key.default
        extra = schema["properties"].keys() - section.keys.keys()
        assert all(schema["properties"][name]["deprecated"] for name in extra)

    schema = json_schema()
    look(schema, spec.INVENTORY)
    look(schema["properties"]["hosts"]["additionalProperties"], spec.HOST)


@pytest.mark.parametrize("value", ["x", "-1", "0", "1.5", "99999999", "true", "[a]", "{a: b}", "/srv", "a b"])
@pytest.mark.parametrize("name", sorted(ALL))
def test_what_the_schema_refuses_is_refused(name: str, value: str) -> None:
    """The schema may be laxer than the reader, stricter only where YAML takes a text for a number or a truth value."""
    section = ALL[name]
    data = yaml.safe_load(value)
    for key in section.keys.values():
        schema = section.schema()["properties"][key.name]
        forms = (data, value) if isinstance(data, (bool, int, float)) else (data,)
        if any(jsonschema.Draft202012Validator(schema).is_valid(form) for form in forms):
            continue
        reader = Reader(Path())
        node = nodes.compose(f"{key.name}: {value}\n", reader.malformed)
        assert node is not None
        section.values(node, (), reader)
        assert reader.findings, (key.name, value)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 40])
def test_init_writes_what_is_valid(count: int) -> None:
    text = initial("demo", targets([f"ops@192.0.2.{number}" for number in range(1, count + 1)]))
    loaded = read_bytes(text.encode(), Path("inventory.yaml"))
    assert loaded.problems == ()
    assert loaded.cluster is not None
    assert len(loaded.cluster.hosts) == count
    roles = [sorted(host.roles) for host in loaded.cluster.hosts]
    servers = ["marathon", "master", "zookeeper"]
    if count >= 4:
        assert roles == [servers] * 3 + [["agent"]] * (count - 3)
    elif count == 3:
        assert roles == [["agent", *servers]] * 3
    else:
        assert roles == ([["agent", *servers], ["agent"]])[:count]


def test_what_init_comments_out_is_valid_too() -> None:
    text = initial("demo", targets(["ops@192.0.2.1", "ops@192.0.2.2"]))
    active = re.sub(r"^( *)# (?= *[a-z_]+:( |$))", r"\1", text, flags=re.M)
    assert len(active) < len(text) - 20
    loaded = read_bytes(active.encode(), Path("inventory.yaml"), require_secrets=False)
    assert [problem.message for problem in loaded.errors] == []
    assert loaded.cluster is not None
    assert str(loaded.cluster.proxy.http) == "http://proxy.example.com:8080/"
    jsonschema.validate(yaml.safe_load(active), json_schema())
