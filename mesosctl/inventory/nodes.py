"""YAML text as a tree of nodes that know their place.

The tree is built from libyaml's events, so that depth, aliases and duplicate keys are under control: aliases become
the node that they name (one inside itself is an error), `<<` is merged, tags are refused. Scalars stay text; what
they mean is decided by whoever knows which type is expected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

MAX_DEPTH = 40
MAX_MERGED = 1_000_000
"""Entries that merge keys may copy, all together."""

_SYNTAX = {
    "found character that cannot start any token": "this character cannot start a value; quote the value",
    "mapping values are not allowed in this context": "unexpected `: `; quote a value that contains one",
    "could not find expected ':'": "a key without `:`",
    "did not find expected key": "neither a key nor the end of the block: look at the indentation and the quotes",
    "did not find expected '-' indicator": "neither `- ` nor the end of the list: look at the indentation",
    "did not find expected ',' or ']'": "a list that is not closed with `]`",
    "did not find expected ',' or '}'": "a mapping that is not closed with `}`",
    "found unexpected ':'": "unexpected `:`; quote a value that ends with one",
    "found unexpected end of stream": "a quote that is not closed",
}


class Mark(NamedTuple):
    """A place in the text, both 1-based; the column counts characters."""

    line: int
    column: int


@dataclass(slots=True)
class Scalar:
    mark: Mark
    end: Mark
    text: str
    plain: bool
    """Written without quotes."""

    @property
    def null(self) -> bool:
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(slots=True)
class Sequence:
    mark: Mark
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    mark: Mark
    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)
    """Key text to key and value."""


Node = Scalar | Sequence | Mapping
Complain = Callable[[Mark, str], object]


def compose(text: str, complain: Complain) -> Node | None:
    """The tree of the one document in `text`, or None where there is none; `complain` is told of every error."""
    builder = _Builder(complain)
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        while builder.wants_more and loader.check_event():
            builder.feed(loader.get_event())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _mark(mark) if mark else Mark(1, 1)
        complain(place, _syntax(error, text))
        return None
    finally:
        loader.dispose()
    return builder.root if builder.wants_more else None


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def _syntax(error: yaml.MarkedYAMLError, text: str) -> str:
    problem = error.problem or "not YAML"
    mark = error.problem_mark
    if "cannot start any token" in problem and mark is not None:
        lines = text.splitlines()
        if mark.line < len(lines) and lines[mark.line][mark.column : mark.column + 1] == "\t":
            return "a tab; YAML is indented with spaces"
    return _SYNTAX.get(problem, problem)


class _Builder:
    """Takes events, makes nodes."""

    def __init__(self, complain: Complain) -> None:
        self.root: Node | None = None
        self.wants_more = True
        self._complain = complain
        self._open: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._merged = 0

    def feed(self, event: Any) -> None:
        mark = _mark(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent):
            self._document(mark)
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._alias(event.anchor, mark))
        elif isinstance(event, yaml.ScalarEvent):
            self._tag(event, mark)
            plain = event.style is None or event.style == ""
            self._start(event, Scalar(mark, _mark(event.end_mark), event.value, plain and event.tag is None))
        elif isinstance(event, yaml.SequenceStartEvent):
            self._tag(event, mark)
            self._push(self._start(event, Sequence(mark)), mark)
        elif isinstance(event, yaml.MappingStartEvent):
            self._tag(event, mark)
            self._push(self._start(event, Mapping(mark)), mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            frame = self._open.pop()
            if isinstance(frame.node, Mapping):
                self._merge(frame.node, frame.merges)

    def _document(self, mark: Mark) -> None:
        if self.root is not None:
            self._abandon(mark, "a second YAML document; an inventory is one")

    def _abandon(self, mark: Mark, message: str) -> None:
        self._complain(mark, message)
        self.wants_more = False

    def _tag(self, event: Any, mark: Mark) -> None:
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            self._complain(mark, "YAML tags (`!…`) have no meaning here")

    def _alias(self, anchor: str | None, mark: Mark) -> Node:
        node = self._anchors.get(anchor or "")
        if node is None:
            self._complain(mark, f"`*{anchor}` names no anchor `&{anchor}` above")
        elif any(frame.node is node for frame in self._open):
            self._complain(mark, f"`*{anchor}` contains itself")
        else:
            return node
        return Scalar(mark, mark, "", True)

    def _start(self, event: Any, node: Node) -> Node:
        if event.anchor:
            self._anchors[event.anchor] = node
        self._add(node)
        return node

    def _push(self, node: Node, mark: Mark) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._abandon(mark, f"nested deeper than {MAX_DEPTH} levels")
        self._open.append(_Frame(node))

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        frame = self._open[-1]
        if isinstance(frame.node, Sequence):
            frame.node.items.append(node)
        elif frame.key is None:
            frame.key = node
        else:
            self._entry(frame, frame.key, node)
            frame.key = None

    def _entry(self, frame: _Frame, key: Node, value: Node) -> None:
        assert isinstance(frame.node, Mapping)
        if not isinstance(key, Scalar):
            self._complain(key.mark, "a list or mapping as a key")
        elif key.plain and key.text == "<<":
            if frame.merges:
                self._complain(key.mark, "`<<` is given twice; give a list: `<<: [*one, *two]`")
            frame.merges.append(value)
        elif key.text in frame.node.entries:
            first = frame.node.entries[key.text][0].mark
            self._complain(key.mark, f"the key `{key.text}` is given twice, first in line {first.line}")
        else:
            frame.node.entries[key.text] = (key, value)

    def _merge(self, node: Mapping, merges: list[Node]) -> None:
        """What is written in the mapping itself wins, then the earlier of the merged ones."""
        for merge in merges:
            for source in merge.items if isinstance(merge, Sequence) else [merge]:
                if not isinstance(source, Mapping):
                    self._complain(source.mark, "`<<` takes a mapping, or a list of mappings")
                    continue
                self._merged += len(source.entries)
                if self._merged > MAX_MERGED:
                    self._abandon(node.mark, f"`<<` copies more than {MAX_MERGED} entries")
                    return
                for key, entry in source.entries.items():
                    node.entries.setdefault(key, entry)


@dataclass(slots=True)
class _Frame:
    """A collection that is still open."""

    node: Node
    key: Node | None = None
    merges: list[Node] = field(default_factory=list)
