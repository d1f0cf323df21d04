"""Where a program listens, and the address and name under which others know it."""

from __future__ import annotations

import socket
from dataclasses import dataclass

ANY = "0.0.0.0"


@dataclass(frozen=True)
class Address:
    """`listen_ip` is what to bind to; the rest is what others are told."""

    listen_ip: str
    listen_port: int
    ip: str
    port: int
    hostname: str


def resolve(
    ip: str | None,
    port: int,
    hostname: str | None,
    *,
    lookup: bool,
    advertise_ip: str | None = None,
    advertise_port: int | None = None,
) -> Address:
    """The address that the flags of the same names mean. `lookup` is `hostname_lookup`.

    Without `ip`: listen everywhere, and be known under the address of the host's own name.
    Raises OSError where that name has no address.
    """
    known_ip = advertise_ip or ip or socket.gethostbyname(socket.gethostname())
    return Address(
        listen_ip=ip or ANY,
        listen_port=port,
        ip=known_ip,
        port=advertise_port or port,
        hostname=hostname or (_name(known_ip) if lookup else known_ip),
    )


def _name(ip: str) -> str:
    """The name of an address, or the address where it has none."""
    return socket.getnameinfo((ip, 0), 0)[0]
