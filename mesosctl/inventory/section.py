"""Sections of an inventory: mappings with known keys. Defaults come from the model's dataclasses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from mesosctl.inventory import nodes
from mesosctl.inventory.kinds import Choice, Kind, describe
from mesosctl.inventory.problem import nearest
from mesosctl.inventory.reader import INVALID, KeyPath, Reader

REQUIRED: Any = dataclasses.MISSING
"""The default of a key that must be given."""
FROM_MODEL: Any = object()

Finish = Callable[[dict[str, Any], KeyPath, Reader], Any]


class Key:
    """One key: its kind, what it is for in one sentence, and an example where the default shows none.

    `default` is given only where the inventory's default differs from the model's: REQUIRED, or a word such as `auto`
    that the loader replaces. `example` is YAML text. `common` keys appear in what `mesosctl init` writes.
    """

    def __init__(
        self,
        name: str,
        kind: Kind,
        doc: str,
        *,
        default: Any = FROM_MODEL,
        example: str = "",
        synonyms: tuple[str, ...] = (),
        common: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.doc = doc
        self.default = default
        self.example = example
        self.synonyms = synonyms
        self.common = common

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def optional(self) -> bool:
        """Whether nothing (`null`) is a value."""
        return self.default is None


class Section(Kind):
    """A mapping with known keys that becomes an instance of `model`.

    `finish` makes the instance from the values where that takes more than passing them on.
    """

    def __init__(self, model: Callable[..., Any], doc: str, *keys: Key, finish: Finish | None = None) -> None:
        self.model = model
        self.doc = doc
        self.keys = {key.name: key for key in keys}
        self.expected = "a mapping with the keys " + ", ".join(self.keys)
        self._by_word = {word: key for key in keys for word in (key.name, *key.synonyms)}
        self._finish = finish
        defaults = _defaults(model)
        for key in keys:
            if key.default is FROM_MODEL:
                key.default = defaults[key.name]

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        values = self.values(node, path, reader)
        if values is None or any(key.required and key.name not in values for key in self.keys.values()):
            return INVALID
        return self._finish(values, path, reader) if self._finish else self.model(**values)

    def values(self, node: nodes.Node, path: KeyPath, reader: Reader) -> dict[str, Any] | None:
        """The values that are given and right, by key; None where the node is no mapping."""
        if isinstance(node, nodes.Scalar) and node.null:
            node = nodes.Mapping(node.mark)
        if not isinstance(node, nodes.Mapping):
            name = f"`{path[-1]}`" if path else "the inventory"
            reader.error(node.mark, f"{name} is {describe(node)}", expected=self.expected)
            return None
        values: dict[str, Any] = {}
        seen: dict[str, str] = {}
        for word, (mark, value) in node.entries.items():
            key = self._by_word.get(word)
            if key is None:
                meant = self._unknown(word, mark, value, path, reader)
                seen.setdefault(meant, word)
                reader.invalidate((*path, meant))
            elif key.name in seen and seen[key.name] in self._by_word:
                reader.error(mark, f"`{word}` and `{seen[key.name]}` mean the same; give one")
            else:
                seen[key.name] = word
                self._value(key, value, (*path, key.name), reader, values)
        for key in self.keys.values():
            if key.required and key.name not in seen:
                where = f"`{'.'.join(path)}`" if path else "the inventory"
                reader.error(node.mark, f"{where} lacks the key `{key.name}`", expected=key.kind.expected)
                reader.invalidate((*path, key.name))
        return values

    def _value(self, key: Key, node: nodes.Node, path: KeyPath, reader: Reader, values: dict[str, Any]) -> None:
        if key.optional and isinstance(node, nodes.Scalar) and node.null:
            return
        reader.place(path, node.mark)
        value = key.kind.read(node, path, reader)
        if value is INVALID:
            reader.invalidate(path)
        else:
            values[key.name] = value

    def _unknown(self, word: str, mark: nodes.Scalar, value: nodes.Node, path: KeyPath, reader: Reader) -> str:
        """Complains; returns the name of the key of this section that was meant, or ""."""
        where = f" in `{'.'.join(path)}`" if path else ""
        meant = nearest(word, self._by_word)
        reader.error(
            mark,
            f"unknown key `{word}`{where}",
            expected="one of " + ", ".join(self.keys),
            suggestion=meant or reader.elsewhere(word),
        )
        if meant and self._by_word[meant].kind.secret:
            reader.hide(value.mark)
        return self._by_word[meant].name if meant else ""

    def schema(self) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        for key in self.keys.values():
            described = key.kind.schema()
            if key.optional:
                described = {"anyOf": [described, {"type": "null"}]}
            properties[key.name] = {"description": key.doc, **described, **_shown(key)}
            for synonym in key.synonyms:
                properties[synonym] = {"description": f"Same as {key.name}.", "deprecated": True, **described}
        required = [key.name for key in self.keys.values() if key.required]
        return {
            "type": "object" if required else ["object", "null"],
            "additionalProperties": False,
            **({"required": required} if required else {}),
            "properties": properties,
        }


class Overrides(Kind):
    """A section whose given values are laid over another instance of it later: read into a dictionary."""

    def __init__(self, section: Section) -> None:
        self.section = section

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        values = self.section.values(node, path, reader)
        return INVALID if values is None else values

    def schema(self) -> dict[str, Any]:
        schema = self.section.schema()
        for described in schema["properties"].values():
            described.pop("default", None)
        return schema


class Variants(Kind):
    """One of a few words, or one of several mappings, each of which is known by its first key."""

    def __init__(self, words: Choice, *sections: Section) -> None:
        self.words = words
        self.sections = sections
        self._first = {next(iter(section.keys)): section for section in sections}
        self.note = f"{words.note}, or a mapping with {' or '.join(self._first)}"
        self.expected = f"{words.expected}, or a mapping with the key {' or '.join(self._first)}"

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        if isinstance(node, nodes.Mapping):
            for word, section in self._first.items():
                if word in node.entries:
                    return section.read(node, path, reader)
        elif isinstance(node, nodes.Scalar) and not node.null:
            return self.words.read(node, path, reader)
        return reader.error(node.mark, f"`{path[-1]}` is none of what it may be", expected=self.expected)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.words.schema(), *(section.schema() for section in self.sections)]}


def _defaults(model: Callable[..., Any]) -> dict[str, Any]:
    """The defaults of a dataclass by field; REQUIRED where it has none."""
    return {
        field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        for field in dataclasses.fields(model)  # type: ignore[arg-type]
    }


def _shown(key: Key) -> dict[str, Any]:
    """Default and example of a key, as JSON."""
    import yaml

    shown: dict[str, Any] = {}
    if key.default is None or isinstance(key.default, (str, int, float)):
        shown["default"] = key.default
    elif isinstance(key.default, tuple):
        shown["default"] = list(key.default)
    if key.example:
        shown["examples"] = [yaml.safe_load(key.example)]
    return shown
