"""What this machine gives to lab hosts, and how many of them it can carry: as the kernel and the system say."""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
from collections.abc import Sequence
from pathlib import Path

RESOLV_CONF = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""The second is where systemd-resolved tells the servers behind its own one on 127.0.0.53."""
CAP_SYS_RESOURCE = 24
"""Bit number in linux/capability.h."""
MAX_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_PER_HOST = 9
"""A host's systemd, D-Bus, logind and containerd take 8, a login one or two for a while; all count as root's."""


def routes() -> list[ipaddress.IPv4Network]:
    """The networks that this machine has routes to, without the default route (/proc/net/route, proc(5))."""
    networks = []
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        fields = line.split()
        address, mask = (socket.inet_ntoa(struct.pack("=I", int(fields[column], 16))) for column in (1, 7))
        if mask != "0.0.0.0":
            networks.append(ipaddress.IPv4Network(f"{address}/{mask}", strict=False))
    return networks


def resolv_conf(files: Sequence[Path] = RESOLV_CONF) -> str:
    """This machine's name servers, for the hosts: Docker's own one would know the hosts' names, unlike most real ones.

    "" where this machine asks a server of its own that the hosts cannot reach: they ask Docker's then.
    """
    for file in files:
        text = file.read_text() if file.exists() else ""
        servers = re.findall(r"^nameserver\s+(\S+)", text, re.MULTILINE)
        if servers and not any(server.startswith("127.") or server == "::1" for server in servers):
            return text.strip()
    return ""


def has_capability(number: int) -> bool:
    """Whether this machine's own processes may have a capability; an engine can give no other to its containers."""
    status = Path("/proc/self/status").read_text()
    bounding = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bounding is not None and bool(int(bounding[1], 16) >> number & 1)


def host_limit(file: Path = MAX_INOTIFY) -> int:
    """How many hosts can run at once before systemd fails in them with "Too many open files" (inotify(7))."""
    return int(file.read_text()) // INOTIFY_PER_HOST
