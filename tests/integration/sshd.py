"""Real sshd processes on loopback, each with its own configuration, keys and port, and users made for the test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mesosctl.inventory.model import Cluster, Host, Secret, Ssh
from tests.ports import free_port

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))


def make_key(path: Path, *, kind: str = "ed25519", passphrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", path], check=True)
    return path


class Sshd:
    """One sshd on 127.0.0.1. `folder` keeps its files; `authorized` are the public keys that may log in."""

    def __init__(self, folder: Path, *authorized: Path, host_key: str = "ed25519", options: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.key = make_key(folder / "host_key", kind=host_key)
        (folder / "authorized").write_text("".join(key.with_name(key.name + ".pub").read_text() for key in authorized))
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        config = self.folder / "sshd_config"
        # of several values for an option sshd takes the first
        config.write_text(
            f"{self._options}\nListenAddress 127.0.0.1:{self.port}\nHostKey {self.key}\nPidFile none\n"
            f"UsePAM no\nUseDNS no\nStrictModes no\nPermitRootLogin yes\nAuthorizedKeysFile none\n"
            f"AuthorizedKeysCommand /bin/cat {self.folder}/authorized\nAuthorizedKeysCommandUser root\n"
            f"MaxStartups 500:30:1000\nKbdInteractiveAuthentication no\n"
        )
        Path("/run/sshd").mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", config], stdout=log, stderr=log, start_new_session=True
            )
        wait_for_port(self.port)

    @property
    def public_key(self) -> str:
        return " ".join(self.key.with_name(self.key.name + ".pub").read_text().split()[:2])

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def signal_sessions(self, number: int) -> None:
        """Send a signal to every process of the running sessions, not to the listener."""
        assert self._process is not None
        for pid in descendants(self._process.pid):
            with suppress(OSError):  # it may just have ended
                if "sshd" in Path(f"/proc/{pid}/comm").read_text():
                    os.kill(pid, number)

    def stop(self) -> None:
        """Kill listener and sessions at once, as a power cut would."""
        if self._process is not None:
            for pid in [*descendants(self._process.pid), self._process.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def host(self, name: str, *, pinned: bool = True, **ssh: object) -> Host:
        """This sshd as a host of a cluster."""
        return Host(
            name=name,
            address="127.0.0.1",
            roles=frozenset(),
            ssh=Ssh(port=self.port, **ssh),  # type: ignore[arg-type]
            host_keys=(self.public_key,) if pinned else (),
        )


def descendants(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    found: list[int] = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []  # it has just ended
    for child in map(int, children):
        found += [child, *descendants(child)]
    return found


def wait_for_port(port: int) -> None:
    for _ in range(100):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"sshd does not listen on port {port}")


def make_cluster(state: Path, *hosts: Host) -> Cluster:
    return Cluster(name="test", hosts=hosts, path=Path("inventory.yaml"), state_dir=state)


def secret(value: str) -> Secret:
    return Secret("env:SECRET", value)


@contextmanager
def user(name: str, password: str, sudoers: str = "") -> Iterator[str]:
    """A user of this machine that goes away again. `sudoers`: what may follow its name there."""
    subprocess.run(["userdel", "-rf", name], capture_output=True)
    subprocess.run(["useradd", "-m", "-s", "/bin/bash", name], check=True)
    subprocess.run(["chpasswd"], input=f"{name}:{password}", text=True, check=True)
    rules = Path(f"/etc/sudoers.d/{name}")
    if sudoers:
        rules.touch(0o440)
        rules.write_text(sudoers.replace("USER", name) + "\n")
    try:
        yield name
    finally:
        rules.unlink(missing_ok=True)
        subprocess.run(["userdel", "-rf", name], capture_output=True)
