"""`inventory.example.yaml`: every key of the spec with its default, in the words of the spec."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from mesosctl.inventory.section import Key, Section
from mesosctl.inventory.spec import HOST, INVENTORY

_HEADER = """\
An inventory with every key and its default. Leave out what you do not change.
`mesosctl init HOST...` writes a short one for your hosts, `mesosctl validate` checks one,
`mesosctl schema` prints its JSON Schema for editors.
Secrets are references: env:NAME (a variable of the environment) or file:PATH (a file only you can read).
"""
_HOSTS: Mapping[str, Mapping[str, Any]] = {
    "node1": {"address": "192.0.2.11", "roles": ("zookeeper", "master", "marathon"), "zookeeper_id": 1},
    "node2": {"address": "192.0.2.12", "roles": ("zookeeper", "master", "marathon"), "zookeeper_id": 2},
    "node3": {"address": "192.0.2.13", "roles": ("zookeeper", "master", "marathon"), "zookeeper_id": 3},
    "node4": {"address": "192.0.2.14", "roles": ("agent",)},
    "node5": {"address": "192.0.2.15", "roles": ("agent",)},
}
_WIDTH = 100


def example() -> str:
    """The text of the file."""
    lines = [f"# {line}" for line in _HEADER.splitlines()]
    for key in INVENTORY.keys.values():
        lines += ["", *_key(key, "")]
    return "\n".join(lines) + "\n"


def comment(text: str, indent: str) -> list[str]:
    """A text as comment lines."""
    return [f"{indent}# {line}" for line in textwrap.wrap(text, _WIDTH - len(indent), break_long_words=False)]


def flow(value: Any) -> str:
    """A value of the model as YAML on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return _text(str(value))


def _text(text: str) -> str:
    """Text without quotes where no reader of YAML could take it for something else."""
    word = re.fullmatch(r"[A-Za-z/~][A-Za-z0-9_./~@+-]*(:[A-Za-z0-9_./~@+-]+)*", text)
    address = re.fullmatch(r"[0-9]+(\.[0-9]+){3}", text)
    if (word or address) and text.lower() not in ("true", "false", "yes", "no", "on", "off", "null", "y", "n", "~"):
        return text
    import json

    return json.dumps(text, ensure_ascii=False)


def described(key: Key, indent: str) -> list[str]:
    """The comment above a key: what it is for, its range, and an example where the default shows none."""
    note = f" ({key.kind.note})" if key.kind.note else ""
    lines = comment(key.doc + note, indent)
    if key.example and not key.required and not isinstance(key.kind, Section):
        lines.append(f"{indent}# For instance: {key.example}")
    return lines


def _key(key: Key, indent: str) -> Iterator[str]:
    yield from described(key, indent)
    if key.name == "hosts" and not indent:
        yield "hosts:"
        for number, (name, values) in enumerate(_HOSTS.items()):
            yield f"  {name}:"
            yield from _host(values, "    ", every=number == 0)
    elif isinstance(key.kind, Section):
        children = [line for child in key.kind.keys.values() for line in _key(child, "  ")]
        if key.optional:
            yield f"{indent}{key.name}: null"
            children = [f"# {line}" for line in (f"{key.name}:", *children)]
        else:
            yield f"{indent}{key.name}:"
        yield from (indent + line for line in children)
    else:
        yield f"{indent}{key.name}: {key.example if key.required else flow(key.default)}"


def _host(values: Mapping[str, Any], indent: str, *, every: bool) -> Iterator[str]:
    for key in HOST.keys.values():
        if every:
            yield from described(key, indent)
        if every or key.name in values:
            yield f"{indent}{key.name}: {flow(values.get(key.name, key.default))}"
