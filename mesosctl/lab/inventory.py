"""The inventory of a lab: which roles its hosts have, and the YAML that every other command reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mesosctl.inventory.model import Role

SERVERS = (Role.ZOOKEEPER, Role.MASTER, Role.MARATHON)


def roles(count: int) -> list[tuple[Role, ...]]:
    """The roles of `count` hosts, in order.

    Three servers where there are three hosts, else one; the others are agents. With no other left, the servers are
    agents too, so that every lab can run something.
    """
    servers = 3 if count >= 3 else 1
    if count == servers:
        return [(*SERVERS, Role.AGENT)] * servers
    return [SERVERS] * servers + [(Role.AGENT,)] * (count - servers)


def inventory_text(name: str, addresses: Mapping[str, str], host_keys: Mapping[str, Sequence[str]], key: Path) -> str:
    """The inventory of a lab.

    `addresses` maps the hosts' names to their addresses, `host_keys` to their public host keys (`ssh-ed25519 AAAA…`);
    `key` is the private key that root logs in with.
    """
    lines = [
        f"# Inventory of the lab {name}, written by `mesosctl lab up`.",
        f"name: {name}",
        "ssh:",
        "  user: root",
        f'  key: "{key}"',
        "hosts:",
    ]
    for number, (host, host_roles) in enumerate(zip(addresses, roles(len(addresses)), strict=True), start=1):
        lines += [
            f"  {host}:",
            f"    address: {addresses[host]}",
            f"    roles: [{', '.join(host_roles)}]",
            *([f"    zookeeper_id: {number}"] if Role.ZOOKEEPER in host_roles else []),
            "    host_keys:",
            *(f"      - {public}" for public in host_keys[host]),
        ]
    return "\n".join(lines) + "\n"
