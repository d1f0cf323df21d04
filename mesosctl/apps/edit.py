"""Changes of an app as users write them: a definition, `KEY=VALUE` and `KEY-`; and what they change, as a diff."""

from __future__ import annotations

import copy
import difflib
import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from mesosctl.apps.compare import IGNORED, differences, modernised
from mesosctl.apps.definition import named, read
from mesosctl.errors import UsageError

Json = dict[str, Any]

TEXTS = ("env", "labels")
"""Maps of texts, whose keys may hold dots."""
_KEY = r"((?:env|labels)\.[^=]+|[A-Za-z][\w.]*)"


def is_assignment(word: str) -> bool:
    """Whether it is `KEY=VALUE` or `KEY-`, and no name of a file."""
    return bool(_key(word))


def changed(app: Json, file: str | None, words: Sequence[str]) -> Json:
    """What to send: the fields of the definition, and those that the words change, whole.

    Raises UsageError.
    """
    wanted: Json = {}
    if file is not None:
        found = read(file)
        if len(found) != 1 or named(found[0], str(app["id"])).is_group:
            raise UsageError("holds something else than one app", where=file)
        own = found[0].body.get("id")
        if isinstance(own, str) and "/" + own.strip("/") != app["id"]:
            raise UsageError(f"defines /{own.strip('/')}, and not {app['id']}", where=file)
        wanted = {name: value for name, value in found[0].body.items() if name not in IGNORED}
    for word in words:
        key, value = _key(word) or ("", None)
        path = _path(key)
        if path[0] in IGNORED:
            raise UsageError(f"{path[0]} cannot be changed")
        if path[0] not in wanted:
            wanted[path[0]] = copy.deepcopy(app.get(path[0]))
        _set(wanted, path, _value(path, value), key)
    return wanted


def diff(app: Json, wanted: Json, *, whole: bool) -> list[str]:
    """The lines of a unified diff of the definitions, in YAML; none where nothing changes.

    `whole`: fields that are not wanted go, unless they are empty.
    """
    before = {name: value for name, value in app.items() if name not in IGNORED}
    fields = {each.field: each.wanted for each in differences(wanted, app)}
    after = {**before, **fields}
    if whole:
        told = modernised(wanted)
        after = {name: value for name, value in after.items() if name in told}
        before = {name: value for name, value in before.items() if name in after or value}
    after = {name: value for name, value in after.items() if value is not None}
    lines = difflib.unified_diff(_lines(before), _lines(after), f"{app['id']} as it is", "as it would be", lineterm="")
    return list(lines)


def _lines(definition: Json) -> list[str]:
    return yaml.safe_dump(definition, sort_keys=True, allow_unicode=True, width=1000).splitlines()


def _key(word: str) -> tuple[str, str | None] | None:
    """The key and the value, None for one that is taken away."""
    if match := re.fullmatch(_KEY + "=(.*)", word, re.DOTALL):
        return match[1], match[2]
    if match := re.fullmatch(_KEY + "-", word):
        return match[1], None
    return None


def _path(key: str) -> list[str]:
    first, _, rest = key.partition(".")
    return [first, *([rest] if first in TEXTS and rest else rest.split(".") if rest else [])]


def _value(path: Sequence[str], text: str | None) -> Any:
    if text is None or (path[0] in TEXTS and len(path) > 1):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _set(definition: Json, path: Sequence[str], value: Any, key: str) -> None:
    """Put a value where the path leads; None takes away what is there."""
    at: Any = definition
    for place, part in enumerate(path[:-1]):
        if isinstance(at, list):
            at = at[_index(at, part, key)]
        else:
            if at.get(part) is None:
                at[part] = {}
            at = at[part]
        if not isinstance(at, dict | list):
            raise UsageError(f"{'.'.join(path[: place + 1])} has no fields", fix=f"correct {key}")
    last = path[-1]
    if isinstance(at, list):
        index = _index(at, last, key)
        at[index : index + 1] = [] if value is None else [value]
    elif value is None and at is not definition:
        at.pop(last, None)
    else:
        at[last] = value


def _index(items: list[Any], part: str, key: str) -> int:
    if not part.isdigit() or int(part) >= len(items):
        raise UsageError(f"{key}: there is no {part} among {len(items)}", fix="the first is 0")
    return int(part)
