"""Every key of an inventory: its type, range, meaning and example. The one place where they are written
(those of `proxy` are in `spec_proxy`).

Reading, the JSON Schema, `inventory.example.yaml` and what `mesosctl init` writes all follow from `INVENTORY`.
Defaults are those of the model's dataclasses.
"""

from __future__ import annotations

from collections.abc import Iterator

from mesosctl.inventory import distribution, flags, model
from mesosctl.inventory import formats as form
from mesosctl.inventory.flag_values import FlagValue
from mesosctl.inventory.kinds import BOOLEAN, Choice, Either, Integer, ListOf, MapOf, Number, Text
from mesosctl.inventory.secrets import SECRET, MarathonFlagValue
from mesosctl.inventory.section import REQUIRED, Key, Overrides, Section, Variants
from mesosctl.inventory.spec_proxy import PROXY

MEGABYTES = Integer(64, 1_048_576)
COUNT = Integer(1, 1_000_000_000)
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ROLE = Choice(
    {str(role): role for role in model.Role},
    {"slave": "agent", "slaves": "agent", "agents": "agent", "masters": "master", "zookeepers": "zookeeper"},
)

SSH = Section(
    model.Ssh,
    "How to reach the hosts and become root on them. A host's own `ssh` wins, key by key.",
    Key("user", form.LOGIN, "Login name.", common=True),
    Key("port", form.PORT, "Port of sshd."),
    Key(
        "key",
        form.FILE,
        "Private key file; without one the SSH agent, the cluster's own key and the user's default keys are tried.",
        example="~/.ssh/id_ed25519",
        common=True,
    ),
    Key("passphrase", SECRET, "Passphrase of the private key.", example="env:SSH_PASSPHRASE"),
    Key("password", SECRET, "Login password, used when no key is accepted.", example="env:SSH_PASSWORD"),
    Key(
        "jump",
        form.JUMP,
        "Bastion to go through, or a comma-separated chain; host keys are verified there too.",
        example="ops@bastion.example.com:22",
    ),
    Key("sudo", BOOLEAN, "Become root with sudo; needed when the user is not root.", common=True),
    Key("sudo_password", SECRET, "Password for sudo, where it asks for one.", example="env:SUDO_PASSWORD", common=True),
    Key(
        "config",
        form.FILE,
        "OpenSSH client configuration whose aliases apply; without one ~/.ssh/config where it exists.",
        example="ssh_config",
    ),
    Key("connect_timeout", Number(1, 600), "Seconds until a host counts as unreachable."),
)

HOST = Section(
    model.Host,
    "One machine.",
    Key("address", form.ADDRESS, "Where the others reach it; the host's name if not given.", default=None),
    Key(
        "roles",
        ListOf(ROLE, minimum=1, example="zookeeper, master, marathon"),
        "What the host does.",
        default=REQUIRED,
        example="[zookeeper, master, marathon]",
    ),
    Key(
        "ssh",
        Overrides(SSH),
        "What differs from the top-level `ssh` for this host.",
        default=None,
        example="{port: 2222}",
    ),
    Key(
        "host_keys",
        ListOf(form.HOST_KEY, example="ssh-ed25519 AAAA…"),
        "Public host keys to insist on; without them those that `mesosctl hosts trust` stored.",
    ),
    Key(
        "zookeeper_id",
        Integer(1, 255, "an id"),
        "ZooKeeper's persistent id (myid) of the host; never change or reuse one.",
        example="1",
    ),
    Key("attributes", MapOf(form.ATTRIBUTE, form.ATTRIBUTE_VALUE), "Agent attributes, over `mesos.agent.attributes`."),
    Key("resources", MapOf(form.RESOURCE, form.RESOURCE_VALUE), "Agent resources, over `mesos.agent.resources`."),
)

LIMITS = Section(
    model.Limits,
    "Limits of the services.",
    Key("nofile", COUNT, "Open files."),
    Key("nproc", COUNT, "Processes."),
)

TIME = Section(
    model.Time,
    "Clocks.",
    Key("max_skew", Number(0.1, 3600), "Seconds that a host's clock may differ from the median of all."),
)

DOCKER = Section(
    model.Docker,
    "The Docker engine of the agents.",
    Key(
        "source",
        Choice({word: word for word in ("auto", "os", "docker", "none")}),
        "Where it comes from: the OS, Docker's repository, none at all, or auto: OS on Debian, Docker's on RHEL.",
        common=True,
    ),
    Key("repository", form.HTTP_URL, "Docker's repository, or a mirror of it."),
    Key("channel", form.WORD, "Channel of the repository."),
    Key(
        "gpg_key",
        form.HTTP_URL,
        "Address of the repository's signing key; without one the key below `repository`.",
        example="https://mirror.example.com/docker/gpg",
    ),
)

JAVA = Section(
    model.Java,
    "Java for ZooKeeper and Marathon.",
    Key("package", form.PACKAGE, "OS package; auto takes the OS' headless default, none leaves Java to you."),
)

TARBALL = Section(
    distribution.Tarball,
    "A release to install from.",
    Key(
        "location", form.TARBALL, "Path (relative to this file) or http(s) address.", example="apache-zookeeper.tar.gz"
    ),
    Key("sha256", form.SHA256, "Checksum of the tarball.", example=EMPTY_SHA256),
)

CREDENTIALS = Section(
    model.Credentials,
    "Credentials of ZooKeeper's digest scheme, for Mesos and Marathon.",
    Key("username", form.ZK_USER, "User name, without `@`, `/` and `:`.", example="mesos"),
    Key("password", SECRET, "Password, without `@`, `/` and `:`.", example="env:ZK_PASSWORD"),
)

AUTOPURGE = Section(
    model.Autopurge,
    "Removal of old snapshots.",
    Key("interval", Integer(0, 8760), "Hours between purges; 0 switches purging off."),
    Key("retain", Integer(3, 1000), "Snapshots kept."),
)

ZOOKEEPER = Section(
    model.Zookeeper,
    "The ZooKeeper ensemble: the hosts with the role zookeeper.",
    Key(
        "tarball",
        TARBALL,
        "Install from this Apache ZooKeeper release; without one from the OS package.",
    ),
    Key("client_port", form.PORT, "Port for clients."),
    Key("peer_port", form.PORT, "Port where followers reach the leader; the Mesos guide writes 2333.", common=True),
    Key("election_port", form.PORT, "Port of the leader election; the Mesos guide writes 3222.", common=True),
    Key("data_dir", form.DIRECTORY, "Directory of snapshots and myid.", common=True),
    Key(
        "data_log_dir",
        form.DIRECTORY,
        "Directory of the transaction log; without one `data_dir`.",
        example="/srv/zookeeper-log",
    ),
    Key("log_dir", form.DIRECTORY, "Directory of the server's log."),
    Key("user", form.USER, "System user that runs it."),
    Key("heap", MEGABYTES, "Java heap in megabytes.", common=True),
    Key("tick_time", Integer(100, 60_000), "Milliseconds of a tick."),
    Key("init_limit", Integer(1, 1000), "Ticks that a follower may take to connect and sync."),
    Key("sync_limit", Integer(1, 1000), "Ticks that a follower may lag behind."),
    Key("max_client_connections", Integer(0, 100_000), "Connections from one address; 0 is no limit."),
    Key("admin_port", form.PORT, "Port of the admin server; without one it is switched off.", example="8081"),
    Key("commands", ListOf(form.COMMAND_WORD, example="srvr, ruok"), "Four-letter words that are answered."),
    Key("autopurge", AUTOPURGE, AUTOPURGE.doc),
    Key(
        "credentials",
        CREDENTIALS,
        CREDENTIALS.doc,
    ),
    Key(
        "settings", MapOf(flags.ZOOKEEPER_SETTING, form.FREE), "Further lines of zoo.cfg.", example="{snapCount: 50000}"
    ),
)

MASTER = Section(
    model.MesosMaster,
    "The program of the masters, mesos-master.",
    Key("port", form.PORT, "Port of the masters."),
    Key("work_dir", form.DIRECTORY, "Directory of the replicated log."),
    Key(
        "flags",
        MapOf(flags.MASTER_FLAG, FlagValue("master")),
        "Further flags of mesos-master, without dashes.",
        example="{agent_ping_timeout: 15secs}",
        common=True,
    ),
)

AGENT = Section(
    model.MesosAgent,
    "The program of the agents, mesos-agent.",
    Key("port", form.PORT, "Port of the agents."),
    Key("work_dir", form.DIRECTORY, "Directory of sandboxes and checkpoints; must survive a reboot.", common=True),
    Key(
        "containerizers",
        ListOf(Choice({word: word for word in ("docker", "mesos")}), minimum=1, example="docker, mesos"),
        "How tasks are contained, the first that fits.",
    ),
    Key(
        "attributes",
        MapOf(form.ATTRIBUTE, form.ATTRIBUTE_VALUE),
        "Attributes of all agents.",
        example="{rack: r1}",
    ),
    Key(
        "resources",
        MapOf(form.RESOURCE, form.RESOURCE_VALUE),
        "Resources of all agents in Mesos' notation; what is not given is detected.",
        example='{cpus: 4, mem: 8192, ports: "[31000-32000]"}',
        common=True,
    ),
    Key(
        "flags",
        MapOf(flags.AGENT_FLAG, FlagValue("agent")),
        "Further flags of mesos-agent, without dashes.",
        example="{executor_registration_timeout: 5mins}",
        common=True,
    ),
)

AUTHENTICATION = Section(
    model.Authentication,
    "Who has to show a credential to Mesos; without it everybody may do everything.",
    Key(
        "credentials",
        MapOf(form.PRINCIPAL, SECRET, "a mapping of principals to secrets"),
        "Secrets by principal: of operators, frameworks, agents.",
        example="{operator: env:OPERATOR_SECRET, agent: env:AGENT_SECRET, marathon: env:MARATHON_SECRET}",
    ),
    Key("agents", form.PRINCIPAL, "The principal that agents show to masters; without one they need none."),
    Key("marathon", form.PRINCIPAL, "The principal that Marathon registers with."),
    Key("frameworks", BOOLEAN, "Frameworks need a credential."),
    Key(
        "operators",
        Choice({word: word for word in ("none", "changes", "all")}),
        "What people and tools need a credential for: changes, or all, also for looking.",
    ),
    Key("acls", form.ACLS, "File with Mesos' access control lists, as JSON.", example="acls.json"),
)

TLS = Section(
    model.Tls,
    "TLS of masters and agents; they then speak nothing else.",
    Key("certificate", form.HOSTS_FILE, "Certificate of a host, as PEM.", example='"tls/{host}.pem"'),
    Key("key", form.HOSTS_FILE, "Its private key, as PEM, without a passphrase.", example='"tls/{host}.key"'),
    Key(
        "ca",
        form.CERTIFICATES,
        "Certificates by which servers are verified; without them none is.",
        example="tls/ca.pem",
    ),
)

MESOS = Section(
    model.Mesos,
    "Masters and agents.",
    Key("prefix", form.DIRECTORY, "Where Mesos is installed."),
    Key("cluster", Text("a name"), "Name that the master shows; the cluster's name if not given.", default=None),
    Key("log_dir", form.DIRECTORY, "Directory of the logs."),
    Key("zk_path", form.ZK_PATH, "Path of the masters in ZooKeeper."),
    Key(
        "quorum",
        Either("auto", None, Integer(1, 127)),
        "Masters that must agree, more than half of them; auto takes the smallest such number.",
        default="auto",
    ),
    Key("master", MASTER, MASTER.doc, common=True),
    Key("agent", AGENT, AGENT.doc, synonyms=("slave",), common=True),
    Key("authentication", AUTHENTICATION, AUTHENTICATION.doc),
    Key("tls", TLS, TLS.doc),
)

MARATHON = Section(
    model.Marathon,
    "Marathon: the hosts with the role marathon.",
    Key("home", form.DIRECTORY, "Where Marathon is installed."),
    Key("port", form.PORT, "Port of the web interface and the API.", common=True),
    Key("zk_path", form.ZK_PATH, "Path of Marathon's state in ZooKeeper."),
    Key("native_library", form.DIRECTORY, "libmesos.so, which Apache's Marathon loads."),
    Key(
        "flags",
        MapOf(flags.MARATHON_FLAG, MarathonFlagValue()),
        "Further flags of Marathon, without dashes; an empty value makes a switch, a secret is env:NAME or file:PATH.",
        example="{task_launch_timeout: 300000}",
        common=True,
    ),
)

MESOS_TARBALL = Section(
    distribution.MesosTarball,
    "A build of Apache Mesos.",
    Key("tarball", form.TARBALL, "Path (relative to this file) or http(s) address.", example="mesos-1.11.0-el9.tar.gz"),
    Key("sha256", form.SHA256, "Checksum of the tarball.", example=EMPTY_SHA256),
)

MESOS_PACKAGES = Section(
    distribution.MesosPackages,
    "OS packages of Apache Mesos.",
    Key(
        "packages",
        ListOf(form.PACKAGE, minimum=1, example="mesos"),
        "Names; a version is written mesos=1.11.0-2 for apt, mesos-1.11.0-2.el9 for dnf and yum.",
        example="[mesos=1.11.0-2]",
    ),
    Key(
        "repository",
        form.REPOSITORY,
        "Address of a repository of yours, for apt followed by suite and components; signed with a key that the "
        "hosts trust.",
        example="https://mirror.example.com/mesos bookworm main",
    ),
)


INVENTORY = Section(
    model.Cluster,
    "A cluster.",
    Key("name", form.CLUSTER_NAME, "Name of the cluster.", example="demo", synonyms=("cluster",)),
    Key("ssh", SSH, SSH.doc, default=model.Ssh(), common=True),
    Key(
        "hosts",
        MapOf(form.HOST_NAME, Overrides(HOST), "a mapping of host names to addresses and roles"),
        "The hosts by name.",
        example="{node1: {roles: [master]}}",
    ),
    Key("proxy", PROXY, PROXY.doc, common=True),
    Key("selinux", Choice({str(mode): mode for mode in model.SelinuxMode}), "SELinux mode.", common=True),
    Key("hosts_file", BOOLEAN, "Write the names of all hosts into /etc/hosts."),
    Key("limits", LIMITS, LIMITS.doc),
    Key("time", TIME, TIME.doc),
    Key("docker", DOCKER, DOCKER.doc, common=True),
    Key("java", JAVA, JAVA.doc),
    Key("zookeeper", ZOOKEEPER, ZOOKEEPER.doc, common=True),
    Key(
        "distribution",
        Variants(Choice({word: word for word in ("bundled", "preinstalled")}), MESOS_TARBALL, MESOS_PACKAGES),
        "Where Mesos comes from: shipped with mesosctl, there already, your build of Apache Mesos, or your packages.",
        example="{tarball: mesos-1.11.0-el9.tar.gz, sha256: " + EMPTY_SHA256 + "}",
        common=True,
    ),
    Key("mesos", MESOS, MESOS.doc, common=True),
    Key("marathon", MARATHON, MARATHON.doc, common=True),
)
"""The whole inventory. Its `values` are what `mesosctl.inventory.assemble` makes a Cluster from."""


def elsewhere(word: str) -> str:
    """The path of the key `word` where exactly one section has it, or ""."""
    found = list(_paths(INVENTORY, "", word))
    return found[0] if len(found) == 1 else ""


def _paths(section: Section, prefix: str, word: str) -> Iterator[str]:
    for key in section.keys.values():
        if key.name == word:
            yield prefix + word
        if isinstance(key.kind, Section):
            yield from _paths(key.kind, f"{prefix}{key.name}.", word)
