"""The guide's chapter "Marathon": a start script with the native library and the flags, and the unit that runs it.

The guide inserts lines into `bin/start`, which belongs to Marathon and is replaced by the next release. The same is
reached from outside: `bin/start-marathon` sets the variables and calls `bin/start` with the flags, whether that is
Apache's Marathon or the bundled one. Credentials go through the environment (`MARATHON_X` is `--x`), where the process
list does not show them.
"""

from __future__ import annotations

from typing import NamedTuple

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.inventory.secrets import MARATHON_SECRETS
from mesosctl.resources.types import File, Resource, Restored, Retired
from mesosctl.tasks import mesos_security
from mesosctl.tasks.common import endpoint, zookeeper_url
from mesosctl.tasks.mesos import configuration_directory
from mesosctl.templates import render

TITLE = "Marathon"

NAME = "marathon"
"""Of the service."""
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


class Unit(NamedTuple):
    cluster: str
    start: str
    nofile: int


class Script(NamedTuple):
    start: str
    log: str
    nofile: int


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    script, secrets = f"{cluster.marathon.home}/bin/start-marathon", credentials_file(cluster)
    if not host.has(Role.MARATHON):
        gone = [Restored(path=path) for path in (_service_path(facts), script, secrets)]
        return [Retired(name=NAME, manager=facts.init), *gone]
    flags = marathon_flags(cluster, host)
    variables = mesos_security.variables(cluster, configuration_directory(cluster))
    secret = {*MARATHON_SECRETS, *(("master", "zk") if cluster.zookeeper.credentials else ())}
    hidden = variables | {f"MARATHON_{flag.upper()}": flags.pop(flag) for flag in tuple(flags) if flag in secret}
    start = Start(
        cluster.marathon.home, cluster.marathon.native_library, secrets if hidden else "", tuple(flags.items())
    )
    found: list[Resource] = [
        File(path=script, content=render(f"{TEMPLATES}/bin/start-marathon", start), mode="0755", notify=(NAME,)),
        Restored(path=secrets, notify=(NAME,)),
    ]
    if hidden:
        content = render(f"{TEMPLATES}/conf/credentials.env", Secrets(tuple(hidden.items())))
        found[1] = File(path=secrets, content=content, mode="0600", notify=(NAME,))
    return [*found, _service_file(cluster, facts, script)]


def _service_file(cluster: Cluster, facts: Facts, start: str) -> File:
    path, nofile = _service_path(facts), cluster.limits.nofile
    if facts.init == "systemd":
        return File(path=path, content=render(path[1:], Unit(cluster.name, start, nofile)), notify=(NAME,))
    content = render(path[1:], Script(start, log_file(cluster), nofile))
    return File(path=path, content=content, mode="0755", notify=(NAME,))


def _service_path(facts: Facts) -> str:
    return f"/etc/systemd/system/{NAME}.service" if facts.init == "systemd" else f"/etc/init.d/{NAME}"


def credentials_file(cluster: Cluster) -> str:
    """The variables with credentials in them, on hosts whose Marathon has any."""
    return f"{cluster.marathon.home}/conf/credentials.env"


def log_file(cluster: Cluster) -> str:
    """What Marathon says where there is no journal to say it to."""
    return f"{cluster.mesos.log_dir}/{NAME}.log"


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
    granted = cluster.mesos.authentication
    if granted and granted.marathon:
        flags["mesos_authentication_principal"] = granted.marathon
        flags["mesos_authentication_secret"] = granted.credentials[granted.marathon].reveal()
    switches = {"mesos_authentication": ""} if granted and granted.marathon else {}
    return {**{flag: value for flag, value in flags.items() if value}, **switches, **cluster.marathon.flags}
