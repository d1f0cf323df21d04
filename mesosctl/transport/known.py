"""Host keys that are trusted: OpenSSH's known_hosts format, read once and shared by all threads.

Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT": `[marker] names type key [comment]`; names are a comma-separated list of
names, patterns (`*`, `?`, `!`) or a hashed name `|1|salt|hash`; a port other than 22 is written `[name]:port`.
Keys are compared as bytes, so no line costs more than its decoding, and that only when its host is asked for.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public host key. `blob` is what the base64 of `ssh-ed25519 AAAA…` holds."""

    type: str
    blob: bytes
    source: str
    """Where it is stored, for messages: `/root/.ssh/known_hosts line 3`."""

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it: SHA256:…"""
        digest = hashlib.sha256(self.blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def text(self) -> str:
        """`type base64`, the form of known_hosts and of the inventory."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}"


def parse_key(text: str, source: str) -> HostKey | None:
    """Read `type base64 [comment]`; None where it is no key."""
    fields = text.split(None, 2)
    if len(fields) < 2:
        return None
    try:
        blob = base64.b64decode(fields[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    length = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + length] != fields[0].encode():
        return None
    return HostKey(fields[0], blob, source)


def known_name(address: str, port: int) -> str:
    """How known_hosts names an address: bare for port 22, `[address]:port` for others."""
    return address.lower() if port == 22 else f"[{address.lower()}]:{port}"


class KnownHosts:
    """The lines of one known_hosts file. Immutable once read."""

    def __init__(self, path: Path) -> None:
        """Read a file; one that does not exist or may not be read is empty."""
        self.path = path
        self._plain: dict[str, list[tuple[str, int, str]]] = {}
        self._hashed: list[tuple[bytes, bytes, tuple[str, int, str]]] = []
        self._patterns: list[tuple[list[str], tuple[str, int, str]]] = []
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return
        for number, line in enumerate(lines, 1):
            self._add(line.strip(), number)

    def _add(self, line: str, number: int) -> None:
        if not line or line.startswith("#"):
            return
        marker = ""
        if line.startswith("@"):
            marker, _, line = line.partition(" ")
        names, _, key = line.strip().partition(" ")
        if marker == "@cert-authority":
            return  # Paramiko negotiates plain keys, which a certificate authority does not vouch for
        entry = (key, number, marker)
        if names.startswith("|1|"):
            salt, _, digest = names[3:].partition("|")
            try:
                self._hashed.append((base64.b64decode(salt), base64.b64decode(digest), entry))
            except (binascii.Error, ValueError):
                return
        elif any(character in names for character in "*?!"):
            self._patterns.append((names.lower().split(","), entry))
        else:
            for name in names.lower().split(","):
                self._plain.setdefault(name, []).append(entry)

    def keys(self, address: str, port: int) -> tuple[list[HostKey], list[HostKey]]:
        """The keys stored for an address: those to trust, and those marked @revoked."""
        name = known_name(address, port)
        entries = list(self._plain.get(name, ()))
        encoded = name.encode()
        entries += [
            entry
            for salt, digest, entry in self._hashed
            if hmac.compare_digest(hmac.digest(salt, encoded, "sha1"), digest)
        ]
        entries += [entry for patterns, entry in self._patterns if _matches(name, patterns)]
        trusted: list[HostKey] = []
        revoked: list[HostKey] = []
        for key, number, marker in entries:
            parsed = parse_key(key, f"{self.path} line {number}")
            if parsed is not None:
                (revoked if marker == "@revoked" else trusted).append(parsed)
        return trusted, revoked


def _matches(name: str, patterns: Iterable[str]) -> bool:
    found = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        # Brackets are plain characters in known_hosts, sets in fnmatch.
        if fnmatch.fnmatchcase(name, pattern.removeprefix("!").replace("[", "[[]")):
            if negated:
                return False
            found = True
    return found
