"""Hides the values of secrets in everything that leaves the engine: diffs, messages, the audit log."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from urllib.parse import quote

from mesosctl.inventory.model import Cluster
from mesosctl.inventory.secrets import masks

HIDDEN = "********"

PLACES = re.compile(
    r"(?P<url>[a-z+]://[^/\s:@]+:)[^/\s@]+(?=@)"
    r"|(?P<key>(?:password|passwd|secret)[\"']?[ \t]*[=:][ \t]*)[^\s;]+"
    r"|(?P<element><(?:password|passphrase)>)[^<]+",
    re.IGNORECASE,
)
"""Where secrets stand that no inventory (any more) names: what a file held before, a password that was changed."""


class Mask:
    """Replaces each secret of a cluster, in every spelling that a rendered file may give it, and whatever else stands
    where files have secrets: a diff also shows what a file held before."""

    def __init__(self, cluster: Cluster) -> None:
        spellings = {spelling for value in masks(cluster) if value for spelling in _spellings(cluster, value)}
        # the longest first: a spelling may contain a shorter one
        alternatives = "|".join(re.escape(text) for text in sorted(spellings, key=len, reverse=True))
        self._pattern = re.compile(alternatives) if alternatives else None
        # socat's file of credentials has nothing but `user:password`
        user = re.escape(cluster.proxy.username or "")
        self._login = re.compile(rf"(?m)^([-+ ]?{user}:).+$") if user else None

    def __call__(self, text: str) -> str:
        if self._pattern:
            text = self._pattern.sub(HIDDEN, text)
        if self._login:
            text = self._login.sub(rf"\1{HIDDEN}", text)
        return PLACES.sub(lambda match: f"{match['url'] or match['key'] or match['element']}{HIDDEN}", text)


def _spellings(cluster: Cluster, value: str) -> set[str]:
    percent = quote(value, safe="")
    xml = html.escape(value, quote=False)
    user = cluster.proxy.username or ""
    backslashed = re.sub(r'(["\\$`])', r"\\\1", value)
    spellings = {
        value,
        percent,
        percent.replace("%", "%%"),
        value.replace("%", "%%"),
        xml,
        xml.replace('"', "&quot;").replace("'", "&apos;"),
        xml.replace('"', "&#34;").replace("'", "&#39;"),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        shlex.quote(value),
        backslashed,
        backslashed.replace("%", "%%"),
        base64.b64encode(f"{user}:{value}".encode()).decode(),
    }
    return {text for text in spellings if text}
