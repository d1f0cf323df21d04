"""Logins with less than all that is at hand: to prove that one key opens a host, or that it opens without that key.

Bastions are logged in to as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mesosctl.inventory.model import Cluster, Host
from mesosctl.inventory.state import ClusterState
from mesosctl.transport.endpoint import Endpoint, Identity
from mesosctl.transport.login import Candidate, Keyring, LockedKey
from mesosctl.transport.ssh import SshConnection, SshTransport


class OnlyKey(SshTransport):
    """Logs in with the key of one file, and neither with another key nor with a password."""

    def __init__(self, cluster: Cluster, key: Path) -> None:
        super().__init__(cluster)
        self._keyring = _OnlyKey(ClusterState(cluster.state_dir).operator_key, key)

    def connect(self, host: Host) -> SshConnection:
        return super().connect(replace(host, ssh=replace(host.ssh, password=None)))


class WithoutOperatorKey(SshTransport):
    """Logs in with all that is at hand except the cluster's own key, wherever that is named."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._keyring = _WithoutKey(ClusterState(cluster.state_dir).operator_key)


class _OnlyKey(Keyring):
    def __init__(self, cluster_key: Path, key: Path) -> None:
        super().__init__(cluster_key)
        self._key = key

    def candidates(self, endpoint: Endpoint, problems: list[str]) -> Iterator[Candidate]:
        if endpoint.bastion:
            yield from super().candidates(endpoint, problems)
        elif key := self.load(Identity(self._key)):
            yield Candidate(f"key {self._key}", key)


class _WithoutKey(Keyring):
    def candidates(self, endpoint: Endpoint, problems: list[str]) -> Iterator[Candidate]:
        try:
            barred = self.load(Identity(self._cluster_key))
        except LockedKey:
            barred = None
        for candidate in super().candidates(endpoint, problems):
            if endpoint.bastion or barred is None or candidate.key.asbytes() != barred.asbytes():
                yield candidate
