"""The judgement on a host key: known, unknown or changed; the same for hosts and for bastions.

Three sources, and the first that knows the server decides: what the cluster itself trusts (keys pinned in the
inventory, and `hosts trust`), the user's ~/.ssh/known_hosts, and the system's. A key marked @revoked in any of them is
refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mesosctl.transport.endpoint import Endpoint
from mesosctl.transport.errors import TransportError
from mesosctl.transport.known import HostKey, KnownHosts, parse_key

SYSTEM = Path("/etc/ssh/ssh_known_hosts")


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored for one server."""

    keys: Sequence[HostKey]
    revoked: Sequence[HostKey]


class TrustedKeys:
    """The tables of one run, each read once; shared by all threads."""

    def __init__(self, cluster_file: Path, user_file: Path | None = None, system_file: Path = SYSTEM) -> None:
        """`user_file` None: ~/.ssh/known_hosts."""
        self._cluster = KnownHosts(cluster_file)
        self._others = [KnownHosts(user_file or Path("~/.ssh/known_hosts").expanduser()), KnownHosts(system_file)]

    def stored(self, endpoint: Endpoint) -> Stored:
        """The keys of the first source that knows the endpoint's address and port."""
        keys, revoked = self._cluster.keys(endpoint.address, endpoint.port)
        seen = {key.blob for key in keys}
        pinned = [parse_key(text, "the inventory") for text in endpoint.host_keys]
        keys += [key for key in pinned if key is not None and key.blob not in seen]
        for table in self._others:
            found, refused = table.keys(endpoint.address, endpoint.port)
            keys = keys or found
            revoked += refused
        return Stored(keys, revoked)


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
            f"then: mesosctl hosts trust --replace {endpoint.name}",
        )
    raise TransportError(
        "host-key-unknown",
        f"the host key of {where} is not known: {key.type} {key.fingerprint}",
        host=endpoint.host,
        fix="compare the fingerprint with the host's own, and store it with: mesosctl hosts trust",
    )
