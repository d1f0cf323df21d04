"""The files that the controller keeps of a cluster, all in one folder of the user's state directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ClusterState:
    """Names of the files below `Cluster.state_dir`."""

    folder: Path

    @property
    def known_hosts(self) -> Path:
        """Host keys that `hosts trust` stored, in OpenSSH's format."""
        return self.folder / "known_hosts"

    @property
    def operator_key(self) -> Path:
        """The key with which the controller logs in; the public half has the same name with .pub."""
        return self.folder / "id_ed25519"

    @property
    def node_key(self) -> Path:
        """The key with which the masters reach the nodes."""
        return self.folder / "nodes_ed25519"

    @property
    def audit(self) -> Path:
        """Who ran what: a JSON object a line."""
        return self.folder / "audit.jsonl"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"


def state_home() -> Path:
    """The folder that holds a folder for each cluster: MESOSCTL_STATE, or mesosctl in the XDG state directory."""
    named = os.environ.get("MESOSCTL_STATE")
    if named:
        return Path(named)
    xdg = os.environ.get("XDG_STATE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".local" / "state") / "mesosctl"
