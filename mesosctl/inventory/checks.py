"""Checks that look at the whole cluster: what is right key by key may still not fit together.

Each check complains at the place of the culprit; the reader drops complaints that rest on a value which was wrong in
itself.
"""

from __future__ import annotations

from mesosctl.inventory import ports
from mesosctl.inventory.flag_values import ISOLATORS
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.inventory.problem import Severity, nearest
from mesosctl.inventory.reader import ANY, KeyPath, Reader

_VOLATILE = ("/tmp", "/run", "/var/run", "/dev/shm")
_ONE_HOST_FLAGS = ("advertise_ip", "hostname", "ip", "ip6")
"""Flags whose value is that of one host."""


def check(cluster: Cluster, reader: Reader) -> None:
    """Tell the reader of everything that does not fit together."""
    if not cluster.hosts:
        message = "the cluster has no hosts"
        reader.complain(("hosts",), message, involved=_roles(()), expected="at least one host with its roles")
        return
    _names(cluster, reader)
    _addresses(cluster, reader)
    _root(cluster, reader)
    _missing_roles(cluster, reader)
    _ensemble(cluster, reader)
    _masters(cluster, reader)
    _zookeeper_credentials(cluster, reader)
    _paths(cluster, reader)
    _flags(cluster, reader)
    _isolation(cluster, reader)
    _authentication(cluster, reader)
    ports.check(cluster, reader)


def _names(cluster: Cluster, reader: Reader) -> None:
    names: dict[str, Host] = {}
    for host in cluster.hosts:
        first = names.setdefault(host.name.lower(), host)
        if first is not host:
            reader.complain(("hosts", host.name), f"`{host.name}` and `{first.name}` are the same name")
    for host in cluster.hosts:
        other = names.get(host.address.lower())
        if other and other.name != host.name and other.address != host.address:
            reader.complain(
                ("hosts", host.name, "address"),
                f"the address of `{host.name}` is the name of another host, which has the address {other.address}",
                involved=(("hosts", other.name, "address"),),
            )


def _addresses(cluster: Cluster, reader: Reader) -> None:
    seen: dict[str, Host] = {}
    for host in cluster.hosts:
        first = seen.setdefault(host.address.lower(), host)
        if first is host:
            continue
        same = first.ssh.port == host.ssh.port
        reader.complain(
            ("hosts", host.name, "address"),
            f"`{host.name}` and `{first.name}` have the same address {host.address}"
            + ("" if same else "; only their SSH ports differ"),
            involved=(("hosts", first.name, "address"), ("hosts", host.name, "ssh", "port")),
            severity=Severity.ERROR if same else Severity.WARNING,
        )


def _root(cluster: Cluster, reader: Reader) -> None:
    for host in cluster.hosts:
        involved = (("ssh", "sudo"), ("hosts", host.name, "ssh", "sudo"), ("ssh", "user"))
        if host.ssh.user != "root" and not host.ssh.sudo:
            reader.complain(
                ports.ssh_path(host, "user", reader),
                f"the user {host.ssh.user} cannot become root",
                involved=involved,
                expected="sudo: true, or the user root",
            )
        elif host.ssh.sudo_password and not host.ssh.sudo:
            reader.complain(
                ports.ssh_path(host, "sudo_password", reader),
                "a password for sudo, but sudo is off",
                involved=involved,
                severity=Severity.WARNING,
                expected="sudo: true",
            )


def _missing_roles(cluster: Cluster, reader: Reader) -> None:
    zookeepers, masters, agents, marathons = (
        cluster.with_role(role) for role in (Role.ZOOKEEPER, Role.MASTER, Role.AGENT, Role.MARATHON)
    )
    everyone = _roles(cluster.hosts)
    if not masters:
        for role, hosts in (("agents", agents), ("Marathon", marathons)):
            if hosts:
                message = f"{role} without a master: no host has the role master"
                reader.complain(("hosts", hosts[0].name, "roles"), message, involved=everyone)
    if not zookeepers:
        if len(masters) > 1:
            message = f"{len(masters)} masters without ZooKeeper: no host has the role zookeeper"
            reader.complain(("hosts", masters[1].name, "roles"), message, involved=everyone)
        if marathons:
            message = "Marathon without ZooKeeper: no host has the role zookeeper"
            reader.complain(("hosts", marathons[0].name, "roles"), message, involved=everyone)


def _ensemble(cluster: Cluster, reader: Reader) -> None:
    members = cluster.with_role(Role.ZOOKEEPER)
    ids: dict[int, Host] = {}
    for host in members:
        if host.zookeeper_id is None:
            continue
        first = ids.setdefault(host.zookeeper_id, host)
        if first is not host:
            reader.complain(
                ("hosts", host.name, "zookeeper_id"),
                f"`{host.name}` and `{first.name}` have the same zookeeper_id {host.zookeeper_id}",
            )
    count = len(members)
    if members and count % 2 == 0:
        reader.complain(
            ("hosts", members[-1].name, "roles"),
            f"{count} ZooKeeper servers survive the loss of {count // 2 - 1}, as {count - 1} would",
            involved=_roles(cluster.hosts),
            severity=Severity.ERROR if count == 2 else Severity.WARNING,
            expected="an odd number of hosts with the role zookeeper",
        )


def _masters(cluster: Cluster, reader: Reader) -> None:
    masters = cluster.with_role(Role.MASTER)
    count, quorum = len(masters), cluster.mesos.quorum
    if not masters:
        return
    if not count / 2 < quorum <= count:
        unsafe = "two halves could each decide alone" if quorum <= count / 2 else "it can never be reached"
        reader.complain(
            ("mesos", "quorum"),
            f"a quorum of {quorum} with {count} master{'s' if count > 1 else ''}: {unsafe}",
            involved=_roles(cluster.hosts),
            expected=f"{count // 2 + 1}, or auto",
        )
    if count % 2 == 0:
        reader.complain(
            ("hosts", masters[-1].name, "roles"),
            f"{count} masters survive the loss of {count // 2 - 1}, as {count - 1} would",
            involved=_roles(cluster.hosts),
            severity=Severity.WARNING,
            expected="an odd number of hosts with the role master",
        )


def _zookeeper_credentials(cluster: Cluster, reader: Reader) -> None:
    credentials = cluster.zookeeper.credentials
    if credentials is None:
        return
    for key, value in (("username", credentials.username), ("password", credentials.password.value or "")):
        if any(character in "@/:" for character in value):
            reader.complain(
                ("zookeeper", "credentials", key),
                f"the {key} cannot be written in a zk:// URL",
                expected="none of the characters `@`, `/` and `:`",
            )


def _paths(cluster: Cluster, reader: Reader) -> None:
    master, agent = ("mesos", "master", "work_dir"), ("mesos", "agent", "work_dir")
    both = any(host.has(Role.MASTER) and host.has(Role.AGENT) for host in cluster.hosts)
    if both and cluster.mesos.master.work_dir == cluster.mesos.agent.work_dir:
        reader.complain(
            agent if reader.given(agent) else master,
            "master and agent of one host would share their work_dir",
            involved=(master, agent),
        )
    if cluster.mesos.zk_path == cluster.marathon.zk_path and cluster.with_role(Role.MARATHON):
        own = ("marathon", "zk_path")
        mesos = ("mesos", "zk_path")
        message = "Mesos and Marathon would share a path in ZooKeeper"
        reader.complain(own if reader.given(own) else mesos, message, involved=(own, mesos))
    for path, directory in (
        (master, cluster.mesos.master.work_dir),
        (agent, cluster.mesos.agent.work_dir),
        (("zookeeper", "data_dir"), cluster.zookeeper.data_dir),
        (("zookeeper", "data_log_dir"), cluster.zookeeper.data_log_dir or ""),
    ):
        if any(directory == volatile or directory.startswith(volatile + "/") for volatile in _VOLATILE):
            message = f"{directory} is emptied by a reboot, and what is in it must survive one"
            reader.complain(path, message, severity=Severity.WARNING, expected="a directory such as /var/lib/…")


def _flags(cluster: Cluster, reader: Reader) -> None:
    for program, role, flags in (
        ("master", Role.MASTER, cluster.mesos.master.flags),
        ("agent", Role.AGENT, cluster.mesos.agent.flags),
    ):
        if len(cluster.with_role(role)) < 2:
            continue
        for flag in _ONE_HOST_FLAGS:
            if flag in flags:
                message = f"every {program} would have the same `{flag}`"
                reader.complain(("mesos", program, "flags", flag), message, involved=_roles(cluster.hosts))


def _isolation(cluster: Cluster, reader: Reader) -> None:
    flags = cluster.mesos.agent.flags
    value = flags.get("isolation", "")
    modules = cluster.distribution != "bundled" and ("modules" in flags or "modules_dir" in flags)
    if modules or value.startswith("file://"):
        return
    for name in filter(None, (part.strip() for part in value.split(","))):
        if name not in ISOLATORS:
            near = nearest(name, ISOLATORS)
            place = ("mesos", "agent", "flags", "isolation")
            reader.complain(place, f"there is no isolator `{name}`", expected=f"for instance {near}" if near else "")


def _authentication(cluster: Cluster, reader: Reader) -> None:
    granted = cluster.mesos.authentication
    if not granted:
        return
    place = ("mesos", "authentication")
    for principal, secret in granted.credentials.items():
        if any(character in '"\\' for character in secret.value or ""):
            message = f"the secret of `{principal}` has a quotation mark or a backslash"
            reader.complain((*place, "credentials", principal), message)
    for key, named in (("agents", granted.agents), ("marathon", granted.marathon)):
        if named and named not in granted.credentials:
            near = nearest(named, granted.credentials)
            expected = "a principal of mesos.authentication.credentials"
            reader.complain((*place, key), f"there is no credential of `{named}`", expected=expected, suggestion=near)
    if granted.frameworks and not granted.marathon and cluster.with_role(Role.MARATHON):
        message = "frameworks need a credential, and none is named for Marathon"
        reader.complain(place, message, involved=((*place, "marathon"), (*place, "frameworks")), expected="marathon: …")
    if granted.operators != "none" and not granted.credentials.keys() - {granted.agents, granted.marathon}:
        message = "operators need a credential, and there is none but those of agents and Marathon"
        involved = ((*place, "operators"), (*place, "credentials"))
        reader.complain((*place, "credentials"), message, involved=involved, expected="a principal for operators")


def _roles(hosts: tuple[Host, ...]) -> tuple[KeyPath, ...]:
    """The roles of all hosts, those that could not be read included."""
    return (("hosts", ANY), *(("hosts", host.name, "roles") for host in hosts))
