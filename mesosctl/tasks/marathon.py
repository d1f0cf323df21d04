"""The guide's chapter "Marathon": a start script with the native library and the flags.

The guide inserts lines into `bin/start`, which belongs to Marathon and is replaced by the next release. The same is
reached from outside: `bin/start-marathon` sets the variables and calls `bin/start` with the flags. Credentials of
ZooKeeper go through the environment (`MARATHON_X` is `--x`), where the process list does not show them.
"""

from __future__ import annotations

from typing import NamedTuple

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import File, Resource, Restored
from mesosctl.tasks.common import endpoint, zookeeper_url
from mesosctl.templates import render

TITLE = "Marathon"

TEMPLATES = "usr/local/marathon"


class Start(NamedTuple):
    home: str
    native_library: str
    secrets: str
    """A file of variables to read, "" for none."""
    flags: tuple[tuple[str, str], ...]
    """Flag and value; a flag without a value is a switch."""


class Secrets(NamedTuple):
    variables: tuple[tuple[str, str], ...]


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    home = cluster.marathon.home
    script, secrets = f"{home}/bin/start-marathon", f"{home}/conf/zookeeper.env"
    if not host.has(Role.MARATHON):
        return [Restored(path=script), Restored(path=secrets)]
    flags = marathon_flags(cluster, host)
    hidden: dict[str, str] = {}
    if cluster.zookeeper.credentials:
        hidden = {f"MARATHON_{flag.upper()}": flags.pop(flag) for flag in ("master", "zk") if flag in flags}
    start = Start(home, cluster.marathon.native_library, secrets if hidden else "", tuple(flags.items()))
    found: list[Resource] = [
        File(path=script, content=render(f"{TEMPLATES}/bin/start-marathon", start), mode="0755"),
        Restored(path=secrets),
    ]
    if hidden:
        content = render(f"{TEMPLATES}/conf/zookeeper.env", Secrets(tuple(hidden.items())))
        found[1] = File(path=secrets, content=content, mode="0600")
    return found


def marathon_flags(cluster: Cluster, host: Host) -> dict[str, str]:
    """The flags of a host's Marathon; those of the inventory win. Without ZooKeeper it keeps no state there."""
    masters = cluster.with_role(Role.MASTER)
    flags = {
        "master": zookeeper_url(cluster, cluster.mesos.zk_path)
        or (endpoint(masters[0].address, cluster.mesos.master.port) if masters else ""),
        "zk": zookeeper_url(cluster, cluster.marathon.zk_path),
        "hostname": host.address,
        "http_port": str(cluster.marathon.port),
    }
    return {**{flag: value for flag, value in flags.items() if value}, **cluster.marathon.flags}
