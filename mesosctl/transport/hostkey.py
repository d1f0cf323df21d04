"""A public host key: read from its text form, shown as a fingerprint, compared as bytes."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostKey:
    """`blob` is what the base64 of `ssh-ed25519 AAAA…` holds (RFC 4253, 6.6)."""

    type: str
    blob: bytes
    source: str
    """Where it comes from, for messages: `/root/.ssh/known_hosts line 3`."""

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
    except ValueError:
        return None
    length = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + length] != fields[0].encode():
        return None
    return HostKey(fields[0], blob, source)
