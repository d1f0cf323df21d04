"""The parameters of a docker task: options of `docker run`, translated to the body of the create call.

Options that would take the container out of the executor's hands (`restart`, `rm`, `detach`, `name`) are refused, and
so are those that this table does not know: a task does not run otherwise than asked.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

from mesosctl.runtime.protocol.basics import Parameter

Json = dict[str, Any]
Reader = Callable[[str], Any]

_REFUSED = {"cidfile", "d", "detach", "name", "restart", "rm", "sig-proxy"}
_SHORT = {
    "e": "env",
    "l": "label",
    "v": "volume",
    "h": "hostname",
    "u": "user",
    "w": "workdir",
    "m": "memory",
    "c": "cpu-shares",
    "p": "publish",
    "t": "tty",
    "i": "interactive",
    "net": "network",
    "dns-opt": "dns-option",
}
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"(-?\d+(?:\.\d+)?)([bkmgt]?)(?:i?b)?", re.IGNORECASE)


class ParameterError(ValueError):
    """A parameter that cannot be given to the engine, and why."""


def size(text: str) -> int:
    """Bytes in "512m", "2g" and so on, as the docker client reads them."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"'{text}' is not a size")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def switch(text: str) -> bool:
    if text.lower() in ("", "1", "t", "true"):
        return True
    if text.lower() in ("0", "f", "false"):
        return False
    raise ValueError(f"'{text}' is neither true nor false")


def _ulimit(text: str) -> Json:
    name, _, values = text.partition("=")
    soft, _, hard = values.partition(":")
    return {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}


def _device(text: str) -> Json:
    host, container, permissions = (*text.split(":"), "", "")[:3]
    if container and set(container) <= set("rwm"):
        container, permissions = "", container
    return {"PathOnHost": host, "PathInContainer": container or host, "CgroupPermissions": permissions or "rwm"}


_APPENDED: dict[str, tuple[str, Reader]] = {
    "env": ("Env", str),
    "volume": ("HostConfig.Binds", str),
    "cap-add": ("HostConfig.CapAdd", str),
    "cap-drop": ("HostConfig.CapDrop", str),
    "ulimit": ("HostConfig.Ulimits", _ulimit),
    "dns": ("HostConfig.Dns", str),
    "dns-search": ("HostConfig.DnsSearch", str),
    "dns-option": ("HostConfig.DnsOptions", str),
    "add-host": ("HostConfig.ExtraHosts", str),
    "device": ("HostConfig.Devices", _device),
    "group-add": ("HostConfig.GroupAdd", str),
    "link": ("HostConfig.Links", str),
    "security-opt": ("HostConfig.SecurityOpt", str),
    "volumes-from": ("HostConfig.VolumesFrom", str),
}
"""Options that may be given several times: where in the body each becomes a list's item."""
_MAPPED = {
    "label": "Labels",
    "log-opt": "HostConfig.LogConfig.Config",
    "storage-opt": "HostConfig.StorageOpt",
    "sysctl": "HostConfig.Sysctls",
}
"""Options of the form name=value: where in the body they are collected."""
_SET: dict[str, tuple[str, Reader]] = {
    "hostname": ("Hostname", str),
    "domainname": ("Domainname", str),
    "user": ("User", str),
    "workdir": ("WorkingDir", str),
    "entrypoint": ("Entrypoint", shlex.split),
    "mac-address": ("MacAddress", str),
    "stop-signal": ("StopSignal", str),
    "stop-timeout": ("StopTimeout", int),
    "tty": ("Tty", switch),
    "interactive": ("OpenStdin", switch),
    "blkio-weight": ("HostConfig.BlkioWeight", int),
    "cgroup-parent": ("HostConfig.CgroupParent", str),
    "cpu-period": ("HostConfig.CpuPeriod", int),
    "cpu-quota": ("HostConfig.CpuQuota", int),
    "cpu-shares": ("HostConfig.CpuShares", int),
    "cpus": ("HostConfig.NanoCpus", lambda text: int(float(text) * 1e9)),
    "cpuset-cpus": ("HostConfig.CpusetCpus", str),
    "cpuset-mems": ("HostConfig.CpusetMems", str),
    "init": ("HostConfig.Init", switch),
    "ipc": ("HostConfig.IpcMode", str),
    "log-driver": ("HostConfig.LogConfig.Type", str),
    "memory": ("HostConfig.Memory", size),
    "memory-reservation": ("HostConfig.MemoryReservation", size),
    "memory-swap": ("HostConfig.MemorySwap", size),
    "memory-swappiness": ("HostConfig.MemorySwappiness", int),
    "network": ("HostConfig.NetworkMode", str),
    "oom-kill-disable": ("HostConfig.OomKillDisable", switch),
    "oom-score-adj": ("HostConfig.OomScoreAdj", int),
    "pid": ("HostConfig.PidMode", str),
    "pids-limit": ("HostConfig.PidsLimit", int),
    "privileged": ("HostConfig.Privileged", switch),
    "read-only": ("HostConfig.ReadonlyRootfs", switch),
    "runtime": ("HostConfig.Runtime", str),
    "shm-size": ("HostConfig.ShmSize", size),
    "userns": ("HostConfig.UsernsMode", str),
    "uts": ("HostConfig.UTSMode", str),
    "volume-driver": ("HostConfig.VolumeDriver", str),
}
"""Options with one value: where in the body it goes."""


def apply(body: Json, parameters: tuple[Parameter, ...]) -> None:
    """Change the body of a create call as the parameters say. Raises ParameterError."""
    for parameter in parameters:
        name = parameter.key.lstrip("-")
        try:
            _apply(body, _SHORT.get(name, name), parameter.value)
        except ValueError as error:
            raise ParameterError(f"Docker parameter '{parameter.key}': {error}") from None


def _apply(body: Json, name: str, value: str) -> None:
    if name in _REFUSED:
        raise ValueError("a container of a task cannot have it")
    if name in _APPENDED:
        path, read = _APPENDED[name]
        place, key = _at(body, path)
        place.setdefault(key, []).append(read(value))
    elif name in _MAPPED:
        place, key = _at(body, _MAPPED[name])
        left, _, right = value.partition("=")
        place.setdefault(key, {})[left] = right
    elif name in _SET:
        path, read = _SET[name]
        place, key = _at(body, path)
        place[key] = read(value)
    elif name == "tmpfs":
        target, _, options = value.partition(":")
        _at(body, "HostConfig.Tmpfs")[0].setdefault("Tmpfs", {})[target] = options
    elif name == "expose":
        body.setdefault("ExposedPorts", {})[value if "/" in value else f"{value}/tcp"] = {}
    elif name == "publish":
        _publish(body, value)
    elif name in ("network-alias", "net-alias", "ip", "ip6"):
        _attach(body, name, value)
    else:
        raise ValueError("this agent does not know it")


def _at(body: Json, path: str) -> tuple[Json, str]:
    """The object that holds the last part of a dotted path, and that part."""
    *parents, key = path.split(".")
    for parent in parents:
        body = body.setdefault(parent, {})
    return body, key


def _publish(body: Json, value: str) -> None:
    """[[ip:][host port]:]container port[/protocol]"""
    ports, _, protocol = value.partition("/")
    address, host, container = ("", "", *ports.rsplit(":", 2))[-3:]
    if not container.isdigit() or (host and not host.isdigit()):
        raise ValueError(f"'{value}' is not a mapping of one port")
    publish(body, int(container), host, protocol or "tcp", address)


def publish(body: Json, container_port: int, host_port: str, protocol: str, address: str = "") -> None:
    """Make a port of the container reachable at one of the host's; any free one where `host_port` is empty."""
    port = f"{container_port}/{protocol}"
    body.setdefault("ExposedPorts", {})[port] = {}
    bindings = body.setdefault("HostConfig", {}).setdefault("PortBindings", {})
    bindings.setdefault(port, []).append({"HostIp": address, "HostPort": host_port})


def _attach(body: Json, name: str, value: str) -> None:
    """What only a network of the user's has."""
    networks = body.get("NetworkingConfig", {}).get("EndpointsConfig", {})
    if not networks:
        raise ValueError("only a user-defined network has it")
    for endpoint in networks.values():
        if name in ("ip", "ip6"):
            key = {"ip": "IPv4Address", "ip6": "IPv6Address"}[name]
            endpoint.setdefault("IPAMConfig", {})[key] = value
        else:
            endpoint.setdefault("Aliases", []).append(value)
