"""Definitions as users write them: JSON or YAML, from files or standard input, one app, several, or a group.

A file may hold one object, a list of them, or (YAML) several documents. An object with `apps` or `groups` is a group.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mesosctl.errors import UsageError

Json = dict[str, Any]
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Definition:
    source: str
    """The file it is from."""
    body: Json
    """With an absolute id."""

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def is_group(self) -> bool:
        return "apps" in self.body or "groups" in self.body

    @property
    def apps(self) -> list[tuple[str, Json]]:
        """Itself, or the apps of the group and of the groups below it, by their absolute ids."""
        return apps_of(self.body) if self.is_group else [(self.id, self.body)]

    @property
    def app_ids(self) -> tuple[str, ...]:
        return tuple(id for id, _ in self.apps)


def read(source: str) -> list[Definition]:
    """What a file defines; `-` is standard input. Raises UsageError with the place of a mistake."""
    name = "standard input" if source == STDIN else source
    try:
        text = (sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise UsageError(f"cannot be read: {reason}", where=name) from None
    found: list[Json] = []
    for document in _documents(text, name):
        for body in document if isinstance(document, list) else [document]:
            if not isinstance(body, dict):
                raise UsageError("holds something else than definitions of apps", where=name, fix="each is an object")
            found.append(body)
    if not found:
        raise UsageError("defines nothing", where=name)
    return [Definition(name, body) for body in found]


def named(definition: Definition, id: str | None) -> Definition:
    """The definition with an absolute id: `id`, or its own. Raises UsageError where it has none, or is a pod's."""
    own = id if id is not None else definition.body.get("id")
    if not isinstance(own, str) or not own.strip("/"):
        raise UsageError("a definition without an id", where=definition.source, fix="write one into it, or give --id")
    if "containers" in definition.body:
        raise UsageError(f"{own} is a pod, and no app", where=definition.source, fix="Marathon takes pods at /v2/pods")
    return Definition(definition.source, {**definition.body, "id": "/" + own.strip("/")})


def apps_of(group: Json, base: str = "/") -> list[tuple[str, Json]]:
    """The apps of a group and of the groups below it, with absolute ids."""
    base = _below(base, group.get("id"))
    own = [(_below(base, app.get("id")), app) for app in _objects(group.get("apps"))]
    return own + [found for below in _objects(group.get("groups")) for found in apps_of(below, base)]


def _below(base: str, id: object) -> str:
    """`..` in an id goes up, as Marathon reads it."""
    text = str(id or "")
    parts = [] if text.startswith("/") else [part for part in base.split("/") if part]
    for part in text.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def _objects(value: object) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _documents(text: str, name: str) -> list[Any]:
    if text.lstrip()[:1] in ("{", "["):  # JSON is read as JSON: YAML forbids its tabs, and tells less of mistakes
        try:
            return [json.loads(text)]
        except json.JSONDecodeError as error:
            if name.endswith((".yaml", ".yml")):
                return _yaml(text, name)
            raise UsageError(f"is no JSON: {error.msg}", where=f"{name}:{error.lineno}:{error.colno}") from None
    return _yaml(text, name)


def _yaml(text: str, name: str) -> list[Any]:
    try:
        return [each for each in yaml.load_all(text, _Loader) if each is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise UsageError(f"is no YAML: {error.problem or error.context}", where=place) from None
    except yaml.YAMLError as error:
        raise UsageError(f"is no YAML: {error}", where=name) from None


class _Loader(yaml.SafeLoader):
    """Leaves dates as text: JSON knows none."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and form are PyYAML's
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
