"""What a host says of itself. Tasks get these facts; they never ask the host (`mesosctl.engine.gather` does)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
    pythons: tuple[tuple[str, str], ...] = ()
    """Real path and version of each python3 on PATH, the one called just so first."""
    libc: str = ""
    """`glibc 2.36`, `musl`, or "" where the host does not tell."""
    java: str = ""
    """Version of the java on PATH, "" when there is none."""
    docker: str = ""
    cgroup: str = ""
    """`v1`, `v2`, `hybrid` or ""."""
    homes: Mapping[str, str] = field(default_factory=dict)
    """Home directories by user name."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """Login group by user name; one that is missing is called as the user."""
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
    agent_identity: Mapping[str, str] = field(default_factory=dict)
    """Flags of the agent environment file in place that an agent which has run may not change; empty where none has."""
    marathon_principal: str | None = None
    """The principal in Marathon's start script in place, "" for none; None where there is no such script."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Present content of the files that a task merges into (Maven's settings.xml)."""
    uploads: frozenset[str] = frozenset()
    """SHA-256 of the archives that are on the host already."""
    releases: frozenset[tuple[str, str]] = frozenset()
    """Path and SHA-256 of the archives that are unpacked already."""

    @property
    def python(self) -> str:
        """Version of python3, "" where there is none."""
        return self.pythons[0][1] if self.pythons else ""


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
            pythons=(("/usr/bin/python3.9", "3.9.18"),),
            libc="glibc 2.34",
            homes={"root": "/root"},
        )
    return Facts(
        os_id="debian",
        os_version="12",
        os_codename="bookworm",
        family="debian",
        package_manager="apt",
        init="systemd",
        pythons=(("/usr/bin/python3.11", "3.11.2"),),
        libc="glibc 2.36",
        homes={"root": "/root"},
    )
