"""The files that the controller keeps of a cluster, all in one folder of the user's state directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


def state_home() -> Path:
    """The folder that holds a folder for each cluster: MESOSCTL_STATE, or mesosctl in the XDG state directory.

    A relative XDG_STATE_HOME does not count (XDG Base Directory Specification); the default is ~/.local/state.
    """
    if named := os.environ.get("MESOSCTL_STATE"):
        return Path(named).absolute()
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():
        base = Path(os.path.expanduser("~")) / ".local" / "state"
    return base / "mesosctl"


@dataclass(frozen=True, slots=True)
class ClusterState:
    """Names of the files below `Cluster.state_dir`; none of them needs to exist."""

    folder: Path

    @property
    def known_hosts(self) -> Path:
        """Host keys that `hosts trust` stored, in OpenSSH's format."""
        return self.folder / "known_hosts"

    @property
    def operator_key(self) -> Path:
        """The key with which the controller logs in."""
        return self.folder / "id_ed25519"

    @property
    def operator_public(self) -> Path:
        return self.folder / "id_ed25519.pub"

    @property
    def node_key(self) -> Path:
        """The key with which the masters reach all nodes."""
        return self.folder / "nodes_ed25519"

    @property
    def node_public(self) -> Path:
        return self.folder / "nodes_ed25519.pub"

    @property
    def audit(self) -> Path:
        """Who ran what: a JSON object a line."""
        return self.folder / "audit.jsonl"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"
