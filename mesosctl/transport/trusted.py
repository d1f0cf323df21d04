"""The judgement on a host key: known, unknown or changed; the same for hosts and for bastions.

Three sources, and the first that knows the server decides: what the cluster itself trusts (keys pinned in the
inventory, and `hosts trust`), the user's ~/.ssh/known_hosts, and the system's. A key marked @revoked in any of them is
refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mesosctl.inventory.known_hosts import KnownHosts
from mesosctl.transport.endpoint import Endpoint
from mesosctl.transport.errors import TransportError
from mesosctl.transport.hostkey import HostKey, parse_key

SYSTEM = Path("/etc/ssh/ssh_known_hosts")
INVENTORY = "the inventory"
"""Source of keys that are pinned there."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored for one server."""

    keys: Sequence[HostKey]
    revoked: Sequence[HostKey]


class TrustedKeys:
    """The tables of one run, each read once; shared by all threads."""

    def __init__(self, cluster_file: Path) -> None:
        self._cluster = _read(cluster_file)
        self._others = [_read(Path("~/.ssh/known_hosts").expanduser()), _read(SYSTEM)]

    def stored(self, endpoint: Endpoint) -> Stored:
        """The keys of the first source that knows the endpoint's address and port."""
        keys, revoked = _keys(self._cluster, endpoint)
        pinned = [key for text in endpoint.host_keys if (key := parse_key(text, INVENTORY)) is not None]
        # The loader also fills in what `hosts trust` has stored; then the file is what messages should name.
        lines = {key.blob: key for key in keys}
        keys = [lines.get(key.blob, key) for key in pinned] or keys
        for table in self._others:
            found, refused = _keys(table, endpoint)
            keys = keys or found
            revoked += refused
        return Stored(keys, revoked)


def _read(path: Path) -> KnownHosts | None:
    try:
        return KnownHosts(path)
    except OSError:
        return None  # what may not be read vouches for nobody


def _keys(table: KnownHosts | None, endpoint: Endpoint) -> tuple[list[HostKey], list[HostKey]]:
    """What a table has for an endpoint: the keys to trust, and the revoked ones."""
    trusted: list[HostKey] = []
    revoked: list[HostKey] = []
    if table is None:
        return trusted, revoked
    for entry in table.entries(endpoint.address, endpoint.port):
        key = parse_key(entry.key, f"{table.path} line {entry.line}")
        if key is not None:
            (revoked if entry.revoked else trusted).append(key)
    return trusted, revoked


def judge(endpoint: Endpoint, stored: Stored, key: HostKey) -> None:
    """Raise TransportError (host-key-unknown, host-key-changed) unless the server's key is a stored one."""
    where = f"{endpoint.address} port {endpoint.port}"
    revoked = next((r for r in stored.revoked if r.blob == key.blob), None)
    if revoked is not None:
        raise TransportError(
            "host-key-changed",
            f"{where} shows the host key {key.type} {key.fingerprint}, which {revoked.source} marks as revoked",
            host=endpoint.host,
            fix="find out who answers at this address before you connect to it again",
        )
    if any(known.blob == key.blob for known in stored.keys):
        return
    if stored.keys:
        known = next((k for k in stored.keys if k.type == key.type), stored.keys[0])
        raise TransportError(
            "host-key-changed",
            f"the host key of {where} has CHANGED: it shows {key.type} {key.fingerprint}, "
            f"but {known.source} has {known.type} {known.fingerprint}",
            host=endpoint.host,
            fix="somebody may be listening in, or the host was installed anew: ask its owner, compare the fingerprint, "
            + (
                "then correct host_keys in the inventory"
                if known.source == INVENTORY
                else f"then: mesosctl hosts trust --replace {endpoint.name}"
            ),
        )
    raise TransportError(
        "host-key-unknown",
        f"the host key of {where} is not known: {key.type} {key.fingerprint}",
        host=endpoint.host,
        fix="compare the fingerprint with the host's own, and store it with: mesosctl hosts trust",
    )
