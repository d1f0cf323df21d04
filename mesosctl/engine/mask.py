"""Hides the values of secrets in everything that leaves the engine: diffs, messages, the audit log."""

from __future__ import annotations

import base64
import json
import re
import shlex
from urllib.parse import quote
from xml.sax.saxutils import escape

from mesosctl.inventory.model import Cluster
from mesosctl.inventory.secrets import masks

HIDDEN = "********"


class Mask:
    """Replaces each secret of a cluster, in every spelling that a rendered file may give it."""

    def __init__(self, cluster: Cluster) -> None:
        spellings = {spelling for value in masks(cluster) if value for spelling in _spellings(cluster, value)}
        # the longest first: a spelling may contain a shorter one
        alternatives = "|".join(re.escape(text) for text in sorted(spellings, key=len, reverse=True))
        self._pattern = re.compile(alternatives) if alternatives else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub(HIDDEN, text) if self._pattern else text


def _spellings(cluster: Cluster, value: str) -> set[str]:
    percent = quote(value, safe="")
    user = cluster.proxy.username or ""
    backslashed = re.sub(r'(["\\$`])', r"\\\1", value)
    spellings = {
        value,
        percent,
        percent.replace("%", "%%"),
        value.replace("%", "%%"),
        escape(value),
        escape(value, {'"': "&quot;", "'": "&apos;"}),
        escape(value, {'"': "&#34;", "'": "&#39;"}),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        shlex.quote(value),
        backslashed,
        backslashed.replace("%", "%%"),
        base64.b64encode(f"{user}:{value}".encode()).decode(),
    }
    return {text for text in spellings if text}
