"""The isolators that `--isolation` names, and those that every container has."""

from __future__ import annotations

import logging

from mesosctl.runtime.agent.containerizer.cgroups import Groups, Hierarchy, host_hierarchies
from mesosctl.runtime.agent.containerizer.controllers import CpuIsolator, MemoryIsolator, PidsIsolator
from mesosctl.runtime.agent.containerizer.disk import DiskIsolator
from mesosctl.runtime.agent.containerizer.isolator import Isolator
from mesosctl.runtime.agent.containerizer.posix import PidNamespaceIsolator, RlimitsIsolator, VolumesIsolator
from mesosctl.runtime.executor.enter import may_unshare
from mesosctl.runtime.flags.agent import AgentFlags

log = logging.getLogger(__name__)

_ALIASES = {
    "process": ("posix/cpu", "posix/mem"),
    "posix": ("posix/cpu", "posix/mem"),
    "cgroups": ("cgroups/cpu", "cgroups/mem"),
    "cgroups/all": ("cgroups/cpu", "cgroups/mem", "cgroups/pids"),
    "posix/disk": ("disk/du",),
}
_ALWAYS = {
    "filesystem/linux",
    "filesystem/posix",
    "posix/cpu",
    "posix/mem",
    "posix/rlimits",
    "volume/host_path",
    "volume/sandbox_path",
}
"""What is done for every container that asks for it, or (posix/cpu, posix/mem) only counts."""
_WITHOUT_EFFECT = {
    "appc/runtime",
    "cgroups/blkio",
    "cgroups/cpuset",
    "cgroups/devices",
    "cgroups/hugetlb",
    "cgroups/net_cls",
    "cgroups/net_prio",
    "cgroups/perf_event",
    "disk/xfs",
    "docker/runtime",
    "docker/volume",
    "environment_secret",
    "filesystem/shared",
    "gpu/nvidia",
    "linux/capabilities",
    "linux/devices",
    "linux/nnp",
    "linux/seccomp",
    "namespaces/ipc",
    "network/cni",
    "network/port_mapping",
    "network/ports",
    "volume/csi",
    "volume/image",
    "volume/secret",
    "windows/cpu",
    "windows/mem",
}
"""Isolators of Apache Mesos that this runtime does not have: an environment written for Mesos starts it unchanged."""


def isolators(flags: AgentFlags) -> list[Isolator]:
    """In the order in which they prepare a container.

    Raises ValueError where the flag names one that does not exist or cannot work on this host.
    """
    names: list[str] = []
    for name in (part.strip() for part in flags.isolation.split(",")):
        names += [each for each in _ALIASES.get(name, (name,)) if each and each not in names]
    found: list[Isolator] = [RlimitsIsolator(), VolumesIsolator()]
    for name in names:
        if name.startswith("cgroups/") and name not in _WITHOUT_EFFECT:
            found.append(_cgroup_isolator(name, flags))
        elif name == "namespaces/pid":
            if may_unshare():
                found.append(PidNamespaceIsolator())
            else:
                log.warning("Containers share the host's process ids: making namespaces is not permitted here")
        elif name == "disk/du":
            found.append(DiskIsolator(flags.container_disk_watch_interval, enforce=flags.enforce_container_disk_quota))
        elif name in _WITHOUT_EFFECT:
            log.warning("Isolator '%s' has no effect in this runtime", name)
        elif name not in _ALWAYS:
            raise ValueError(f"Unknown or unsupported isolator '{name}'")
    return found


def _cgroup_isolator(name: str, flags: AgentFlags) -> Isolator:
    try:
        hierarchies = host_hierarchies(flags.cgroups_hierarchy)
        match name:
            case "cgroups/cpu":
                groups = [_groups("cpu", hierarchies, flags)]
                if groups[0].version == 1:
                    groups.append(_groups("cpuacct", hierarchies, flags))
                return CpuIsolator(*groups, enable_cfs=flags.cgroups_enable_cfs)
            case "cgroups/mem":
                return MemoryIsolator(_groups("memory", hierarchies, flags))
            case "cgroups/pids":
                return PidsIsolator(_groups("pids", hierarchies, flags))
    except OSError as error:
        raise ValueError(f"Isolator '{name}' cannot work on this host: {error}") from None
    raise ValueError(f"Unknown or unsupported isolator '{name}'")


def _groups(controller: str, hierarchies: dict[str, Hierarchy], flags: AgentFlags) -> Groups:
    if controller not in hierarchies:
        raise ValueError(
            f"There is no cgroup controller '{controller}' under {flags.cgroups_hierarchy}: "
            "use the isolators posix/cpu and posix/mem, or enable it in the kernel"
        )
    return Groups(hierarchies[controller], flags.cgroups_root, flags.work_dir, controller)
