"""Hosts to measure against: an sshd each, on an address of its own (127.1.x.y), in a mount namespace of its own.

The namespace has its own /run, /root, /srv and /var/lib/mesosctl (memory file systems), so every target is a host of
its own to a tool: same paths, separate content. The rest is this machine's. root's home is as Debian installs it: what
this machine's user has in ~/.bashrc would cost every tool, for every session.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.ports import free_port

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin") or "sshd"
STATE = Path("/var/lib/mesosctl")
BASHRC = "/usr/share/base-files/dot.bashrc"
"""What root has in ~/.bashrc on a fresh Debian."""
ROOT = Path("/srv/bench")
"""Where the payload goes, on every target."""


@dataclass(frozen=True)
class Target:
    name: str
    address: str
    port: int
    host_key: str
    """`ssh-ed25519 AAAA…`"""
    process: subprocess.Popen[bytes]

    def path(self, path: Path) -> Path:
        """A file of the target, as this process reaches it."""
        return Path(f"/proc/{self.process.pid}/root{path}")

    def reset(self) -> None:
        """Forget everything that was put there."""
        for folder in (ROOT, STATE):
            for entry in self.path(folder).iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self.path(Path("/run/mesosctl.lock")).unlink(missing_ok=True)


class Targets:
    """A context manager: `count` targets, with the key that logs root in, and their known_hosts."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.key = _make_key(folder / "id_ed25519")
        self.known_hosts = folder / "known_hosts"
        self._made_state = not STATE.exists()
        STATE.mkdir(exist_ok=True)
        port = free_port("")
        self.list = [self._start(number, port) for number in range(1, count + 1)]
        self.known_hosts.write_text("".join(f"[{t.address}]:{t.port} {t.host_key}\n" for t in self.list))
        for target in self.list:
            _wait_for(target)

    def __enter__(self) -> Targets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for target in self.list:
            target.process.kill()
        for target in self.list:
            target.process.wait()
        if self._made_state:
            with contextlib.suppress(OSError):
                STATE.rmdir()

    def _start(self, number: int, port: int) -> Target:
        folder = self.folder / f"h{number}"
        folder.mkdir()
        host_key = _make_key(folder / "host_key")
        config = folder / "sshd_config"
        config.write_text(
            f"ListenAddress {address(number)}:{port}\nHostKey {host_key}\nPidFile none\nUsePAM no\nUseDNS no\n"
            f"StrictModes no\nPermitRootLogin yes\nAuthorizedKeysFile {self.key}.pub\nMaxStartups 1000\n"
            "MaxSessions 100\nSubsystem sftp internal-sftp\n"
        )
        separate = " && ".join(
            [
                "mount -t tmpfs -o mode=755 none /run",
                "mkdir /run/sshd",
                "mount -t tmpfs none /srv",
                f"mkdir {ROOT}",
                "mount -t tmpfs -o mode=700 none /root",
                f"cp {BASHRC} /root/.bashrc",
                f"mount -t tmpfs -o mode=755 none {STATE}",
                f"exec {SSHD} -D -e -f {shlex.quote(str(config))}",
            ]
        )
        with (folder / "log").open("wb") as log:
            # --pdeathsig: no sshd outlives the bench, however that ends
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c", separate],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return Target(f"h{number}", address(number), port, _public(host_key), process)


def inventory(names: Sequence[str], port: int, host_keys: Sequence[str], key: Path) -> str:
    """A mesosctl inventory of hosts named h1, h2 … at their `address`."""
    lines = ["name: bench", "ssh:", "  user: root", f"  port: {port}", f'  key: "{key}"', "hosts:"]
    for number, (name, host_key) in enumerate(zip(names, host_keys, strict=True), 1):
        lines += [
            f"  {name}:",
            f"    address: {address(number)}",
            f"    roles: [{'zookeeper, master' if number == 1 else 'agent'}]",
            *(["    zookeeper_id: 1"] if number == 1 else []),
            f"    host_keys: ['{host_key}']",
        ]
    return "\n".join(lines) + "\n"


def address(number: int) -> str:
    """The address of the host of that number, from 1 on: all of 127/8 is this machine."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def _make_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path


def _public(key: Path) -> str:
    return key.with_name(f"{key.name}.pub").read_text().strip()


def _wait_for(target: Target) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as sock:
            if sock.connect_ex((target.address, target.port)) == 0:
                return
        if target.process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"sshd of {target.name} does not listen; its log is beside its sshd_config")


def is_possible() -> bool:
    """Whether this machine can make targets: root, and mount namespaces."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0
