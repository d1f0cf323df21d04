"""Reads host keys from a file in OpenSSH's known_hosts form (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).

A line is `[marker] names type key [comment]`; names are a comma-separated list of names and patterns (`*`, `?`, `!`),
or a hashed name `|1|salt|hash`; a port other than 22 is written `[name]:port`. Certificate authorities are left out:
only plain keys are negotiated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """One line that names a host."""

    key: str
    """`type base64`"""
    line: int
    revoked: bool


class KnownHosts:
    """The host keys of one file; a file that does not exist has none. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._plain: dict[str, list[Entry]] = {}
        self._hashed: list[tuple[bytes, bytes, Entry]] = []
        self._patterns: list[tuple[list[str], Entry]] = []
        self._revoked: set[str] = set()
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        for number, line in enumerate(text.splitlines(), 1):
            self._line(line.split(), number)

    def lookup(self, names: Iterable[str], port: int) -> tuple[str, ...]:
        """The keys (`type base64`) of a host that is known by any of the names at that port, without repeats.

        A key marked `@revoked` is never among them.
        """
        found = {entry.key: None for name in names for entry in self.entries(name, port)}
        return tuple(key for key in found if key not in self._revoked)

    def entries(self, name: str, port: int) -> list[Entry]:
        """The lines for a name or address at a port, revoked keys included."""
        known = known_name(name, port)
        found = list(self._plain.get(known, ()))
        found += [entry for salt, digest, entry in self._hashed if _hash(salt, known) == digest]
        found += [entry for patterns, entry in self._patterns if _matches(known, patterns)]
        return found

    def _line(self, fields: list[str], number: int) -> None:
        revoked = bool(fields) and fields[0] == "@revoked"
        if revoked:
            fields = fields[1:]
        if len(fields) < 3 or fields[0].startswith(("#", "@")):
            return
        names, entry = fields[0].lower(), Entry(f"{fields[1]} {fields[2]}", number, revoked)
        if revoked:
            self._revoked.add(entry.key)
        if names.startswith("|1|"):
            self._hash_line(fields[0], entry)
        elif any(character in names for character in "*?!"):
            self._patterns.append((names.split(","), entry))
        else:
            for name in names.split(","):
                self._plain.setdefault(name, []).append(entry)

    def _hash_line(self, field: str, entry: Entry) -> None:
        from base64 import b64decode

        try:
            salt, digest = (b64decode(part) for part in field.removeprefix("|1|").split("|"))
        except ValueError:
            return
        self._hashed.append((salt, digest, entry))


def known_name(name: str, port: int) -> str:
    """How the format names a host: bare for port 22, `[name]:port` for others."""
    return name.lower() if port == 22 else f"[{name.lower()}]:{port}"


def _hash(salt: bytes, name: str) -> bytes:
    import hmac

    return hmac.digest(salt, name.encode(), "sha1")


def _matches(name: str, patterns: list[str]) -> bool:
    from fnmatch import fnmatchcase

    def match(pattern: str) -> bool:
        return fnmatchcase(name, pattern.replace("[", "[[]"))  # brackets are plain characters here

    if any(match(pattern[1:]) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(match(pattern) for pattern in patterns if not pattern.startswith("!"))
