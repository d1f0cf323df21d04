"""Label selectors of `/v2/apps?label=`: `name`, `name==value`, `name!=value`, `name in (a, b)`, `name notin (a, b)`.

Several, separated by commas, have all to hold. A backslash takes what follows as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mesosctl.runtime.marathon.api.errors import ApiError

Selector = Callable[[Mapping[str, str]], bool]

_WORD = r"(?:[-A-Za-z0-9_./]|\\.)+"
_ONE = re.compile(
    rf"\s*(?P<name>{_WORD})\s*"
    rf"(?:(?P<same>==|!=)\s*(?P<value>{_WORD})|(?P<set>in|notin)\s*\((?P<values>[^)]*)\))?\s*(?:,|$)"
)


def selector(text: str) -> Selector:
    """Whether labels are meant. Raises ApiError."""
    found: list[Selector] = []
    at = 0
    while at < len(text):
        match = _ONE.match(text, at)
        if match is None:
            raise ApiError(400, f"Can not parse label selector query: {text}")
        found.append(_one(match))
        at = match.end()
    return lambda labels: all(each(labels) for each in found)


def _one(match: re.Match[str]) -> Selector:
    name = _plain(match["name"])
    if match["same"]:
        value, wanted = _plain(match["value"]), match["same"] == "=="
        return lambda labels: name in labels and (labels[name] == value) is wanted
    if match["set"]:
        values = {_plain(each.strip()) for each in match["values"].split(",")}
        wanted = match["set"] == "in"
        return lambda labels: name in labels and (labels[name] in values) is wanted
    return lambda labels: name in labels


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
