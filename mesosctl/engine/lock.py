"""One run at a time on a cluster.

Two locks hold it: a file lock on the controller, which ends with the process that holds it, and a lock with owner and
expiry on every host (`lock` in resources/prelude.sh). A host's lock that was left by a killed run of this controller
is taken over at once, because the file lock proves that no such run is alive; one of another controller is respected
until it expires.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import socket
import time
import uuid
from pathlib import Path

from mesosctl.errors import RefusedError
from mesosctl.inventory.model import Cluster
from mesosctl.inventory.state import ClusterState


class ControllerLock:
    """The controller's lock of a cluster, held from construction until `release`.

    Raises RefusedError where another process of this machine holds it.
    """

    def __init__(self, cluster: Cluster, run_id: str, action: str) -> None:
        path = ClusterState(cluster.state_dir).lock
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip()
            self._file.close()
            raise RefusedError(
                f"another mesosctl works on the cluster {cluster.name}: {holder or 'it just started'}",
                fix="wait until it has ended",
            ) from None
        self._file.truncate(0)
        self._file.write(
            f"{action} by {owner()}, process {os.getpid()}, run {run_id}, since {time.strftime('%H:%M:%S')}\n"
        )
        self._file.flush()

    def release(self) -> None:
        self._file.close()


def owner() -> str:
    """Who runs this, as others are shown it: user@machine."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def controller_id() -> str:
    """Names this machine and user, the same in every run: only they share the controller's lock file."""
    try:
        machine = Path("/etc/machine-id").read_text().strip()
    except OSError:
        machine = ""
    return f"{machine or format(uuid.getnode(), 'x')}-{os.getuid()}"
