"""A lab and what can be done to its hosts: run programs, cut and restore power, cut and restore the network.

Nothing here prints, and nothing is remembered: every call asks the Docker engine anew.
"""

from __future__ import annotations

import io
import json
import socket
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mesosctl.errors import MesosctlError, UsageError
from mesosctl.lab.docker import Docker, DockerError
from mesosctl.lab.state import State

START_TIMEOUT = 90.0
"""Seconds until a host must answer over SSH; 5 is usual."""
CUTS = "/etc/mesosctl-lab/cuts"
"""Addresses that a host drops all traffic from; the host's own `lab-cuts` reads it, also at boot."""


class LabError(MesosctlError):
    """A lab, or a host of it, that does not do what it should."""


@dataclass(frozen=True, slots=True)
class LabHost:
    name: str
    address: str
    container: str
    running: bool
    """At the time of the look-up."""


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab as it was when it was looked up."""

    name: str
    image: str
    """`plain` or `baked`."""
    hosts: tuple[LabHost, ...]
    docker: Docker
    state: State

    @property
    def key(self) -> Path:
        """The private key that every host accepts for root, ops (sudo without password) and opw (sudo with)."""
        return self.state.key

    def inventory_text(self) -> str:
        """The inventory that `up` wrote. Raises LabError when `up` did not come that far."""
        try:
            return self.state.inventory.read_text()
        except FileNotFoundError as error:
            raise LabError(
                "was not brought up completely",
                where=f"lab {self.name}",
                fix=f"remove it with: mesosctl lab down --name {self.name}",
            ) from error

    def host(self, name: str) -> LabHost:
        """The host of that name. Raises UsageError."""
        for host in self.hosts:
            if host.name == name:
                return host
        names = ", ".join(host.name for host in self.hosts)
        raise UsageError(f"the lab {self.name} has no host {name}", fix=f"its hosts: {names}")

    def exec(
        self, host: str, argv: Sequence[str], *, stdin: bytes | None = None, timeout: float = 600
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program as root on a host without SSH. `timeout` is in seconds."""
        return self.docker.exec(self.host(host).container, argv, stdin=stdin, timeout=timeout)

    def stop(self, *names: str) -> None:
        """Cut the power of hosts. One that is off stays off."""
        each([self.host(name) for name in names], lambda host: self._if_running("kill", host))

    def start(self, *names: str) -> None:
        """Switch hosts on and wait until they answer over SSH. Addresses and cuts are as before.

        Raises LabError for a host that does not answer within START_TIMEOUT.
        """
        hosts = [self.host(name) for name in names]
        each(hosts, lambda host: self.docker.run("start", host.container))
        each(hosts, lambda host: wait_for_ssh(self.docker, host))

    def partition(self, left: Iterable[str], right: Iterable[str]) -> None:
        """Cut all traffic between every host of `left` and every host of `right`, until `heal`. More cuts add up."""
        near, far = {self.host(name) for name in left}, {self.host(name) for name in right}
        if both := near & far:
            raise UsageError(f"{min(host.name for host in both)} is on both sides of the partition")
        cuts = self.cuts()
        for host in near:
            cuts[host.name] = sorted({*cuts.get(host.name, ()), *(other.name for other in far)})
        for host in far:
            cuts[host.name] = sorted({*cuts.get(host.name, ()), *(other.name for other in near)})
        self._apply(near | far, cuts)

    def heal(self) -> None:
        """Remove all cuts of the lab."""
        self._apply(self.hosts, {})

    def cuts(self) -> dict[str, list[str]]:
        """The names of the hosts that each host is cut from."""
        cuts: dict[str, list[str]] = json.loads(self.state.cuts.read_text()) if self.state.cuts.exists() else {}
        return cuts

    def _apply(self, hosts: Iterable[LabHost], cuts: dict[str, list[str]]) -> None:
        """Make these the cuts of these hosts; a host that is off has them when it boots."""
        self.state.write(self.state.cuts, json.dumps(cuts))

        def apply(host: LabHost) -> None:
            addresses = [self.host(other).address for other in cuts.get(host.name, ())]
            self.docker.run("cp", "-", f"{host.container}:/", stdin=_archive(CUTS, "\n".join([*addresses, ""])))
            self._if_running("exec", host, "lab-cuts")

        each(hosts, apply)

    def _if_running(self, command: str, host: LabHost, *arguments: str) -> None:
        try:
            self.docker.run(command, host.container, *arguments)
        except DockerError as error:
            if "is not running" not in error.what:
                raise

    def ssh_command(self, host: str, *command: str, user: str = "root") -> list[str]:
        """The OpenSSH command line that logs in on a host, with its key pinned."""
        options = {
            "IdentityFile": self.key,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.state.known_hosts,
            "StrictHostKeyChecking": "yes",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", *words, "-l", user, self.host(host).address, *command]


def each(hosts: Iterable[LabHost], action: Callable[[LabHost], object]) -> None:
    """Do something to all hosts at once. Raises the first error after all are done."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        for future in [pool.submit(action, host) for host in hosts]:
            future.result()


def wait_for_ssh(docker: Docker, host: LabHost) -> None:
    """Wait until a host lets everybody log in. Raises LabError that says where to look."""
    deadline = time.monotonic() + START_TIMEOUT
    while not _has_ssh(host.address):
        running = docker.run("inspect", "--format", "{{.State.Running}}", host.container) == "true"
        if not running or time.monotonic() > deadline:
            if running:
                what = f"does not answer over SSH after {START_TIMEOUT:.0f} s"
                raise LabError(what, where=host.name, fix=f"see why: docker exec {host.container} journalctl --boot")
            console = docker.run("logs", "--tail", "5", host.container)
            raise LabError("does not boot", where=host.name, fix=f"its console ends with: {console or '(nothing)'}")
        time.sleep(0.1)
    # Until the end of the boot only root may log in (pam_nologin).
    docker.exec(host.container, ["sh", "-c", "while [ -e /run/nologin ]; do sleep 0.1; done"], timeout=START_TIMEOUT)


def _has_ssh(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _archive(path: str, content: str) -> bytes:
    """A tar archive with one file, as `docker cp` takes it."""
    data = content.encode()
    member = tarfile.TarInfo(path.lstrip("/"))
    member.size = len(data)
    member.mode = 0o644
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(member, io.BytesIO(data))
    return archive.getvalue()
