"""The guide's chapters "Add & Configure Mesos" and "HA": the environment files of master and agent, and the lists
that the start scripts read.

The programs turn `MESOS_x` into the flag `--x` (docs/configuration.md of Apache Mesos), the names written in the
guide's style. A value `file:///path` is read from that file: an address with credentials stays out of the
environment. Agents were called slaves up to 0.28, and the start scripts still read `slaves`: both names are written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Directory, File, Resource, Restored
from mesosctl.tasks import mesos_security
from mesosctl.tasks.common import endpoint, is_address, zookeeper_url
from mesosctl.tasks.ssh_keys import node_key_path
from mesosctl.templates import render

TITLE = "Mesos"

TEMPLATES = "usr/local/etc/mesos"

FILES = (
    "mesos-master-env.sh",
    "mesos-agent-env.sh",
    "mesos-slave-env.sh",
    "mesos-deploy-env.sh",
    "masters",
    "agents",
    "slaves",
    "zk",
    *mesos_security.READ_BY,
)
"""What mesosctl owns in the configuration directory."""

PROGRAMS = {Role.MASTER: "mesos-master", Role.AGENT: "mesos-agent"}

READ_BY = {
    "mesos-master-env.sh": ("mesos-master",),
    "mesos-agent-env.sh": ("mesos-agent",),
    "zk": ("mesos-master", "mesos-agent"),
    **mesos_security.READ_BY,
}
"""The services whose process has read a file; the other files are for the start scripts."""


class Environment(NamedTuple):
    """A file of `export NAME=…` lines."""

    program: str
    variables: tuple[tuple[str, str], ...]
    """Name and value."""


class Alias(NamedTuple):
    """The slave's name for the agent's file."""

    agent: str


class Deploy(NamedTuple):
    """What the start scripts use to reach the nodes."""

    key: str


class Nodes(NamedTuple):
    role: str
    addresses: tuple[str, ...]


def configuration_directory(cluster: Cluster) -> str:
    """`$sysconfdir/mesos` of the prefix, for the guide's /usr/local: /usr/local/etc/mesos."""
    return "/etc/mesos" if cluster.mesos.prefix == "/usr" else f"{cluster.mesos.prefix}/etc/mesos"


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    mesos = cluster.mesos
    master, agent = host.has(Role.MASTER), host.has(Role.AGENT)
    folders = [mesos.log_dir] if master or agent else []
    folders += [mesos.master.work_dir] if master else []
    folders += [mesos.agent.work_dir] if agent else []
    return [
        *(Directory(path=path) for path in dict.fromkeys(folders)),
        *_files(configuration_directory(cluster), _wanted(cluster, host, facts), services_of(host)),
        mesos_security.executor_key(cluster, host, configuration_directory(cluster)),
    ]


def master_flags(cluster: Cluster, host: Host) -> dict[str, str]:
    """The flags of a host's master; those of the inventory win."""
    mesos = cluster.mesos
    flags = {
        "log_dir": mesos.log_dir,
        "work_dir": mesos.master.work_dir,
        "cluster": mesos.cluster,
        "port": str(mesos.master.port),
        "hostname": host.address,
    }
    if is_address(host.address):
        flags["ip"] = host.address
    if _election(cluster):
        flags["zk"] = _election(cluster)
        flags["quorum"] = str(mesos.quorum)
    return {**flags, **mesos_security.master_flags(cluster, configuration_directory(cluster)), **mesos.master.flags}


def agent_flags(cluster: Cluster, host: Host) -> dict[str, str]:
    """The flags of a host's agent; those of the inventory win."""
    mesos = cluster.mesos
    masters = cluster.with_role(Role.MASTER)
    flags = {
        "master": _election(cluster) or (endpoint(masters[0].address, mesos.master.port) if masters else ""),
        "log_dir": mesos.log_dir,
        "work_dir": mesos.agent.work_dir,
        "containerizers": ",".join(mesos.agent.containerizers),
        "port": str(mesos.agent.port),
        "hostname": host.name if cluster.hosts_file else host.address,
        "attributes": _pairs({**mesos.agent.attributes, **host.attributes}),
        "resources": _pairs({**mesos.agent.resources, **host.resources}),
    }
    if is_address(host.address):
        flags["ip"] = host.address
    security = mesos_security.agent_flags(cluster, configuration_directory(cluster))
    return {**{flag: value for flag, value in flags.items() if value}, **security, **mesos.agent.flags}


def _wanted(cluster: Cluster, host: Host, facts: Facts) -> dict[str, tuple[str, str] | None]:
    """Content and mode of each file of the configuration directory; None for what the host is not to have."""
    master, agent = host.has(Role.MASTER), host.has(Role.AGENT)
    masters = Nodes("masters", tuple(node.address for node in cluster.with_role(Role.MASTER)))
    agents = Nodes("agents", tuple(node.address for node in cluster.with_role(Role.AGENT)))
    alias = Alias(f"{configuration_directory(cluster)}/mesos-agent-env.sh")
    secret = (master or agent) and cluster.zookeeper.credentials
    files: dict[str, tuple[str, str] | None] = dict.fromkeys(FILES)
    if master:
        files["mesos-master-env.sh"] = _environment("mesos-master", master_flags(cluster, host))
        files["mesos-deploy-env.sh"] = _text("mesos-deploy-env.sh", Deploy(node_key_path(facts)))
        files["masters"] = _text("nodes", masters)
        files["agents"] = files["slaves"] = _text("nodes", agents)
    if agent:
        files["mesos-agent-env.sh"] = _environment("mesos-agent", agent_flags(cluster, host))
        files["mesos-slave-env.sh"] = _text("mesos-slave-env.sh", alias)
    if secret and zookeeper_url(cluster, ""):
        # Mesos takes the content as it is: no newline.
        files["zk"] = (zookeeper_url(cluster, cluster.mesos.zk_path), "0600")
    files |= {name: (content, "0600") for name, content in mesos_security.files(cluster, host).items()}
    return files


def services_of(host: Host) -> tuple[str, ...]:
    """The services of a host that may have read a file of the configuration directory."""
    return (*programs_of(host), *(["marathon"] if host.has(Role.MARATHON) else []))


def programs_of(host: Host) -> tuple[str, ...]:
    """The programs, and so the services, that a host has."""
    return tuple(program for role, program in PROGRAMS.items() if host.has(role))


def _files(directory: str, wanted: Mapping[str, tuple[str, str] | None], services: tuple[str, ...]) -> list[Resource]:
    found: list[Resource] = []
    for name, entry in wanted.items():
        path = f"{directory}/{name}"
        notify = tuple(program for program in READ_BY.get(name, ()) if program in services)
        found.append(
            File(path=path, content=entry[0], mode=entry[1], notify=notify)
            if entry
            else Restored(path=path, notify=notify)
        )
    return found


def _environment(program: str, flags: Mapping[str, str]) -> tuple[str, str]:
    variables = {name if name.startswith("LIBPROCESS_") else f"MESOS_{name}": value for name, value in flags.items()}
    return _text("mesos-env.sh", Environment(program, tuple(variables.items())))


def _text(template: str, values: Environment | Alias | Deploy | Nodes) -> tuple[str, str]:
    return render(f"{TEMPLATES}/{template}", values), "0644"


def _election(cluster: Cluster) -> str:
    """Where master and agents find the leading master: "" without ZooKeeper."""
    url = zookeeper_url(cluster, cluster.mesos.zk_path)
    if url and cluster.zookeeper.credentials:
        return f"file://{configuration_directory(cluster)}/zk"
    return url


def _pairs(values: Mapping[str, str]) -> str:
    return ";".join(f"{name}:{value}" for name, value in values.items())
