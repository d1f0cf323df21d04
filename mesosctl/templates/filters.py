"""Quoting, one filter per file format.

Each takes a text and returns it as `Quoted`, to be placed as it is, or raises Unquotable where the format cannot hold
it. The formats: POSIX.1-2017 (Shell Command Language 2.2), systemd.syntax(7) and systemd.exec(5), XML 1.0,
java.util.Properties, apt.conf(5), git-config(1).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from urllib.parse import quote

from mesosctl.errors import MesosctlError


class Quoted(str):
    """A text that is ready for the format it goes to."""

    __slots__ = ()


class Unquotable(MesosctlError):
    """A value that a file's format has no way to write."""

    def __init__(self, value: str, why: str) -> None:
        # The value may be a secret: only its shape is told.
        super().__init__(
            f"a value of {len(value)} characters cannot be written: {why}", fix="change it in the inventory"
        )


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN = re.compile(r"[A-Za-z0-9_.,:/@%+=*-]*")


def _printable(value: str) -> str:
    if _CONTROL.search(value):
        raise Unquotable(value, "it has a line break or another control character")
    return value


def plain(value: str) -> Quoted:
    """Names, paths and addresses that mean the same in every format; nothing that a format could read as syntax."""
    if not _PLAIN.fullmatch(value):
        raise Unquotable(value, "only letters, digits and _.,:/@%+=*- can stand here")
    return Quoted(value)


def line(value: str) -> Quoted:
    """Everything up to the end of a line counts: wgetrc, dnf.conf, known_hosts, zoo.cfg's neighbours. No quoting."""
    if value != value.strip():
        raise Unquotable(value, "white space at its begin or end would be lost")
    return Quoted(_printable(value))


def sh(value: str) -> Quoted:
    """One word of a POSIX shell."""
    return Quoted(shlex.quote(_printable(value)))


def systemd(value: str) -> Quoted:
    """A double-quoted word of a unit file, where `%` begins a specifier."""
    return Quoted('"' + re.sub(r'(["\\])', r"\\\1", _printable(value)).replace("%", "%%") + '"')


def environment_file(value: str) -> Quoted:
    """A double-quoted value of a file that systemd's EnvironmentFile= and a shell read alike."""
    return Quoted('"' + re.sub(r'(["\\$`])', r"\\\1", _printable(value)) + '"')


def xml(value: str) -> Quoted:
    """Character data or an attribute's value."""
    escapes = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
    return Quoted("".join(escapes.get(character, character) for character in _printable(value)))


def properties(value: str) -> Quoted:
    """A value of a Java properties file, which is read as ISO 8859-1."""
    text = _printable(value).replace("\\", "\\\\")
    text = re.sub(r"^ ", r"\\ ", text)
    utf16 = text.encode("utf-16-be", "surrogatepass")
    units = (int.from_bytes(utf16[at : at + 2], "big") for at in range(0, len(utf16), 2))
    return Quoted("".join(chr(unit) if unit < 0x7F else f"\\u{unit:04x}" for unit in units))


def apt(value: str) -> Quoted:
    """A quoted value of apt.conf, which knows no escapes."""
    if '"' in value:
        raise Unquotable(value, "apt.conf cannot hold a double quote")
    return Quoted(f'"{_printable(value)}"')


def gitconfig(value: str) -> Quoted:
    """A double-quoted value of a git configuration file."""
    return Quoted('"' + re.sub(r'(["\\])', r"\\\1", _printable(value)) + '"')


def percent(value: str) -> Quoted:
    """User information of a URL (RFC 3986): everything but unreserved characters becomes %XX of its UTF-8."""
    return Quoted(quote(_printable(value), safe=""))


FILTERS: dict[str, Callable[[str], Quoted]] = {
    "plain": plain,
    "line": line,
    "sh": sh,
    "systemd": systemd,
    "environment_file": environment_file,
    "xml": xml,
    "properties": properties,
    "apt": apt,
    "gitconfig": gitconfig,
}
