"""The types of value that an inventory holds: how each is read from YAML, and how JSON Schema describes it.

A scalar is read from its text by the type that is expected there, so YAML's own guesses (`no` as false, `1:30` as
90, `010` as 8) never count. A kind returns the value, or `INVALID` after it has told the reader why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mesosctl.inventory import nodes
from mesosctl.inventory.problem import nearest
from mesosctl.inventory.reader import ANY, INVALID, KeyPath, Reader

_TRUE = frozenset(("true", "yes", "on"))
_FALSE = frozenset(("false", "no", "off"))


class Wrong(Exception):
    """Raised by a parse function: what is wrong with a text, what may have been meant, what else was expected."""

    def __init__(self, message: str = "", suggestion: str = "", expected: str = "") -> None:
        self.message = message
        self.suggestion = suggestion
        self.expected = expected
        super().__init__(message)


class Kind:
    """A type of value."""

    expected: str = ""
    """Completes "expected: …"."""
    note: str = ""
    """Range or choices, for the comment above a key."""
    secret: bool = False
    """Whether what is written there must not be shown."""

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """JSON Schema (draft 2020-12) of the value."""
        raise NotImplementedError


def describe(node: nodes.Node) -> str:
    """What a node is, for a message."""
    if isinstance(node, nodes.Mapping):
        return "a mapping"
    if isinstance(node, nodes.Sequence):
        return "a list"
    return "nothing" if node.null else "a single value"


class ScalarKind(Kind):
    """Base of the kinds that are read from one line of text."""

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        name = f"`{path[-1]}`" if path else "the inventory"
        if not isinstance(node, nodes.Scalar) or node.null:
            return reader.error(node.mark, f"{name} is {describe(node)}", expected=self.expected)
        if any(not c.isprintable() for c in node.text):
            return reader.error(node, f"{name} has a line break or control character", expected=self.expected)
        try:
            return self.parse(node.text)
        except Wrong as wrong:
            message = wrong.message or f"{name} is not {self.expected}"
            expected = wrong.expected or (self.expected if wrong.message else "")
            return reader.error(node, message, expected=expected, suggestion=wrong.suggestion)

    def parse(self, text: str) -> Any:
        """The value of a text; raises Wrong."""
        raise NotImplementedError


class Text(ScalarKind):
    """Text in a form of its own: a pattern, a parse function (which may normalise), or both."""

    def __init__(
        self, expected: str, pattern: str = "", parse: Callable[[str], Any] | None = None, suggestion: str = ""
    ) -> None:
        self.expected = expected
        self.pattern = pattern
        self.suggestion = suggestion
        self._parse = parse

    def parse(self, text: str) -> Any:
        if not text or (self.pattern and not re.fullmatch(self.pattern, text)):
            raise Wrong(suggestion=self.suggestion)
        return self._parse(text) if self._parse else text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", **({"pattern": f"^(?:{self.pattern})$"} if self.pattern else {"minLength": 1})}


class Free(ScalarKind):
    """Any text on one line, numbers and true/false included, as it is written."""

    expected = "text on one line"

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        if isinstance(node, nodes.Scalar) and node.null:
            return ""
        return super().read(node, path, reader)

    def parse(self, text: str) -> str:
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean", "null"]}


class Integer(ScalarKind):
    def __init__(self, low: int, high: int, what: str = "a whole number") -> None:
        self.low, self.high = low, high
        self.note = f"{low}-{high}"
        self.expected = f"{what} from {low} to {high}"

    def parse(self, text: str) -> int:
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text):
            raise Wrong
        if not self.low <= (value := int(text)) <= self.high:
            raise Wrong(f"{value} is out of range")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class Number(ScalarKind):
    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.note = f"{low:g}-{high:g}"
        self.expected = f"a number from {low:g} to {high:g}"

    def parse(self, text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,12})?", text):
            raise Wrong
        if not self.low <= (value := float(text)) <= self.high:
            raise Wrong(f"{text} is out of range")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": self.low, "maximum": self.high}


class Boolean(ScalarKind):
    expected = "true or false"

    def parse(self, text: str) -> bool:
        if text.lower() in _TRUE:
            return True
        if text.lower() in _FALSE:
            return False
        raise Wrong

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


BOOLEAN = Boolean()


class Choice(ScalarKind):
    """One of a few words; `synonyms` are read, but not shown."""

    def __init__(self, words: Mapping[str, Any], synonyms: Mapping[str, str] = MappingProxyType({})) -> None:
        self.words = words
        self.synonyms = synonyms
        self.note = ", ".join(words)
        self.expected = f"one of {self.note}"

    def parse(self, text: str) -> Any:
        word = self.synonyms.get(text, text)
        if word not in self.words:
            raise Wrong(f"`{text}` is not known here", nearest(text, self.words))
        return self.words[word]

    def schema(self) -> dict[str, Any]:
        return {"enum": [*self.words, *self.synonyms]}


class Either(ScalarKind):
    """A fixed word, or a value of another kind."""

    def __init__(self, word: str, value: Any, other: ScalarKind) -> None:
        self.word, self.value, self.other = word, value, other
        self.note = f"{word}, or {other.note}"
        self.expected = f"`{word}` or {other.expected}"

    def parse(self, text: str) -> Any:
        return self.value if text == self.word else self.other.parse(text)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"const": self.word}, self.other.schema()]}


class ListOf(Kind):
    """A list of different values, read into a tuple."""

    def __init__(self, item: Kind, *, minimum: int = 0, example: str = "") -> None:
        self.item = item
        self.minimum = minimum
        self.note = item.note
        self.expected = f"a list such as [{example}]" if example else "a list"

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        if not isinstance(node, nodes.Sequence):
            meant = f"[{node.text}]" if isinstance(node, nodes.Scalar) and self._one(node) else ""
            message = f"`{path[-1]}` is {describe(node)}"
            return reader.error(node.mark, message, expected=self.expected, suggestion=meant)
        if len(node.items) < self.minimum:
            return reader.error(node.mark, f"`{path[-1]}` is empty", expected=self.expected)
        values: list[Any] = []
        for index, item in enumerate(node.items):
            place = (*path, str(index))
            reader.place(place, item.mark)
            value = self.item.read(item, (*path[:-1], f"{path[-1]}[{index}]"), reader)
            if value is not INVALID and value in values:
                reader.warning(item.mark, f"listed twice in `{path[-1]}`")
            elif value is not INVALID:
                values.append(value)
        return tuple(values)

    def _one(self, node: nodes.Scalar) -> bool:
        if node.null or not isinstance(self.item, ScalarKind):
            return False
        try:
            self.item.parse(node.text)
        except Wrong:
            return False
        return True

    def schema(self) -> dict[str, Any]:
        limit = {"minItems": self.minimum} if self.minimum else {}
        return {"type": "array", "items": self.item.schema(), "uniqueItems": True, **limit}


class MapOf(Kind):
    """A mapping from names to values, both free within their kinds; read into an immutable mapping."""

    def __init__(self, name: Text, value: Kind, expected: str = "a mapping of names to values") -> None:
        self.name, self.value = name, value
        self.expected = expected

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        if isinstance(node, nodes.Scalar) and node.null:
            return MappingProxyType({})
        if not isinstance(node, nodes.Mapping):
            return reader.error(node.mark, f"`{path[-1]}` is {describe(node)}", expected=self.expected)
        values: dict[str, Any] = {}
        for key, value in node.entries.values():
            name = self.name.read(key, (*path, key.text), reader)
            if name is INVALID:
                reader.invalidate((*path, ANY))
                continue
            if name in values:
                reader.error(key, f"`{name}` is given twice in other words")
                continue
            reader.place((*path, name), key.mark)
            read = self.value.read(value, (*path, name), reader)
            if read is INVALID:
                reader.invalidate((*path, name))
                reader.invalidate((*path, ANY))
            else:
                values[name] = read
        return MappingProxyType(values)

    def schema(self) -> dict[str, Any]:
        return {
            "type": ["object", "null"],
            "propertyNames": self.name.schema(),
            "additionalProperties": self.value.schema(),
        }
