"""Names of flags and settings that may be given freely, and of those that the inventory owns elsewhere.

Mesos ignores an unknown `MESOS_*` variable silently, so a typing slip must be found here. The catalogues
`mesos-master-flags.txt` and `mesos-agent-flags.txt` hold the flags that the programs of Apache Mesos 1.11 print;
`mesosctl.inventory.flag_values` says what values they take.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mesosctl.inventory.flag_values import catalogue
from mesosctl.inventory.kinds import Text, Wrong
from mesosctl.inventory.problem import nearest

OWNED_MASTER = {
    "cluster": "mesos.cluster",
    "log_dir": "mesos.log_dir",
    "port": "mesos.master.port",
    "quorum": "mesos.quorum",
    "work_dir": "mesos.master.work_dir",
    "zk": "the role zookeeper and mesos.zk_path",
}
OWNED_AGENT = {
    "attributes": "mesos.agent.attributes",
    "containerizers": "mesos.agent.containerizers",
    "log_dir": "mesos.log_dir",
    "master": "the role master",
    "port": "mesos.agent.port",
    "resources": "mesos.agent.resources",
    "work_dir": "mesos.agent.work_dir",
}
OWNED_MARATHON = {
    "http_port": "marathon.port",
    "master": "the role master",
    "zk": "the role zookeeper and marathon.zk_path",
}
OWNED_ZOOKEEPER = {
    "4lw.commands.whitelist": "zookeeper.commands",
    "admin.enableServer": "zookeeper.admin_port",
    "admin.serverPort": "zookeeper.admin_port",
    "autopurge.purgeInterval": "zookeeper.autopurge.interval",
    "autopurge.snapRetainCount": "zookeeper.autopurge.retain",
    "clientPort": "zookeeper.client_port",
    "dataDir": "zookeeper.data_dir",
    "dataLogDir": "zookeeper.data_log_dir",
    "dynamicConfigFile": "the hosts with the role zookeeper",
    "initLimit": "zookeeper.init_limit",
    "maxClientCnxns": "zookeeper.max_client_connections",
    "syncLimit": "zookeeper.sync_limit",
    "tickTime": "zookeeper.tick_time",
}
LIBPROCESS_FLAGS = {
    "LIBPROCESS_ADVERTISE_IP": "advertise_ip",
    "LIBPROCESS_ADVERTISE_PORT": "advertise_port",
    "LIBPROCESS_IP": "ip",
    "LIBPROCESS_PORT": "port",
}
"""Variables of libprocess that a flag sets too."""
LIBPROCESS = frozenset(
    "LIBPROCESS_" + name
    for name in (
        *("ENABLE_PROFILER", "MEMORY_PROFILING", "NUM_WORKER_THREADS", "REQUIRE_PEER_ADDRESS_IP_MATCH"),
        *("SSL_CA_DIR", "SSL_CA_FILE", "SSL_CERT_FILE", "SSL_CIPHERS", "SSL_ECDH_CURVES", "SSL_ENABLED"),
        *("SSL_ENABLE_SSL_V3", "SSL_ENABLE_TLS_V1_0", "SSL_ENABLE_TLS_V1_1", "SSL_ENABLE_TLS_V1_2"),
        *("SSL_ENABLE_TLS_V1_3", "SSL_HOSTNAME_VALIDATION_SCHEME", "SSL_KEY_FILE", "SSL_REQUIRE_CERT"),
        *("SSL_REQUIRE_CLIENT_CERT", "SSL_SUPPORT_DOWNGRADE", "SSL_VERIFICATION_DEPTH", "SSL_VERIFY_CERT"),
        *("SSL_VERIFY_DEPTH", "SSL_VERIFY_IPADD", "SSL_VERIFY_SERVER_CERT"),
    )
)
"""Variables of libprocess without a flag; they are kept under this name."""
_USELESS = frozenset(("help", "version"))


class OwnedName(Text):
    """A free name, unless another key of the inventory owns it."""

    def __init__(self, expected: str, pattern: str, owned: Mapping[str, str], prefix: str = "") -> None:
        super().__init__(expected, pattern)
        self.owned = owned
        self.prefix = prefix

    def parse(self, text: str) -> Any:
        name = text
        if self.prefix and text.startswith(self.prefix):
            name = text.removeprefix(self.prefix).lower()
        if name.startswith("--"):
            raise Wrong("a flag is given without dashes", name.lstrip("-"))
        if re.fullmatch(r"server\.[0-9]+", name) and "clientPort" in self.owned:
            raise Wrong(f"`{text}` follows from the hosts", expected="the role zookeeper and a zookeeper_id")
        if name in self.owned:
            raise Wrong(f"`{text}` is not set here", expected=f"{self.owned[name]} in its place")
        return super().parse(name)


class MesosFlag(OwnedName):
    """A flag of mesos-master or mesos-agent, also spelled MESOS_NAME; or a variable LIBPROCESS_NAME."""

    def __init__(self, program: str, owned: Mapping[str, str]) -> None:
        super().__init__(f"a flag of mesos-{program}", "", owned, "MESOS_")
        self.program = program

    def parse(self, text: str) -> str:
        if text in LIBPROCESS:
            return text
        name: str = super().parse(LIBPROCESS_FLAGS.get(text, text))
        known = catalogue(self.program).keys()
        if name not in known:
            name = name.replace("slave", "agent")
        if name in known and name not in _USELESS:
            return name
        if name.startswith("no-") and name[3:] in known:
            raise Wrong("a flag is switched off with `false`", f"`{name[3:]}: false`")
        libprocess = text.startswith("LIBPROCESS_")
        names = LIBPROCESS if libprocess else known - _USELESS
        raise Wrong(f"mesos-{self.program} has no flag `{text}`", nearest(text if libprocess else name, names))

    def schema(self) -> dict[str, Any]:
        names = sorted(catalogue(self.program).keys() - _USELESS - self.owned.keys())
        return {"anyOf": [{"enum": names}, {"pattern": "^(MESOS|LIBPROCESS)_[A-Za-z0-9_]+$"}, {"pattern": "slave"}]}


MASTER_FLAG = MesosFlag("master", OWNED_MASTER)
AGENT_FLAG = MesosFlag("agent", OWNED_AGENT)
MARATHON_FLAG = OwnedName("a flag of Marathon, without dashes", r"[a-z][a-z0-9_]*", OWNED_MARATHON, "MARATHON_")
ZOOKEEPER_SETTING = OwnedName("a setting of zoo.cfg", r"[A-Za-z0-9][A-Za-z0-9._-]*", OWNED_ZOOKEEPER)
