"""Where the controller keeps what belongs to a cluster, and the names of the files there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


def state_dir(cluster: str) -> Path:
    """The folder of a cluster's state: $MESOSCTL_STATE/CLUSTER, or $XDG_STATE_HOME/mesosctl/CLUSTER, where
    XDG_STATE_HOME defaults to ~/.local/state (XDG Base Directory Specification: relative values do not count)."""
    if named := os.environ.get("MESOSCTL_STATE"):
        return Path(named).absolute() / cluster
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():
        base = Path(os.path.expanduser("~")) / ".local" / "state"
    return base / "mesosctl" / cluster


@dataclass(frozen=True, slots=True)
class State:
    """The files of one cluster's state folder (`Cluster.state_dir`); none of them needs to exist."""

    folder: Path

    @property
    def known_hosts(self) -> Path:
        """Host keys in OpenSSH's known_hosts form, written by `hosts trust`."""
        return self.folder / "known_hosts"

    @property
    def operator_key(self) -> Path:
        """Private key with which the controller logs in."""
        return self.folder / "id_ed25519"

    @property
    def operator_public(self) -> Path:
        return self.folder / "id_ed25519.pub"

    @property
    def node_key(self) -> Path:
        """Private key with which the masters reach all nodes."""
        return self.folder / "nodes_ed25519"

    @property
    def node_public(self) -> Path:
        return self.folder / "nodes_ed25519.pub"

    @property
    def audit(self) -> Path:
        """Who ran what, one JSON object a line."""
        return self.folder / "audit.jsonl"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    def ensure(self) -> Path:
        """Make the folder, for its owner only; returns it. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.folder
