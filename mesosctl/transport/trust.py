"""Which host keys the servers show, and the cluster's own known_hosts, where trusted ones are stored.

A scan asks every host for its key without logging in. Hosts behind a bastion are asked through it; a bastion that is
not known yet is logged in to with keys only (never with a password) and listed as unknown like any other, so that one
question covers all. A bastion whose key has changed is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from mesosctl.inventory.known_hosts import KnownHosts, known_name
from mesosctl.inventory.model import Cluster, Host
from mesosctl.inventory.state import ClusterState
from mesosctl.transport.endpoint import Endpoint, Endpoints
from mesosctl.transport.errors import TransportError
from mesosctl.transport.files import state_folder, write_private
from mesosctl.transport.hostkey import HostKey
from mesosctl.transport.ssh import SshTransport
from mesosctl.transport.trusted import INVENTORY, Stored, TrustedKeys, judge


class State(StrEnum):
    KNOWN = "known"
    """The server shows a stored key."""
    UNKNOWN = "unknown"
    """No key is stored for it."""
    CHANGED = "changed"
    """It shows another key than the stored one, or a revoked one."""
    UNREACHABLE = "unreachable"
    """It showed none; `problem` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known of one server, and what it showed."""

    host: str
    """Name of the host, or the bastion as the inventory writes it."""
    address: str
    port: int
    names: tuple[tuple[str, int], ...]
    """Names and ports by which its key is looked up."""
    state: State
    key: HostKey | None = None
    """What it showed."""
    stored: tuple[HostKey, ...] = ()
    problem: TransportError | None = None

    @property
    def pinned(self) -> bool:
        """The inventory itself names the key, so that nothing else can be stored for it."""
        return any(key.source == INVENTORY for key in self.stored)


def scan(cluster: Cluster, hosts: Sequence[Host], *, parallel: int = 32) -> list[Finding]:
    """Ask hosts, and the bastions before them, for their keys, `parallel` at once.

    The findings of bastions come first, then those of hosts in their order.
    """
    scanner = _Scanner(cluster)
    with ThreadPoolExecutor(parallel) as pool:
        try:
            failed = list(pool.map(scanner.ask, hosts))
        except BaseException:
            scanner.transport.interrupt()  # or leaving the pool would wait for all hosts
            raise
    scanner.transport.close()
    found = [*scanner.found.values(), *(finding for finding in failed if finding)]
    order = {host.name: number for number, host in enumerate(hosts)}
    return sorted(found, key=lambda finding: order.get(finding.host, -1))


def listed(cluster: Cluster, hosts: Sequence[Host]) -> list[Finding]:
    """What is stored for hosts and their bastions; contacts nobody. The state is known or unknown."""
    endpoints, trusted = Endpoints(cluster), TrustedKeys(ClusterState(cluster.state_dir).known_hosts)
    found: dict[tuple[str, int], Finding] = {}
    for host in hosts:
        endpoint: Endpoint | None = endpoints.of(host)
        while endpoint is not None:
            stored = trusted.stored(endpoint)
            state = State.KNOWN if stored.keys else State.UNKNOWN
            found.setdefault((endpoint.address, endpoint.port), _finding(endpoint, host, state, stored))
            endpoint = endpoint.jump
    return list(found.values())


class _Scanner:
    def __init__(self, cluster: Cluster) -> None:
        self.transport = SshTransport(cluster)
        self.found: dict[tuple[str, int], Finding] = {}
        self._lock = threading.Lock()

    def ask(self, host: Host) -> Finding | None:
        """Meet a host and its bastions; a finding only where it did not come to a key."""
        try:
            self.transport.show_key(host, lambda endpoint, stored, key: self._met(host, endpoint, stored, key))
        except TransportError as error:
            return Finding(
                host=host.name,
                address=host.address,
                port=host.ssh.port,
                names=(),
                state=State.UNREACHABLE,
                problem=error,
            )
        return None

    def _met(self, host: Host, endpoint: Endpoint, stored: Stored, key: HostKey) -> None:
        state = State.KNOWN
        try:
            judge(endpoint, stored, key)
        except TransportError as error:
            state = State.CHANGED if error.cause == "host-key-changed" else State.UNKNOWN
            if state is State.CHANGED and endpoint.bastion:
                self._note(_finding(endpoint, host, state, stored, key))
                raise
        self._note(_finding(endpoint, host, state, stored, key))

    def _note(self, finding: Finding) -> None:
        with self._lock:
            self.found[finding.address, finding.port] = finding


def _finding(endpoint: Endpoint, host: Host, state: State, stored: Stored, key: HostKey | None = None) -> Finding:
    names = [(endpoint.address, endpoint.port)]
    if not endpoint.bastion:  # the inventory's own address, which an alias of ssh_config may have translated
        names.append((host.address, host.ssh.port))
    return Finding(
        host=endpoint.name,
        address=endpoint.address,
        port=endpoint.port,
        names=tuple(dict.fromkeys(names)),
        state=state,
        key=key,
        stored=(*stored.keys, *stored.revoked),
    )


def store(cluster: Cluster, findings: Iterable[Finding]) -> None:
    """Write the keys that servers showed into the cluster's known_hosts, in place of what it held for them.

    Lines of other servers stay. One writer at a time, by rename. Raises MesosctlError where it cannot be written.
    """
    state = ClusterState(cluster.state_dir)
    with state_folder(state):
        known = KnownHosts(state.known_hosts)
        new = [finding for finding in findings if finding.key and not _holds(known, finding)]
        gone = {known_name(*name): name for finding in new for name in finding.names}
        old = {entry.line for name in gone.values() for entry in known.entries(*name) if not entry.revoked}
        lines = state.known_hosts.read_text(encoding="utf-8").splitlines() if state.known_hosts.exists() else []
        kept = [_without(line, gone) if number in old else line for number, line in enumerate(lines, 1)]
        added = [f"{','.join(known_name(*name) for name in f.names)} {f.key.text}" for f in new if f.key]
        write_private(state.known_hosts, "".join(f"{line}\n" for line in [*kept, *added] if line))


def _holds(known: KnownHosts, finding: Finding) -> bool:
    """Whether the file needs no change: it has the key that is known, under all names."""
    key = finding.key.text if finding.key else ""
    return finding.state is State.KNOWN and all(key in known.lookup([name], port) for name, port in finding.names)


def _without(line: str, gone: Container[str]) -> str:
    """A line without some of its names; nothing is left of one that has no other, or hashed ones."""
    names, _, key = line.partition(" ")
    others = [name for name in names.split(",") if name.lower() not in gone and not name.startswith("|1|")]
    return f"{','.join(others)} {key}" if others else ""
