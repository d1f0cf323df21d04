"""The validated model of a cluster: what the inventory declares, complete and immutable.

`mesosctl.inventory.load` makes a `Cluster`; everything after it (tasks, engine, transport) only reads it. No field
is optional because "the default comes later": defaults are filled in here, so two readers cannot disagree. The key
names of the inventory are the field names of these classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from mesosctl.errors import InventoryError
from mesosctl.inventory.distribution import Bundle, MesosPackages, MesosTarball, Platform, Tarball

NOTHING: Mapping[str, str] = MappingProxyType({})


def _nothing() -> Mapping[str, str]:
    """A default must be hashable for `dataclass`, which a mapping proxy is not before Python 3.12."""
    return NOTHING


class Role(StrEnum):
    """What a host does in the cluster. The guide's word `slave` is read as `agent`."""

    ZOOKEEPER = "zookeeper"
    MASTER = "master"
    AGENT = "agent"
    MARATHON = "marathon"


class SelinuxMode(StrEnum):
    ENFORCING = "enforcing"
    PERMISSIVE = "permissive"
    DISABLED = "disabled"
    UNMANAGED = "unmanaged"
    """Leave SELinux as it is."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that must not be seen. Its text form is its reference, never its value.

    `reference` is `env:NAME`, `file:PATH` or `literal` (written in the inventory itself, which is warned about).
    """

    reference: str
    value: str | None = field(repr=False)

    def reveal(self) -> str:
        """The value itself; raises InventoryError where the reference could not be resolved."""
        if self.value is None:
            raise InventoryError(f"secret {self.reference} has no value", fix="set the variable or create the file")
        return self.value

    def __str__(self) -> str:
        return f"<secret {self.reference}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ssh:
    """How to reach and become root on a host."""

    user: str = "root"
    port: int = 22
    key: Path | None = None
    """Private key file; None: the SSH agent, the cluster's own key, then the user's default keys."""
    passphrase: Secret | None = None
    password: Secret | None = None
    """Login password, used when no key is accepted."""
    jump: str | None = None
    """`[user@]host[:port]` of a bastion, or a comma-separated chain of them; host keys are verified there too."""
    sudo: bool = False
    """Become root with sudo. Needed when `user` is not root."""
    sudo_password: Secret | None = None
    config: Path | None = None
    """An OpenSSH client configuration whose aliases apply; None: ~/.ssh/config where it exists."""
    connect_timeout: float = 10.0
    """Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One machine. `name` is how the cluster and the operator call it, `address` is where the others reach it."""

    name: str
    address: str
    roles: frozenset[Role]
    ssh: Ssh = Ssh()
    host_keys: tuple[str, ...] = ()
    """Public host keys pinned in the inventory or stored by `hosts trust`: `ssh-ed25519 AAAA…`."""
    zookeeper_id: int | None = None
    """`myid`, 1-255. Set for every host with the role zookeeper, None otherwise."""
    attributes: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    """Agent attributes, merged over `mesos.agent.attributes`."""
    resources: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    """Agent resources in Mesos' own notation, e.g. {"cpus": "4", "ports": "[31000-32000]"}; merged likewise."""
    certificate: str = ""
    """For TLS of Mesos, as PEM; "" without TLS."""
    key: Secret | None = None

    def has(self, role: Role) -> bool:
        return role in self.roles


@dataclass(frozen=True, slots=True)
class ProxyUrl:
    """A proxy's address without credentials."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoProxy:
    """What is reached directly. One model, rendered for each tool in what that tool can express."""

    hosts: tuple[str, ...] = ("localhost", "127.0.0.1")
    """Exact names and addresses."""
    domains: tuple[str, ...] = ()
    """Domains with all below them, stored without a leading dot."""
    cidrs: tuple[str, ...] = ()
    """Networks such as 10.0.0.0/8."""
    nodes: bool = True
    """Add the name and address of every host of the cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTools:
    """Which tools are told of the proxy. One switched off is taken back where it was set before."""

    profile: bool = True
    wget: bool = True
    docker: bool = True
    maven: bool = True
    git: bool = True
    packages: bool = True
    """apt, dnf or yum."""
    sudo: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    http: ProxyUrl | None = None
    https: ProxyUrl | None = None
    ftp: ProxyUrl | None = None
    username: str | None = None
    password: Secret | None = None
    no_proxy: NoProxy = NoProxy()
    tools: ProxyTools = ProxyTools()
    users: tuple[str, ...] = ("root",)
    """The users whose own files (~/.wgetrc, ~/.m2/settings.xml) are written."""

    @property
    def configured(self) -> bool:
        return bool(self.http or self.https or self.ftp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Docker:
    source: str = "auto"
    """`os` (docker.io of Debian and Ubuntu), `docker` (Docker's own repository), `none`, or `auto`: os on the Debian
    family, docker on the RHEL family, whose own repositories have no engine. Installed on agents."""
    repository: str = "https://download.docker.com"
    """Docker's repository or a mirror of it."""
    channel: str = "stable"
    gpg_key: str | None = None
    """Address of the repository's signing key; None: the one below `repository`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    package: str = "auto"
    """OS package with a Java runtime; `auto`: the family's headless default; `none`: the operator brings it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    nofile: int = 65536
    nproc: int = 32768


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    max_skew: float = 2.0
    """Seconds that a host's clock may differ from the median of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Autopurge:
    interval: int = 24
    """Hours between purges of old snapshots; 0 switches purging off."""
    retain: int = 3
    """Snapshots kept, at least 3."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A principal of ZooKeeper's digest scheme, carried in zk:// URLs."""

    username: str
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Zookeeper:
    tarball: Tarball | None = None
    """Install from this Apache ZooKeeper release; None: from the OS package."""
    client_port: int = 2181
    peer_port: int = 2888
    """Followers connect to the leader here. The guide writes 2333."""
    election_port: int = 3888
    """The guide writes 3222."""
    data_dir: str = "/var/lib/zookeeper"
    data_log_dir: str | None = None
    """Directory of the transaction log; None: `data_dir`."""
    log_dir: str = "/var/log/zookeeper"
    user: str = "zookeeper"
    heap: int = 512
    """Megabytes for the Java heap."""
    tick_time: int = 2000
    """Milliseconds."""
    init_limit: int = 10
    """Ticks."""
    sync_limit: int = 5
    """Ticks."""
    max_client_connections: int = 60
    admin_port: int | None = None
    """Port of the admin server; None: switched off. ZooKeeper's own default, 8080, is Marathon's port."""
    commands: tuple[str, ...] = ("srvr", "ruok", "mntr")
    """Four-letter words that are answered."""
    autopurge: Autopurge = Autopurge()
    credentials: Credentials | None = None
    settings: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    """Further lines of zoo.cfg."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MesosMaster:
    port: int = 5050
    work_dir: str = "/var/lib/mesos"
    flags: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    """Further flags of mesos-master, without dashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MesosAgent:
    port: int = 5051
    work_dir: str = "/var/lib/mesos/agent"
    """The guide's /var/run/mesos is emptied by a reboot, and with it what the agent needs to recover its tasks."""
    containerizers: tuple[str, ...] = ("docker", "mesos")
    attributes: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    resources: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    flags: Mapping[str, str] = field(default_factory=_nothing, hash=False)
    """Further flags of mesos-agent, without dashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """Who has to show a credential to Mesos. Without it everybody may do everything."""

    credentials: Mapping[str, Secret] = field(hash=False)
    """Secrets by principal."""
    agents: str | None = None
    """The principal that agents show to masters; None: they need none."""
    marathon: str | None = None
    """The principal that Marathon registers with; None: it shows none."""
    frameworks: bool = True
    """Frameworks need a credential."""
    operators: str = "changes"
    """What people and tools need one for: `none`, `changes`, or `all`, also for looking."""
    acls: str | None = None
    """Access control lists: JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS of masters and agents. Certificates and keys are of each host: `Host.certificate`, `Host.key`."""

    certificate: str
    """Path on the controller, with `{host}` for the host's name."""
    key: str
    ca: str | None = None
    """Certificates, as PEM, by which servers are verified; None: they are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesos:
    prefix: str = "/usr/local"
    cluster: str = ""
    """Name shown by the master; the loader fills in the name of the cluster."""
    log_dir: str = "/var/log/mesos"
    zk_path: str = "/mesos"
    quorum: int = 1
    """Masters that must agree; the loader fills in the majority of the masters."""
    master: MesosMaster = MesosMaster()
    agent: MesosAgent = MesosAgent()
    authentication: Authentication | None = None
    tls: Tls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Marathon:
    home: str = "/usr/local/marathon"
    port: int = 8080
    zk_path: str = "/marathon"
    native_library: str = "/usr/local/lib/libmesos.so"
    """What the guide's MESOS_NATIVE_JAVA_LIBRARY names."""
    flags: Mapping[str, str] = field(default_factory=_nothing, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The cluster's SSH keys, made by `keys push`. Empty strings while there are none."""

    operator_public: str = ""
    """Public half of the key with which the controller logs in."""
    node_public: str = ""
    """Public half of the key with which the masters reach all nodes (the guide's start scripts use ssh)."""
    node_private: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Everything that is declared of one cluster."""

    name: str
    hosts: tuple[Host, ...]
    path: Path
    """The inventory that it was read from."""
    state_dir: Path
    """Where the controller keeps this cluster's known_hosts, keys, audit log and lock."""
    proxy: Proxy = Proxy()
    selinux: SelinuxMode = SelinuxMode.PERMISSIVE
    hosts_file: bool = True
    """Write the names of all hosts into /etc/hosts."""
    limits: Limits = Limits()
    time: Time = Time()
    docker: Docker = Docker()
    java: Java = Java()
    zookeeper: Zookeeper = Zookeeper()
    mesos: Mesos = Mesos()
    marathon: Marathon = Marathon()
    distribution: str | MesosTarball | MesosPackages = "bundled"
    """Where Mesos comes from: `bundled` (the runtime that mesosctl ships), `preinstalled`, a tarball or packages."""
    keys: Keys = Keys()
    bundles: Mapping[Platform, Bundle] = field(default_factory=dict, hash=False)
    """The bundled runtime, packed for the platforms of the hosts (`mesosctl.distribution.bundled` fills it in)."""

    def with_role(self, role: Role) -> tuple[Host, ...]:
        """The hosts that have a role, in the inventory's order."""
        return tuple(host for host in self.hosts if host.has(role))

    def host(self, name: str) -> Host:
        """The host of that name; KeyError when there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)
