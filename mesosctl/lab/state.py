"""What labs keep in files: each its key, its hosts' keys and its inventory, in a folder for root's eyes only.

Which hosts a lab has is not kept here: the Docker engine knows, by labels, also after a crash.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mesosctl.inventory.state import state_home
from mesosctl.transport.files import write_private

MACHINE_STATE = Path("/var/lib/mesosctl-lab")
"""What belongs to no single lab: locks, the build of the images, our own Docker engine."""

Progress = Callable[[str], None]
"""Told in a few words what happens next; called by one thread at a time."""


@dataclass(frozen=True, slots=True)
class State:
    """The files of one lab; not all of them need to exist."""

    directory: Path

    @property
    def key(self) -> Path:
        """Private key, accepted by every host for root, ops and opw."""
        return self.directory / "key"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def inventory(self) -> Path:
        return self.directory / "inventory.yaml"

    @property
    def cuts(self) -> Path:
        """The cuts between hosts, as JSON."""
        return self.directory / "cuts.json"

    def write(self, path: Path, content: str) -> None:
        """Write one of the files above, mode 0600, whole or not at all."""
        write_private(path, content)

    def public_key(self) -> str:
        """The public half of the lab's key, which is made now if there is none."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import (
            Encoding,
            NoEncryption,
            PrivateFormat,
            PublicFormat,
            load_ssh_private_key,
        )

        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.key.exists():
            new = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
            self.write(self.key, new.decode())
        private = load_ssh_private_key(self.key.read_bytes(), password=None)
        return private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def lab_state(name: str) -> State:
    """The state of the lab of that name, beside that of the clusters."""
    return State(state_home() / "labs" / name)


@contextmanager
def locked(name: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock of this machine; `waiting` is called where another process has it and it has to be waited for."""
    MACHINE_STATE.mkdir(parents=True, exist_ok=True)
    with (MACHINE_STATE / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
