"""The cluster's key files: the operator's key, with which the controller logs in, and the nodes' key.

This module handles files only; `mesosctl.tasks.ssh_keys` puts the public halves on the hosts.

First contact (`keys push`): `ensure`, then run the chapter with the keys it returns (`replace(cluster, keys=…)`). Login
works by whatever works without the new key, e.g. a password.

Rotation (`keys rotate`), each step safe to repeat after an interruption:

1. `stage` makes new keys beside the present ones and returns both: authorise them on all hosts. Login still uses the
   present key.
2. Only when every host has taken them: `adopt` puts the new keys in place of the present ones.
3. Run the chapter again with the keys that `adopt` returns: the hosts forget the old public halves, the masters get the
   new private half.

Where step 1 fails for a host, nothing is lost: repeat it, or `discard` the new keys and run the chapter with `present`.

Revocation (`keys revoke`): run the chapter with an empty `Keys()`, then `remove`.
"""

from __future__ import annotations

from pathlib import Path

from mesosctl.errors import MesosctlError
from mesosctl.inventory.model import Cluster, Keys, Secret
from mesosctl.inventory.state import ClusterState
from mesosctl.transport.files import state_folder, write_private


def ensure(cluster: Cluster) -> Keys:
    """The cluster's keys, made where there are none. Raises MesosctlError, as all functions here."""
    state = ClusterState(cluster.state_dir)
    with state_folder(state):
        for path in (state.operator_key, state.node_key):
            _ensure(path, cluster.name)
        return _keys(state)


def present(cluster: Cluster) -> Keys:
    """The keys in use; empty where there are none."""
    state = ClusterState(cluster.state_dir)
    with state_folder(state):
        return _keys(state)


def stage(cluster: Cluster) -> Keys:
    """Make the successors of both keys, or find those of an interrupted rotation.

    Returns the keys in use, with the public halves of both generations, one a line.
    """
    state = ClusterState(cluster.state_dir)
    with state_folder(state):
        for path in (state.operator_key, state.node_key):
            _ensure(path, cluster.name)
            _ensure(_successor(path), cluster.name)
        return Keys(
            operator_public=f"{_public(state.operator_key)}\n{_public(_successor(state.operator_key))}",
            node_public=f"{_public(state.node_key)}\n{_public(_successor(state.node_key))}",
            node_private=_private(state.node_key),
        )


def staged_operator_key(cluster: Cluster) -> Path:
    """The private half of the operator's staged key, to try it before it is adopted."""
    return _successor(ClusterState(cluster.state_dir).operator_key)


def adopt(cluster: Cluster) -> Keys:
    """Put the staged keys in place of the present ones, and return them."""
    state = ClusterState(cluster.state_dir)
    with state_folder(state):
        for path in (state.operator_key, state.node_key):
            successor = _successor(path)
            if successor.exists():
                successor.replace(path)
                _ensure(path, cluster.name)
                _public_path(successor).unlink(missing_ok=True)
        return _keys(state)


def discard(cluster: Cluster) -> None:
    """Forget the staged keys."""
    state = ClusterState(cluster.state_dir)
    with state_folder(state):
        for path in (state.operator_key, state.node_key):
            _remove(_successor(path))


def remove(cluster: Cluster) -> None:
    """Delete all keys of the cluster from the controller."""
    state = ClusterState(cluster.state_dir)
    with state_folder(state):
        for path in (state.operator_key, state.node_key):
            _remove(path)
            _remove(_successor(path))


def _ensure(path: Path, cluster: str) -> None:
    """Make a key pair where there is no private half, and the public half where that is missing or of another key."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = serialization.load_ssh_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        write_private(path, text.decode())
    except ValueError:
        raise MesosctlError(
            "is no private key", where=str(path), fix="restore it, or move it away and run: mesosctl keys push"
        ) from None
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    line = f"{public.decode()} mesosctl-{cluster}\n"
    if not _public_path(path).exists() or _public_path(path).read_text(encoding="utf-8") != line:
        write_private(_public_path(path), line)


def _keys(state: ClusterState) -> Keys:
    return Keys(
        operator_public=_public(state.operator_key),
        node_public=_public(state.node_key),
        node_private=_private(state.node_key),
    )


def _public(path: Path) -> str:
    return _public_path(path).read_text(encoding="utf-8").strip() if _public_path(path).exists() else ""


def _private(path: Path) -> Secret | None:
    return Secret(f"file:{path}", path.read_text(encoding="utf-8")) if path.exists() else None


def _public_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.pub")


def _successor(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _remove(path: Path) -> None:
    for file in (path, _public_path(path)):
        file.unlink(missing_ok=True)
