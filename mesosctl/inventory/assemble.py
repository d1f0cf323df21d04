"""Makes the `Cluster` from the values that were read: fills in what depends on the rest of the inventory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mesosctl.inventory.known_hosts import KnownHosts
from mesosctl.inventory.model import NOTHING, Cluster, Host, Keys, Mesos, Role, Secret, Ssh, Tls
from mesosctl.inventory.problem import Severity
from mesosctl.inventory.reader import Reader
from mesosctl.inventory.secrets import resolve
from mesosctl.inventory.state import ClusterState, state_home

HOST = "{host}"
"""Stands for the host's name in the path of a file that each host has of its own."""


def assemble(values: dict[str, Any], path: Path, reader: Reader) -> Cluster:
    """The cluster of an inventory's valid values.

    It is made whatever is missing, so that checks can look at the rest; with an error in `reader` it is of no other
    use.
    """
    values = dict(values)
    name = values.pop("name", "")
    ssh = values.pop("ssh", Ssh())
    declared: Mapping[str, dict[str, Any]] = values.pop("hosts", {})
    ids = _zookeeper_ids(declared, reader)
    folder = state_home() / (name or "unnamed")
    stored = _known_hosts(folder, reader)
    hosts = tuple(_host(key, given, ssh, ids.get(key), stored) for key, given in declared.items())
    hosts = _certified(hosts, values.get("mesos", Mesos()).tls, reader)
    return Cluster(
        name=name,
        hosts=hosts,
        path=path.absolute(),
        state_dir=folder,
        keys=_keys(ClusterState(folder), reader),
        mesos=_mesos(values.pop("mesos", Mesos()), name, hosts, reader),
        **values,
    )


def _host(name: str, given: dict[str, Any], ssh: Ssh, zookeeper_id: int | None, stored: KnownHosts) -> Host:
    address = given.get("address", name)
    own_ssh = replace(ssh, **given.get("ssh", {}))
    return Host(
        name=name,
        address=address,
        roles=frozenset(given.get("roles", ())),
        ssh=own_ssh,
        host_keys=given.get("host_keys") or stored.lookup((address, name), own_ssh.port),
        zookeeper_id=zookeeper_id,
        attributes=given.get("attributes", NOTHING),
        resources=given.get("resources", NOTHING),
    )


def _certified(hosts: tuple[Host, ...], tls: Tls | None, reader: Reader) -> tuple[Host, ...]:
    """The hosts with their certificates and keys for TLS."""
    if not tls:
        return hosts
    found = []
    for host in hosts:
        if host.roles & {Role.MASTER, Role.AGENT, Role.MARATHON}:
            certificate = _pem("certificate", tls.certificate, "-----BEGIN CERTIFICATE-----", host, reader)
            key = _pem("key", tls.key, "PRIVATE KEY-----", host, reader)
            reference = f"file:{tls.key.replace(HOST, host.name)}"
            host = replace(host, certificate=certificate or "", key=Secret(reference, key))
        found.append(host)
    return tuple(found)


def _pem(name: str, pattern: str, sign: str, host: Host, reader: Reader) -> str | None:
    path = resolve(pattern.replace(HOST, host.name), reader.folder)
    place = ("mesos", "tls", name)
    try:
        content = path.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        if reader.require_secrets or name == "certificate":
            reason = error.strerror if isinstance(error, OSError) else "it is not PEM"
            reader.complain(place, f"the {name} of `{host.name}` cannot be read from {path}: {reason}")
        return None
    if sign not in content:
        reader.complain(place, f"{path} holds no {name}", expected=f"PEM, with {sign}")
    elif name == "key" and path.stat().st_mode & 0o077:
        reader.complain(place, f"{path} can be read by others", severity=Severity.WARNING, expected=f"chmod 600 {path}")
    return content


def _mesos(mesos: Mesos, name: str, hosts: tuple[Host, ...], reader: Reader) -> Mesos:
    """Name and quorum follow from the cluster where the inventory does not give them."""
    masters = sum(host.has(Role.MASTER) for host in hosts)
    quorum = mesos.quorum if reader.given(("mesos", "quorum")) and mesos.quorum else masters // 2 + 1
    return replace(mesos, cluster=mesos.cluster or name, quorum=quorum)


def _zookeeper_ids(declared: Mapping[str, dict[str, Any]], reader: Reader) -> dict[str, int]:
    """The ids of the hosts with the role zookeeper: as given, or by position where none is given."""
    members = [name for name, given in declared.items() if Role.ZOOKEEPER in given.get("roles", ())]
    given = {name: declared[name]["zookeeper_id"] for name in members if "zookeeper_id" in declared[name]}
    for name, host in declared.items():
        if "zookeeper_id" in host and name not in members:
            reader.complain(
                ("hosts", name, "zookeeper_id"),
                f"`{name}` has a zookeeper_id, but not the role zookeeper",
                involved=(("hosts", name, "roles"),),
                severity=Severity.WARNING,
            )
    if any(reader.given(("hosts", name, "zookeeper_id")) for name in members):
        used = set(given.values())
        for name in members:
            if not reader.given(("hosts", name, "zookeeper_id")):
                free = next(number for number in range(1, 257) if number not in used)
                used.add(free)
                reader.complain(
                    ("hosts", name),
                    f"`{name}` has no zookeeper_id, but other hosts have",
                    suggestion=f"`zookeeper_id: {free}`",
                )
        return given
    if members:
        numbers = ", ".join(f"{name}: {number}" for number, name in enumerate(members[:5], 1))
        reader.complain(
            ("hosts", members[0]),
            "no host has a zookeeper_id, so the ids follow the order of the hosts; a host that is inserted later "
            "would renumber them",
            severity=Severity.WARNING,
            expected=f"zookeeper_id written down at every host ({numbers}{', …' if len(members) > 5 else ''})",
        )
    return {name: number for number, name in enumerate(members, 1)}


def _known_hosts(folder: Path, reader: Reader) -> KnownHosts:
    try:
        return KnownHosts(ClusterState(folder).known_hosts)
    except OSError as error:
        reader.complain(("name",), f"{ClusterState(folder).known_hosts} cannot be read: {error.strerror}")
        return KnownHosts(Path("/dev/null"))


def _keys(state: ClusterState, reader: Reader) -> Keys:
    """The cluster's SSH keys, as far as `keys push` has made them."""
    texts = {}
    for file in (state.operator_public, state.node_public, state.node_key):
        try:
            texts[file] = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            texts[file] = ""
        except (OSError, ValueError) as error:
            reader.complain(("name",), f"{file} cannot be read: {error}")
            texts[file] = ""
    private = texts[state.node_key]
    return Keys(
        operator_public=texts[state.operator_public].strip(),
        node_public=texts[state.node_public].strip(),
        node_private=Secret(f"file:{state.node_key}", private) if private else None,
    )
