"""What a host says of itself: gathered in one round trip before any task is asked what it wants.

`facts_program` is the sh that gathers (facts.sh), `FactsReader` reads its lines. Tasks get a `Facts`; they never ask
the host.
"""

from __future__ import annotations

import base64
import functools
import importlib.resources
import re
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from mesosctl.engine.answer import Answer
from mesosctl.inventory.model import Cluster, Host
from mesosctl.resources.program import Lock, assemble


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP port that something listens on. `process` and `pid` are "" and 0 where the kernel does not tell."""

    port: int
    address: str
    process: str
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of one host."""

    os_id: str
    """ID of os-release: debian, ubuntu, rocky…"""
    os_version: str
    """VERSION_ID of os-release: 12, 22.04, 9.3…"""
    os_codename: str = ""
    family: str
    """`debian`, `redhat`, or "" for neither."""
    package_manager: str
    """`apt`, `dnf`, `yum`, or ""."""
    init: str
    """`systemd`, or `script` where systemd is not the init."""
    architecture: str = "x86_64"
    kernel: str = ""
    hostname: str = ""
    selinux: str = "absent"
    """`absent`, `disabled`, `permissive` or `enforcing`, as the kernel has it now."""
    selinux_config: str = ""
    """SELINUX= of /etc/selinux/config, "" where there is no such file."""
    cpus: int = 1
    memory_mb: int = 0
    disk_free_mb: Mapping[str, int] = field(default_factory=dict)
    """Free space at /, /var and /usr."""
    clock: float = 0.0
    """Seconds that the host's clock is ahead of the controller's, within half a round trip."""
    time_synchronised: bool | None = None
    """None where the host cannot tell."""
    python: str = ""
    java: str = ""
    """Version of the java on PATH, "" when there is none."""
    docker: str = ""
    cgroup: str = ""
    """`v1`, `v2`, `hybrid` or ""."""
    homes: Mapping[str, str] = field(default_factory=dict)
    """Home directories by user name."""
    listeners: tuple[Listener, ...] = ()
    programs: Mapping[int, str] = field(default_factory=dict)
    """What listens, by process id, where its command line says more than its name: zookeeper, marathon,
    mesos-master, mesos-agent."""
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Addresses of the cluster's names as this host resolves them, none where it cannot."""
    knocks: Mapping[tuple[str, int], str] = field(default_factory=dict)
    """How connections to other hosts' (address, port) went: `open`, `refused`, `silent` (no answer in time) or
    `unreachable`."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Addresses of package sources, each with why it cannot be fetched from, "" where it can."""
    time_service: str = ""
    """The unit that keeps the clock and its state, e.g. `chronyd active`; "" where none is installed."""
    container: bool = False
    """The host is a container: its clock is that of the machine below."""
    lock: str = ""
    """The lock that a run holds or left: `RUN CONTROLLER EXPIRY PID OWNER`, see resources/prelude.sh."""
    docker_unit_files: tuple[str, ...] = ()
    """EnvironmentFile= paths of docker.service, e.g. /etc/sysconfig/docker."""
    zookeeper_servers: tuple[str, ...] = ()
    """`server.N=…` lines of the zoo.cfg in place."""
    zookeeper_myid: str = ""
    zookeeper_mode: str = ""
    """Mode of `srvr`: leader, follower, standalone, or "" when it does not answer."""
    quorum: int | None = None
    """MESOS_quorum of the master environment file in place."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Present content of the files that a task merges into (Maven's settings.xml)."""
    uploads: frozenset[str] = frozenset()
    """SHA-256 of the archives that are on the host already."""


def assumed(family: str) -> Facts:
    """Facts of an ordinary host of a family (`debian` or `redhat`), for rendering without hosts."""
    if family == "redhat":
        return Facts(
            os_id="rocky",
            os_version="9",
            family="redhat",
            package_manager="dnf",
            init="systemd",
            selinux="enforcing",
            selinux_config="enforcing",
            homes={"root": "/root"},
        )
    return Facts(
        os_id="debian",
        os_version="12",
        os_codename="bookworm",
        family="debian",
        package_manager="apt",
        init="systemd",
        homes={"root": "/root"},
    )


def facts_program(cluster: Cluster, host: Host, *, nonce: str, lock: Lock | None, deep: bool) -> str:
    """The program that gathers the facts of a host.

    With a `lock` it takes the host's lock first: a run that will change the host follows. `deep` adds what only the
    preflight check asks for (memory, disk, open ports, versions, and what `probes` looks at beyond the host).
    """
    users = sorted({"root", host.ssh.user, *cluster.proxy.users})
    head = {
        "deep": str(int(deep)),
        "users": " ".join(users),
        "zookeeper_port": str(cluster.zookeeper.client_port),
        "conf": f"{cluster.mesos.prefix}/etc/mesos",
    }
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in head.items())
    body = [f"{variables}\n", _gather()]
    if deep:
        from mesosctl.engine import probes  # its chapters need this module

        body.append(probes.program(cluster, host))
    return assemble(body, nonce=nonce, write=lock is not None, lock=lock)


@functools.cache
def _gather() -> str:
    return importlib.resources.files(__package__).joinpath("facts.sh").read_text()


class FactsReader(Answer):
    """Collects the lines of a facts program."""

    def __init__(self, nonce: str) -> None:
        super().__init__(nonce)
        self._clock = 0.0

    @property
    def locked(self) -> str:
        """Why the host's lock could not be had, "" when it could."""
        return self.first("lock").partition(" ")[2]

    def line(self, line: str) -> None:
        super().line(line)
        if not self._clock and self.first("clock"):
            self._clock = float(self.first("clock")) - time.time()

    def facts(self) -> Facts:
        """The facts, once the program has ended."""
        os_id, version, codename, like = [*self.first("os").split("|"), "", "", "", ""][:4]
        kernel = self.first("kernel").split()
        selinux = {"1": "enforcing", "0": "permissive"}.get(self.first("selinux"))
        configured = self.first("selinux_config")
        quorum = self.first("quorum")
        return Facts(
            os_id=os_id,
            os_version=version,
            os_codename=codename,
            family=_family(os_id, like),
            package_manager=self.first("manager"),
            init=self.first("init") or "script",
            hostname=kernel[0] if kernel else "",
            kernel=kernel[1] if len(kernel) > 1 else "",
            architecture=kernel[2] if len(kernel) > 2 else "",
            selinux=selinux or ("disabled" if configured else "absent"),
            selinux_config=configured,
            cpus=int(self.first("cpus") or 1),
            memory_mb=int(self.first("memory") or 0) // 1024,
            disk_free_mb={path: int(free) // 1024 for free, path in self.pairs("disk")},
            clock=self._clock,
            time_synchronised={"yes": True, "no": False}.get(self.first("synchronised")),
            python=self.first("python"),
            java=self.first("java"),
            docker=self.first("docker"),
            cgroup=self.first("cgroup"),
            homes=dict(self.pairs("home")),
            listeners=tuple(_listener(value) for value in self.all("listener"))
            + tuple(_socket(value) for value in self.all("socket")),
            programs={int(pid): program for pid, program in self.pairs("program")},
            names={name: tuple(addresses.split()) for name, addresses in self.pairs("name")},
            knocks=dict(_knock(value) for value in self.all("knock")),
            sources=dict(self.pairs("source")),
            time_service=self.first("time_service"),
            container=self.first("container") not in ("", "none"),
            lock=self.first("held"),
            docker_unit_files=tuple(self.all("unit_file")),
            zookeeper_servers=tuple(self.all("zookeeper_server")),
            zookeeper_myid=self.first("zookeeper_myid"),
            zookeeper_mode=self.first("zookeeper_mode"),
            quorum=int(quorum) if quorum else None,
            files={
                path: base64.b64decode(content).decode(errors="surrogateescape") for path, content in self.pairs("file")
            },
            uploads=frozenset(self.all("upload")),
        )


def _family(os_id: str, like: str) -> str:
    names = {os_id, *like.split()}
    if names & {"debian", "ubuntu"}:
        return "debian"
    return "redhat" if names & {"rhel", "fedora", "centos", "rocky", "almalinux"} else ""


def _listener(value: str) -> Listener:
    """A line of `ss -ltnp`: the local address and, for root, users:(("name",pid=1,fd=3))."""
    local, _, users = value.partition(" ")
    address, _, port = local.rpartition(":")
    process = re.search(r'"([^"]*)",pid=(\d+)', users)
    name, pid = (process[1], int(process[2])) if process else ("", 0)
    return Listener(int(port), address.strip("[]"), name, pid)


def _knock(value: str) -> tuple[tuple[str, int], str]:
    """`ADDRESS PORT HOW` of probes.sh."""
    address, port, how = value.split()
    return (address, int(port)), how


def _socket(value: str) -> Listener:
    """A listening socket of /proc/net/tcp: hexadecimal address and port; the process is not told there."""
    address, _, port = value.rpartition(":")
    return Listener(int(port, 16), address, "", 0)
