"""The values that flags of mesos-master and mesos-agent take, as far as their names say it.

A program that refuses a value does not start, on all hosts alike, so a slip must be found here. The catalogues beside
this module name a kind after each flag whose value is not free text: `boolean`, `duration`, `integer`, `number`,
`size`, `rate`, `percentage`, or the words that are allowed with `|` between them. Notations: stout's Duration, Bytes
and flags of Apache Mesos (3rdparty/stout, docs/configuration). Any may be `file:///path`, which the program reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mesosctl.inventory import nodes
from mesosctl.inventory.kinds import Boolean, Choice, Free, ScalarKind, Text, Wrong
from mesosctl.inventory.reader import INVALID, KeyPath, Reader

UNITS = ("ns", "us", "ms", "secs", "mins", "hrs", "days", "weeks")
_SHORT = {"s": "secs", "sec": "secs", "m": "mins", "min": "mins", "h": "hrs", "hr": "hrs", "d": "days", "": "secs"}
_DURATION = rf"[0-9]*\.?[0-9]+({'|'.join(UNITS)})"


class _Duration(Text):
    def __init__(self) -> None:
        super().__init__(f"a duration such as 15secs, in {', '.join(UNITS)}", _DURATION)

    def parse(self, text: str) -> Any:
        match = re.fullmatch(r"([0-9.]+) *([a-z]*)", text.lower())
        if match and not re.fullmatch(self.pattern, text):
            unit = match[2] if match[2] in UNITS else _SHORT.get(match[2])
            raise Wrong(suggestion=f"{match[1]}{unit}" if unit else "")
        return super().parse(text)


class _Switch(ScalarKind):
    """True or false as everywhere in the inventory, but written as the programs read it."""

    expected = Boolean.expected

    def parse(self, text: str) -> str:
        return text if text in ("1", "0") else str(Boolean().parse(text)).lower()


KINDS: Mapping[str, ScalarKind] = {
    "boolean": _Switch(),
    "duration": _Duration(),
    "integer": Text("a whole number", r"[+-]?[0-9]+"),
    "number": Text("a number", r"[+-]?[0-9]*\.?[0-9]+"),
    "size": Text("a size such as 32MB, in B, KB, MB, GB, TB", r"[0-9]+[KMGT]?B"),
    "rate": Text("a rate such as 1/10mins", rf"[0-9]+/{_DURATION}"),
    "percentage": Text("a percentage such as 95%", r"[0-9]+(\.[0-9]+)?%"),
}

LIBPROCESS_SWITCHES = frozenset(
    "LIBPROCESS_" + name
    for name in (
        *("ENABLE_PROFILER", "MEMORY_PROFILING", "REQUIRE_PEER_ADDRESS_IP_MATCH", "SSL_ENABLED"),
        *("SSL_ENABLE_SSL_V3", "SSL_ENABLE_TLS_V1_0", "SSL_ENABLE_TLS_V1_1", "SSL_ENABLE_TLS_V1_2"),
        *("SSL_ENABLE_TLS_V1_3", "SSL_REQUIRE_CERT", "SSL_REQUIRE_CLIENT_CERT", "SSL_SUPPORT_DOWNGRADE"),
        *("SSL_VERIFY_CERT", "SSL_VERIFY_IPADD", "SSL_VERIFY_SERVER_CERT"),
    )
)

ISOLATORS = frozenset(
    (
        *("appc/runtime", "cgroups", "cgroups/all", "cgroups/blkio", "cgroups/cpu", "cgroups/cpuset"),
        *("cgroups/devices", "cgroups/hugetlb", "cgroups/mem", "cgroups/net_cls", "cgroups/net_prio"),
        *("cgroups/perf_event", "cgroups/pids", "disk/du", "disk/xfs", "docker/runtime", "docker/volume"),
        *("environment_secret", "filesystem/linux", "filesystem/posix", "filesystem/shared", "gpu/nvidia"),
        *("linux/capabilities", "linux/devices", "linux/nnp", "linux/seccomp", "namespaces/ipc", "namespaces/pid"),
        *("network/cni", "network/port_mapping", "network/ports", "posix", "posix/cpu", "posix/disk", "posix/mem"),
        *("posix/rlimits", "process", "volume/csi", "volume/host_path", "volume/image", "volume/sandbox_path"),
        *("volume/secret", "windows/cpu", "windows/mem"),
    )
)
"""What `isolation` may name without a module that brings more."""


@cache
def catalogue(program: str) -> Mapping[str, str]:
    """The flags of `master` or `agent`, each with the kind of its value, "" for free text."""
    lines = Path(__file__).with_name(f"mesos-{program}-flags.txt").read_text(encoding="ascii").splitlines()
    return {name: kind for name, _, kind in (line.partition(" ") for line in lines)}


class FlagValue(Free):
    """The value of a flag of `master` or `agent`; the path's last part is the flag."""

    def __init__(self, program: str) -> None:
        self.program = program

    def read(self, node: nodes.Node, path: KeyPath, reader: Reader) -> Any:
        text = super().read(node, path, reader)
        kind = self._kind(path[-1])
        if kind is None or text is INVALID or text.startswith("file://"):
            return text
        return kind.read(node, path, reader)

    def _kind(self, flag: str) -> ScalarKind | None:
        if flag in LIBPROCESS_SWITCHES:
            return KINDS["boolean"]
        name = catalogue(self.program).get(flag, "")
        return Choice({word: word for word in name.split("|")}) if "|" in name else KINDS.get(name)
