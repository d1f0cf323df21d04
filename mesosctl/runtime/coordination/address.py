"""What names a master: `zk://[user:password@]host[:port],…/path`, `host[:port]`, `[ip][:port]`, a file of these."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ZOOKEEPER_SCHEME = "zk://"
FILE_SCHEME = "file://"
MASTER_PORT = 5050
ZOOKEEPER_PORT = 2181


@dataclass(frozen=True)
class ZooKeeperUrl:
    """`servers` is host:port, separated by commas; `path` begins with a slash and ends without one."""

    servers: str
    path: str
    user: str | None = None
    password: str | None = None

    @property
    def credentials(self) -> str | None:
        """For ZooKeeper's scheme "digest"."""
        return None if self.user is None else f"{self.user}:{self.password}"


@dataclass(frozen=True)
class HostPort:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


MasterAddress = ZooKeeperUrl | HostPort


def parse_master(text: str) -> MasterAddress:
    """Any of the forms above. Raises ValueError, and OSError where a file cannot be read."""
    text = text.strip()
    if text.startswith(FILE_SCHEME):
        text = Path(text.removeprefix(FILE_SCHEME)).read_text(encoding="utf-8").strip()
    return parse_zookeeper(text) if text.startswith(ZOOKEEPER_SCHEME) else parse_host(text)


def parse_zookeeper(text: str) -> ZooKeeperUrl:
    """By Mesos' rules: the first slash ends the servers, the last `@` before it the credentials; nothing is decoded.

    Raises ValueError.
    """
    if not text.startswith(ZOOKEEPER_SCHEME):
        raise ValueError("Expecting 'zk://' at the beginning of the URL")
    before, slash, path = text.removeprefix(ZOOKEEPER_SCHEME).partition("/")
    credentials, at, servers = before.rpartition("@")
    path = path.rstrip("/")
    if not slash or not path:
        raise ValueError("Expecting a (chroot) path for ZooKeeper ('/' is not supported)")
    hosts = servers.split(",")
    if not all(hosts):
        raise ValueError("Expecting the servers of ZooKeeper as host:port,host:port")
    user, colon, password = credentials.partition(":")
    if at and not (user and colon):
        raise ValueError("Expecting credentials for ZooKeeper as user:password")
    return ZooKeeperUrl(
        servers=",".join(host if ":" in host else f"{host}:{ZOOKEEPER_PORT}" for host in hosts),
        path=f"/{path}",
        user=user if at else None,
        password=password if at else None,
    )


def parse_host(text: str) -> HostPort:
    """A name or an address, with a port other than 5050 after a colon; IPv6 in brackets. Raises ValueError."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        is_written_well = bool(bracket) and (colon == ":" or not rest)
    else:
        host, colon, port = text.partition(":")
        is_written_well = ":" not in port
    if not host or not is_written_well or (colon and not port.isdecimal()) or any(map(str.isspace, host)):
        raise ValueError(f"Expecting a master as host:port, zk://host:port/path or file:///path, not '{text}'")
    number = int(port) if colon else MASTER_PORT
    if not 0 < number < 2**16:
        raise ValueError(f"Not a port: {number}")
    return HostPort(host, number)
