"""Maven's settings.xml, into which our proxies are merged.

Only the `<proxy>` elements with our ids are replaced; every other byte (foreign elements, comments, formatting)
stays. Format: https://maven.apache.org/ref/current/maven-settings/settings.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from mesosctl.errors import MesosctlError

IDS = ("mesosctl-http", "mesosctl-https")
EMPTY = '<?xml version="1.0" encoding="UTF-8"?>\n<settings>\n</settings>\n'


class InvalidSettings(MesosctlError):
    """A settings.xml that is no well-formed `<settings>` document, so that nothing can be merged into it."""


@dataclass(frozen=True, slots=True)
class _Tag:
    """A start tag: where it begins and ends, in bytes."""

    start: int
    end: int
    empty: bool


@dataclass(slots=True)
class _Found:
    root: _Tag | None = None
    proxies: _Tag | None = None
    ours: list[tuple[int, int]] = field(default_factory=list)
    """Our `<proxy>` elements with the white space before them."""


def merge(existing: str, proxies: str) -> str:
    """The settings with `proxies` (our `<proxy>` elements, each indented by four and without a last newline).

    `existing` is the present content, "" where there is no file. Raises InvalidSettings.
    """
    try:
        data = (existing if existing.strip() else EMPTY).encode()
    except UnicodeEncodeError:
        raise InvalidSettings("the file is not UTF-8") from None
    found = _find(data)
    text = f"\n{proxies}".encode()
    if found.proxies:
        edits = [(start, end, b"") for start, end in found.ours]
        edits.append(_inside(data, found.proxies, text, b"\n  </proxies>"))
    elif found.root:
        block = b"\n  <proxies>" + text + b"\n  </proxies>"
        edits = [_inside(data, found.root, block, b"\n</settings>")]
    else:
        raise InvalidSettings("the document element is not <settings>")
    for start, end, replacement in sorted(edits, reverse=True):
        data = data[:start] + replacement + data[end:]
    return data.decode()


def _inside(data: bytes, tag: _Tag, text: bytes, close: bytes) -> tuple[int, int, bytes]:
    """The edit that puts a text right behind a start tag, which is opened where it was `<empty/>`."""
    if not tag.empty:
        return tag.end, tag.end, text
    opened = data[tag.start : tag.end - 2].rstrip() + b">"
    return tag.start, tag.end, opened + text + close


def _find(data: bytes) -> _Found:
    found = _Found()
    stack: list[str] = []
    starts: list[int] = []
    identity: list[str] = []
    # A text is read as UTF-8 whatever its XML declaration says: that is how it was decoded.
    parser = expat.ParserCreate("utf-8")

    def begin(name: str, attributes: dict[str, str]) -> None:
        at = parser.CurrentByteIndex
        stack.append(name)
        starts.append(at)
        if stack == ["settings"]:
            found.root = _tag(data, at)
        elif stack == ["settings", "proxies"] and found.proxies is None:
            found.proxies = _tag(data, at)
        elif stack == ["settings", "proxies", "proxy"]:
            identity.clear()

    def text(characters: str) -> None:
        if stack == ["settings", "proxies", "proxy", "id"]:
            identity.append(characters)

    def end(name: str) -> None:
        start = starts.pop()
        if stack == ["settings", "proxies", "proxy"] and "".join(identity).strip() in IDS:
            close = data.index(b">", parser.CurrentByteIndex) + 1
            blank = len(data[:start]) - len(data[:start].rstrip())
            found.ours.append((start - blank, close))
        stack.pop()

    parser.StartElementHandler = begin
    parser.CharacterDataHandler = text
    parser.EndElementHandler = end
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise InvalidSettings(f"not well-formed XML: {error}") from None
    return found


def _tag(data: bytes, start: int) -> _Tag:
    """The start tag at an offset; `>` may stand within the quotes of an attribute."""
    quote, at = 0, start
    while quote or data[at] != ord(">"):
        if quote:
            quote = 0 if data[at] == quote else quote
        elif data[at] in b"\"'":
            quote = data[at]
        at += 1
    return _Tag(start, at + 1, data[at - 1] == ord("/"))
