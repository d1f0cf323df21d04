"""Reads host keys from a file in OpenSSH's known_hosts form (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).

Plain and hashed names are matched. Patterns (`*`, `?`, `!`) and certificate authorities are not: the file that
`hosts trust` writes has none. A key marked `@revoked` is never returned.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class KnownHosts:
    """The host keys of one file; a file that does not exist has none. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._plain: dict[str, list[str]] = {}
        self._hashed: list[tuple[bytes, bytes, str]] = []
        self._revoked: set[str] = set()
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        for line in text.splitlines():
            self._line(line.split())

    def lookup(self, names: Iterable[str], port: int) -> tuple[str, ...]:
        """The keys (`type base64`) of a host that is known by any of the names at that port, without repeats."""
        found: dict[str, None] = {}
        for name in names:
            entry = name.lower() if port == 22 else f"[{name.lower()}]:{port}"
            found.update(dict.fromkeys(self._plain.get(entry, ())))
            found.update((key, None) for salt, digest, key in self._hashed if _hash(salt, entry) == digest)
        return tuple(key for key in found if key not in self._revoked)

    def _line(self, fields: list[str]) -> None:
        revoked = bool(fields) and fields[0] == "@revoked"
        if revoked:
            fields = fields[1:]
        if len(fields) < 3 or fields[0].startswith(("#", "@")):
            return
        key = f"{fields[1]} {fields[2]}"
        if revoked:
            self._revoked.add(key)
        elif fields[0].startswith("|1|"):
            self._hash_line(fields[0], key)
        else:
            for name in fields[0].lower().split(","):
                self._plain.setdefault(name, []).append(key)

    def _hash_line(self, field: str, key: str) -> None:
        from base64 import b64decode

        try:
            salt, digest = (b64decode(part) for part in field.removeprefix("|1|").split("|"))
        except ValueError:
            return
        self._hashed.append((salt, digest, key))


def _hash(salt: bytes, name: str) -> bytes:
    import hmac

    return hmac.digest(salt, name.encode(), "sha1")
