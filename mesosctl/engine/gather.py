"""Gathers the facts of a host in one round trip, before any task is asked what it wants.

facts.sh is the program, `FactsReader` reads its lines.
"""

from __future__ import annotations

import base64
import functools
import importlib.resources
import re
import secrets
import shlex
import time

from mesosctl.engine.answer import Answer
from mesosctl.engine.causes import lost, why_not_locked
from mesosctl.engine.facts import Facts, Listener
from mesosctl.engine.host_program import Execute
from mesosctl.inventory.model import Cluster, Host
from mesosctl.resources.program import Lock, assemble
from mesosctl.tasks.mesos_python import runs_mesos


def gather(cluster: Cluster, host: Host, execute: Execute, *, lock: Lock | None = None, deep: bool = False) -> Facts:
    """The facts of a host.

    With a `lock` the host's lock is taken first: a run that will change the host follows. `deep` adds what only the
    preflight check asks for (memory, disk, open ports, versions, and what `probes` looks at beyond the host). Raises
    TransportError where the host is locked, or does not tell to the end.
    """
    nonce = secrets.token_hex(8)
    reader = FactsReader(nonce)
    execute(_program(cluster, host, nonce=nonce, lock=lock, deep=deep), reader.line)
    if reader.locked:
        raise why_not_locked(host.name, reader.locked)
    if not reader.complete:
        raise lost(host.name)
    return reader.facts()


def _program(cluster: Cluster, host: Host, *, nonce: str, lock: Lock | None, deep: bool) -> str:
    users = sorted({"root", host.ssh.user, *cluster.proxy.users})
    head = {
        "deep": str(int(deep)),
        "python": str(int(deep or runs_mesos(host))),
        "users": " ".join(users),
        "zookeeper_port": str(cluster.zookeeper.client_port),
        "conf": f"{cluster.mesos.prefix}/etc/mesos",
        "marathon": cluster.marathon.home,
    }
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in head.items())
    body = [f"{variables}\n", _script()]
    if deep:
        from mesosctl.engine import probes  # its chapters need this module

        body.append(probes.program(cluster, host))
    return assemble(body, nonce=nonce, write=lock is not None, lock=lock)


@functools.cache
def _script() -> str:
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
        family = _family(os_id, like)
        quorum = self.first("quorum")
        return Facts(
            os_id=os_id,
            os_version=version,
            os_codename=codename,
            family=family,
            package_manager=_manager(family, self.all("manager")),
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
            pythons=tuple(dict.fromkeys((path, text.removeprefix("Python ")) for path, text in self.pairs("python"))),
            libc=self.first("libc"),
            java=self.first("java"),
            docker=self.first("docker"),
            cgroup=self.first("cgroup"),
            homes=dict(self.pairs("home")),
            groups=dict(self.pairs("group")),
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
            agent_identity=dict(self.pairs("agent_identity")),
            marathon_principal=next((text.strip() for text in self.all("marathon_principal")), None),
            quorum=int(quorum) if quorum else None,
            files={
                path: base64.b64decode(content).decode(errors="surrogateescape") for path, content in self.pairs("file")
            },
            uploads=frozenset(self.all("upload")),
            releases=frozenset(self.pairs("release")),
        )


def _family(os_id: str, like: str) -> str:
    names = {os_id, *like.split()}
    if names & {"debian", "ubuntu"}:
        return "debian"
    return "redhat" if names & {"rhel", "fedora", "centos", "rocky", "almalinux"} else ""


def _manager(family: str, installed: list[str]) -> str:
    """The family's own package manager; the other family's may be installed beside it, as a tool."""
    own = [name for name in installed if (name == "apt") is (family == "debian")]
    return next(iter(own or installed), "")


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
