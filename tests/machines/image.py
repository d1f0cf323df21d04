"""The root file system of machines with a kernel of their own, kept until its recipe changes.

It is a lab's baked image with SELinux and the kernel's modules added, as an ext4 file system. Its files are labelled
here, so that a machine may enforce from its first boot on: setfiles(8) needs no SELinux where it runs. root accepts a
key that is kept beside it. Needs root, a Docker engine, and Debian's user-mode-linux.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mesosctl.lab import ImageKind
from mesosctl.lab.docker import Docker
from mesosctl.lab.engine import engine
from mesosctl.lab.image import discard, ensure
from mesosctl.lab.state import MACHINE_STATE, locked

TAG = "mesosctl-machine"
FOLDER = MACHINE_STATE / "machines"
MODULES = Path("/usr/lib/uml/modules")
SIZE = 4 << 30
"""Bytes that the file system may hold; the file takes what it does hold."""
PACKAGES = "selinux-utils policycoreutils selinux-policy-default"
INSTALL = (
    f"apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends {PACKAGES} "
    "&& apt-get clean && rm -rf /var/lib/apt/lists/*"
)
SETUP = Path(__file__).with_name("setup.sh")
BOOT = Path(__file__).with_name("boot.sh")
LABEL = "mount -t proc proc proc && exec chroot . setfiles -F /etc/selinux/default/contexts/files/file_contexts /"


@dataclass(frozen=True)
class Image:
    """A root file system for User-mode Linux; machines write to a file of their own."""

    path: Path

    @property
    def key(self) -> Path:
        """The private key that root's account accepts."""
        return self.path.with_suffix(".key")

    @property
    def host_key(self) -> str:
        """The public key of every machine's sshd, as known_hosts and inventories write it."""
        return self.path.with_suffix(".host").read_text().strip()


def image() -> Image:
    """The image that the present recipe makes, built first where it is missing."""
    with locked("labs", lambda: None):
        docker = engine(lambda text: None)
        base = ensure(docker, ImageKind.BAKED, lambda text: None)
    with locked("machines", lambda: None):
        kernel = subprocess.run(["linux.uml", "--version"], check=True, capture_output=True).stdout
        recipe = [base.encode(), INSTALL.encode(), SETUP.read_bytes(), BOOT.read_bytes(), LABEL.encode(), kernel]
        digest = hashlib.sha256(b"\0".join(recipe)).hexdigest()[:12]
        found = Image(FOLDER / f"{digest}.raw")
        if not found.path.exists():
            FOLDER.mkdir(mode=0o700, exist_ok=True)
            for outdated in FOLDER.iterdir():
                discard(outdated) if outdated.is_dir() else outdated.unlink()
            _build(docker, base, found)
        return found


def _build(docker: Docker, base: str, made: Image) -> None:
    recipe = f"FROM {base}\nRUN {INSTALL}\n".encode()
    _run(docker.command("build", "--network", "host", "--force-rm", "--tag", TAG, "-"), recipe)
    with TemporaryDirectory(dir=FOLDER, prefix="root-") as folder:
        root = Path(folder, "root")
        root.mkdir()
        _unpack(docker, root)
        _run(["cp", "--recursive", f"{MODULES}/.", str(root / "usr/lib/modules")])
        for name in (SETUP, BOOT):
            _run(["install", "-m", "755", str(name), str(root / "usr/local/sbin" / name.name)])
        made.key.unlink(missing_ok=True)
        _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(made.key)])
        public = Path(f"{made.key}.pub").read_bytes()
        _run(["chroot", str(root), "/usr/local/sbin/setup.sh"], public)
        host_key = (root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
        made.path.with_suffix(".host").write_text(" ".join(host_key[:2]))
        _run(["unshare", "--mount", "sh", "-c", f"cd {root} && {LABEL}"])
        new = Path(folder, "new.raw")
        with new.open("wb") as file:
            file.truncate(SIZE)
        _run(["mkfs.ext4", "-q", "-d", str(root), str(new)])
        new.rename(made.path)


def _unpack(docker: Docker, root: Path) -> None:
    container = docker.run("create", TAG)
    try:
        with subprocess.Popen(docker.command("export", container), stdout=subprocess.PIPE) as export:
            subprocess.run(
                ["tar", "--extract", "--numeric-owner", "--directory", str(root)], stdin=export.stdout, check=True
            )
        assert export.returncode == 0
    finally:
        docker.run("rm", container)


def _run(command: Sequence[str], stdin: bytes = b"") -> None:
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(command, input=stdin, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout.decode(errors='replace')[-2000:]}"
