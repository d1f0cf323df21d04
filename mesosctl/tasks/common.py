"""What several chapters need: small questions about hosts and addresses, and no resources of their own."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import NamedTuple

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Credentials, Role


class Nothing(NamedTuple):
    """The input of a template that has none."""


@dataclass(frozen=True, slots=True)
class User:
    """A user of a host, with the names that own the user's files."""

    name: str
    home: str
    group: str


def user_of(facts: Facts, name: str) -> User:
    """A user as the host knows it; where it does not, with the home and the group that such a user usually gets."""
    home = "/root" if name == "root" else f"/home/{name}"
    return User(name, facts.homes.get(name, home), facts.groups.get(name, name))


def root(facts: Facts) -> User:
    return user_of(facts, "root")


def is_address(text: str) -> bool:
    """Whether this is an IP address and not a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def bracketed(address: str) -> str:
    """An address as it stands before `:port`."""
    return f"[{address}]" if ":" in address else address


def endpoint(address: str, port: int) -> str:
    return f"{bracketed(address)}:{port}"


def zookeeper_url(cluster: Cluster, path: str) -> str:
    """`zk://[user:password@]host:port,…/path` of the cluster's ensemble, "" where it has none."""
    servers = ",".join(
        endpoint(host.address, cluster.zookeeper.client_port) for host in cluster.with_role(Role.ZOOKEEPER)
    )
    return f"zk://{_login(cluster.zookeeper.credentials)}{servers}{path}" if servers else ""


def _login(credentials: Credentials | None) -> str:
    return f"{credentials.username}:{credentials.password.reveal()}@" if credentials else ""
