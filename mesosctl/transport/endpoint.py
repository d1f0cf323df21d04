"""Where a connection goes: the host's SSH settings, completed by the operator's OpenSSH client configuration.

An alias of ssh_config(5) applies where the inventory has left a setting at its default: HostName, User, Port,
IdentityFile, ProxyJump. Paramiko's reader knows no `Include`, so included files are put in place before it reads.
"""

from __future__ import annotations

import glob
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from paramiko import ConfigParseError, SSHConfig

from mesosctl.errors import MesosctlError
from mesosctl.inventory.model import Cluster, Host, Secret, Ssh

MAX_INCLUDES = 16
"""Depth at which OpenSSH gives up on files that include each other."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key file, and what opens it."""

    path: Path
    passphrase: Secret | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One SSH server and how to log in there."""

    host: str
    """The host of the cluster that this is for; messages name it."""
    name: str
    """The server itself: the host's name, or the bastion as the inventory writes it."""
    address: str
    port: int
    user: str
    identities: tuple[Identity, ...]
    password: Secret | None
    host_keys: tuple[str, ...]
    timeout: float
    """Seconds for the TCP connection, and of silence during login."""
    jump: Endpoint | None = None
    """The bastion that forwards the connection; itself maybe behind another."""
    bastion: bool = False


class Endpoints:
    """Resolves hosts; reads each OpenSSH configuration once. Shared by all threads."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._configs: dict[Path | None, SSHConfig | None] = {}
        self._lock = threading.Lock()

    def of(self, host: Host) -> Endpoint:
        """The endpoint of a host, its bastions included. MesosctlError for an unreadable OpenSSH configuration."""
        settings, address, keys, jump = self._alias(host.address, host.ssh)
        return Endpoint(
            host=host.name,
            name=host.name,
            address=address,
            port=settings.port,
            user=settings.user,
            identities=keys,
            password=settings.password,
            host_keys=host.host_keys,
            timeout=settings.connect_timeout,
            jump=self._chain(host, jump),
        )

    def _chain(self, host: Host, jump: str | None) -> Endpoint | None:
        bastion: Endpoint | None = None
        for name in (part.strip() for part in (jump or "").split(",")):
            if name and name.lower() != "none":
                bastion = self._bastion(host, name, bastion)
        return bastion

    def _bastion(self, host: Host, name: str, behind: Endpoint | None) -> Endpoint:
        """A bastion gets the host's key, but never its password: that is meant for the host alone."""
        user, _, location = name.rpartition("@")
        address, port = _split_port(location)
        listed = next(
            (h for h in self._cluster.hosts if address == h.name or (address, port or 22) == (h.address, h.ssh.port)),
            None,
        )
        base = listed.ssh if listed else replace(host.ssh, port=22, jump=None, password=None)
        settings, address, keys, _ = self._alias(
            listed.address if listed else address,
            replace(base, user=user or base.user, port=port or base.port),
        )
        return Endpoint(
            host=host.name,
            name=name,
            address=address,
            port=settings.port,
            user=settings.user,
            identities=keys,
            password=settings.password,
            host_keys=listed.host_keys if listed else (),
            timeout=settings.connect_timeout,
            jump=behind,
            bastion=True,
        )

    def _alias(self, address: str, ssh: Ssh) -> tuple[Ssh, str, tuple[Identity, ...], str | None]:
        """The settings with ssh_config's applied: settings, real address, keys, jump."""
        keys: tuple[Identity, ...] = (Identity(ssh.key.expanduser(), ssh.passphrase),) if ssh.key else ()
        config = self._config(ssh.config)
        if config is None:
            return ssh, address, keys, ssh.jump
        found = config.lookup(address)
        default = Ssh()
        if ssh.user == default.user and "user" in found:
            ssh = replace(ssh, user=found["user"])
        if ssh.port == default.port and "port" in found:
            ssh = replace(ssh, port=int(found["port"]))
        if not keys:
            keys = tuple(Identity(Path(path).expanduser(), ssh.passphrase) for path in found.get("identityfile", []))
        return ssh, found.get("hostname", address), keys, ssh.jump or found.get("proxyjump")

    def _config(self, path: Path | None) -> SSHConfig | None:
        with self._lock:
            if path not in self._configs:
                self._configs[path] = _read_config(path)
            return self._configs[path]


def _read_config(path: Path | None) -> SSHConfig | None:
    """The configuration at `path`; None stands for the user's own, which need not exist."""
    file = path.expanduser() if path else Path("~/.ssh/config").expanduser()
    if path is None and not file.is_file():
        return None
    try:
        return SSHConfig.from_text("\n".join(_lines(file, 0)))
    except (OSError, ConfigParseError, UnicodeDecodeError) as error:
        raise MesosctlError(
            f"cannot be read as an OpenSSH client configuration: {error}",
            where=str(file),
            fix="correct it, or name another one with ssh.config in the inventory",
        ) from None


def _lines(file: Path, depth: int) -> list[str]:
    """The lines of a file with those of the included files in place; an included `Host` ends with its file."""
    if depth > MAX_INCLUDES:
        raise ConfigParseError(f"{file} is included too deeply")
    lines: list[str] = []
    section = "Host *"
    for line in file.read_text(encoding="utf-8").splitlines():
        words = line.replace("=", " ", 1).split()
        keyword = words[0].lower() if words else ""
        if keyword != "include":
            lines.append(line)
            if keyword in ("host", "match"):
                section = line
            continue
        for pattern in words[1:]:
            expanded = Path(pattern.strip('"')).expanduser()
            for name in sorted(glob.glob(str(file.parent / expanded))):
                lines += _lines(Path(name), depth + 1)
        lines.append(section)
    return lines


def _split_port(location: str) -> tuple[str, int | None]:
    """`host`, `host:port`, `[v6]:port` or a bare IPv6 address."""
    if location.startswith("["):
        address, _, rest = location[1:].partition("]")
        port = rest.removeprefix(":")
    elif location.count(":") == 1:
        address, _, port = location.partition(":")
    else:
        address, port = location, ""
    return address, int(port) if port.isdigit() else None
