"""Machines of User-mode Linux on a network of their own: switched on, cut from power, rebooted by themselves.

Each is a process whose memory is a deleted file in /dev/shm and whose disk holds what differs from the image. A reboot
from within keeps the process. Needs root.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mesosctl.lab.machine import routes
from mesosctl.lab.state import locked
from tests.machines.image import Image

MEMORY_MB = 1024
BOOT_TIMEOUT = 300.0
"""Seconds until a machine lets root log in; 30 is usual, and relabelling all its files takes two boots."""
NETWORKS = ipaddress.IPv4Network("172.29.0.0/16")
FIRST_ADDRESS = 11
SHARED_MEMORY = Path("/dev/shm")


class Machine:
    """One machine. It is off until `start`."""

    def __init__(self, name: str, address: str, image: Image, folder: Path, wire: str, gateway: str) -> None:
        self.name = name
        self.address = address
        self.image = image
        self.console = folder / f"{name}.console"
        """What its kernel and systemd say, over all boots."""
        self._folder = folder
        self._wire = wire
        self._gateway = gateway
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> None:
        """Switch it on and wait until root can log in. `arguments` are the kernel's, for this and later reboots."""
        command = [
            "linux.uml",
            f"mem={MEMORY_MB}M",
            f"uml_dir={self._folder}",
            f"umid={self.name}",
            f"ubd0={self._folder / self.name}.disk,{self.image.path}",
            "root=/dev/ubda",
            "rw",
            f"eth0=tuntap,{self._wire},02:00:{':'.join(f'{int(part):02x}' for part in self.address.split('.'))}",
            f"machine={self.name},{self.address},{self._gateway}",
            *("con=null", "con0=null,fd:2", "ssl=null"),
            *arguments,
        ]
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                command,
                env={"PATH": os.environ["PATH"], "TMPDIR": str(SHARED_MEMORY)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=console,
                start_new_session=True,
            )
        self._until_another_boot("")

    def cut_power(self) -> None:
        """End it at once; what it had not written to its disk is lost."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def reboot(self) -> None:
        """Let it shut down and boot, and wait until root can log in again."""
        before = self.boot_id()
        self.ssh("systemctl --no-block reboot")
        self._until_another_boot(before)

    def boot_id(self) -> str:
        """The kernel's id of this boot; "" while it does not answer."""
        done = self.ssh("test ! -e /run/nologin && cat /proc/sys/kernel/random/boot_id")
        return done.stdout.strip() if done.returncode == 0 else ""

    def sh(self, script: str) -> str:
        """The output of a script that root runs there; it must end well."""
        done = self.ssh(script)
        assert done.returncode == 0, f"{self.name}: {script}: {done.stderr}{done.stdout}"
        return done.stdout

    def ssh(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script as root, however it ends."""
        return subprocess.run([*self.ssh_command(), script], capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def ssh_command(self) -> list[str]:
        """The OpenSSH command line that logs in as root, with the machine's key pinned."""
        options = {
            "IdentityFile": self.image.key,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self._known_hosts(),
            "StrictHostKeyChecking": "yes",
            "ConnectTimeout": "5",
            "ServerAliveInterval": "5",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", *words, "-l", "root", self.address]

    def _known_hosts(self) -> Path:
        file = self._folder / f"{self.name}.known_hosts"
        if not file.exists():
            file.write_text(f"{self.address} {self.image.host_key}\n")
        return file

    def _until_another_boot(self, before: str) -> None:
        assert self._process
        end = time.monotonic() + BOOT_TIMEOUT
        while (now := self.boot_id()) in {"", before}:
            told = self.console.read_text(errors="replace")[-2000:]
            assert self._process.poll() is None, f"{self.name} ended: {told}"
            assert time.monotonic() < end, f"{self.name} did not come up: {told}"
            time.sleep(1)
        assert now


@contextmanager
def machines(names: Sequence[str], image: Image, folder: Path) -> Iterator[list[Machine]]:
    """Machines that are off, one for each name, on a network that goes away with them."""
    bridge = f"uml{os.getpid()}"
    wires = [f"{bridge}-{number}" for number in range(len(names))]
    made: list[Machine] = []
    # Where a Docker engine guards what is forwarded, that is also between the ports of other bridges.
    passage = ["FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT"]
    try:
        subnet = _bridge(bridge)
        made += [
            Machine(name, str(subnet[FIRST_ADDRESS + number]), image, folder, wire, str(subnet[1]))
            for number, (name, wire) in enumerate(zip(names, wires, strict=True))
        ]
        subprocess.run(["iptables", "-I", *passage], check=True)
        for wire in wires:
            _ip("tuntap", "add", wire, "mode", "tap")
            _ip("link", "set", wire, "master", bridge, "up")
        yield made
    finally:
        for machine in made:
            machine.cut_power()
        subprocess.run(["iptables", "-D", *passage], check=False)
        for device in (*wires, bridge):
            subprocess.run(["ip", "link", "delete", device], check=False, capture_output=True)


def _bridge(name: str) -> ipaddress.IPv4Network:
    """Makes a bridge that has the first address of a subnet which this machine has no route to yet."""
    with locked("machines-network", lambda: None):
        used = routes()
        subnet = next(net for net in NETWORKS.subnets(new_prefix=24) if not any(net.overlaps(each) for each in used))
        _ip("link", "add", name, "type", "bridge")
        _ip("address", "add", f"{subnet[1]}/24", "dev", name)
        _ip("link", "set", name, "up")
        return subnet


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
