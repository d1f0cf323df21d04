"""The guide's chapter "Zookeeper", second half: user, folders, zoo.cfg, myid, logging with rotation, and the service.

The ids of `server.N` and `myid` come from the inventory and never from a position. Reconfiguration at run time is
off, so that ZooKeeper does not rewrite its configuration and every line of zoo.cfg is ours. Format and defaults:
ZooKeeper Administrator's Guide 3.8, "Configuration Parameters".
"""

from __future__ import annotations

from typing import NamedTuple

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Account, Directory, File, Resource
from mesosctl.tasks.common import bracketed
from mesosctl.tasks.zookeeper_package import class_path
from mesosctl.templates import render

TITLE = "ZooKeeper"

CONF = "/etc/zookeeper/conf"
LAUNCHER = "/usr/local/sbin/zookeeper-server"
UNIT = "/etc/systemd/system/zookeeper.service"
SCRIPT = "/etc/init.d/zookeeper"


class Server(NamedTuple):
    """A line `server.N`."""

    id: int
    address: str
    peer_port: int
    election_port: int


class ZooCfg(NamedTuple):
    settings: tuple[tuple[str, str], ...]
    servers: tuple[Server, ...]


class Process(NamedTuple):
    """How the server is run: everything that the launcher, the unit and the script need."""

    cluster: str
    user: str
    heap: int
    log_dir: str
    class_path: str
    launcher: str
    nofile: int


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    if not host.has(Role.ZOOKEEPER):
        return []
    zookeeper = cluster.zookeeper
    process = Process(
        cluster.name,
        zookeeper.user,
        zookeeper.heap,
        zookeeper.log_dir,
        class_path(cluster),
        LAUNCHER,
        cluster.limits.nofile,
    )

    def file(path: str, content: str, mode: str = "0644") -> File:
        return File(path=path, content=content, mode=mode, notify=("zookeeper",))

    def folder(path: str) -> Directory:
        return Directory(path=path, mode="0750", owner=zookeeper.user, group=zookeeper.user)

    folders = [zookeeper.data_dir, zookeeper.data_log_dir or zookeeper.data_dir, zookeeper.log_dir]
    service = (UNIT, "0644") if facts.init == "systemd" else (SCRIPT, "0755")
    return [
        Account(name=zookeeper.user, home=zookeeper.data_dir),
        *(folder(path) for path in dict.fromkeys(folders)),
        file(f"{CONF}/zoo.cfg", render("etc/zookeeper/conf/zoo.cfg", _zoo_cfg(cluster))),
        file(f"{CONF}/java.env", render("etc/zookeeper/conf/java.env", process)),
        file(f"{CONF}/log4j.properties", render("etc/zookeeper/conf/log4j.properties", process)),
        file(f"{CONF}/logback.xml", render("etc/zookeeper/conf/logback.xml", process)),
        file(f"{zookeeper.data_dir}/myid", f"{host.zookeeper_id}\n"),
        file(LAUNCHER, render(LAUNCHER[1:], process), "0755"),
        file(service[0], render(service[0][1:], process), service[1]),
    ]


def _zoo_cfg(cluster: Cluster) -> ZooCfg:
    zookeeper = cluster.zookeeper
    admin = zookeeper.admin_port
    settings = {
        "tickTime": str(zookeeper.tick_time),
        "initLimit": str(zookeeper.init_limit),
        "syncLimit": str(zookeeper.sync_limit),
        "dataDir": zookeeper.data_dir,
        **({"dataLogDir": zookeeper.data_log_dir} if zookeeper.data_log_dir else {}),
        "clientPort": str(zookeeper.client_port),
        "maxClientCnxns": str(zookeeper.max_client_connections),
        # Both, whatever the version: its default, on and 8080, is Marathon's port.
        "admin.enableServer": "true" if admin else "false",
        "admin.serverPort": str(admin or 0),
        "4lw.commands.whitelist": ", ".join(dict.fromkeys(["srvr", *zookeeper.commands])),
        "autopurge.purgeInterval": str(zookeeper.autopurge.interval),
        "autopurge.snapRetainCount": str(zookeeper.autopurge.retain),
        # One server is an ensemble of one: a standalone server could never grow.
        "standaloneEnabled": "false",
        "reconfigEnabled": "false",
        **zookeeper.settings,
    }
    servers = tuple(
        Server(host.zookeeper_id or 0, bracketed(host.address), zookeeper.peer_port, zookeeper.election_port)
        for host in sorted(cluster.with_role(Role.ZOOKEEPER), key=lambda host: host.zookeeper_id or 0)
    )
    return ZooCfg(tuple(settings.items()), servers)
