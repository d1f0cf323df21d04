"""Checks of one host by itself: system, software, memory, disk."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from mesosctl.engine.check import Finding, View
from mesosctl.inventory.model import Role, SelinuxMode
from mesosctl.tasks import docker_repository, java
from mesosctl.tasks.mesos_python import python_of, runs_mesos

SYSTEM_MB = 256
"""Memory that the system itself needs."""
MEMORY_MB = {Role.MASTER: 512, Role.AGENT: 512, Role.MARATHON: 768}
"""Memory that a role's process needs; ZooKeeper's is its heap and a quarter of it."""
DISK_LEAST_MB = 500
"""Below this, packages cannot be installed."""
DISK_ENOUGH_MB = 2048
OLDEST_JAVA = 8
"""ZooKeeper 3.6 to 3.9 needs Java 8 or later."""


def findings(view: View) -> Iterator[Finding]:
    """What is found on the host of the view."""
    for look in (_lock, _os, _python, _java, _docker, _memory, _disk, _cgroups, _selinux):
        yield look(view)


def _lock(view: View) -> Finding:
    run, _, expiry, _, owner = [*view.facts.lock.split(" ", 4), "", "", "", "", ""][:5]
    now = time.time() + view.facts.clock
    if expiry.isdigit() and int(expiry) > now:
        message = f"{owner} works on it (run {run}), for at most another {int(expiry) - now:.0f} seconds"
        return view.warning("lock", message, "wait until that run has ended")
    return view.ok("lock", f"left by {owner} (run {run}), and expired: the next run takes it over" if run else "free")


def _os(view: View) -> Finding:
    facts = view.facts
    name = f"{facts.os_id} {facts.os_version}".strip() or "an unknown system"
    if not facts.family:
        return view.error(
            "os", f"{name} is of neither the Debian nor the RHEL family", "install one of them, or leave the host out"
        )
    if not facts.package_manager:
        return view.error("os", f"{name} has no apt, dnf or yum", "install the package manager of the distribution")
    return view.ok("os", f"{name}, {facts.package_manager}, {facts.init}, {facts.architecture}")


def _python(view: View) -> Finding:
    wanted = python_of(view.facts)
    if view.cluster.distribution != "bundled" or not runs_mesos(view.host):
        return view.ok("python", f"{view.facts.python or 'none'}, not needed")
    if not wanted:
        return view.error(
            "python",
            f"there is {view.facts.python or 'no Python'}, and the runtime needs 3.11 or newer",
            "install one as python3.11, python3.12 or later, or name another distribution in the inventory",
        )
    present = dict(view.facts.pythons).get(wanted.path)
    if not present:
        fix = "bootstrap installs it, and so does mesosctl check --fix"
        return view.warning("python", f"there is no {wanted.path.rpartition('/')[2]} yet", fix)
    return view.ok("python", present)


def _java(view: View) -> Finding:
    version, package = view.facts.java, view.cluster.java.package
    if not java.is_needed(view.cluster, view.host):
        return view.ok("java", "not needed")
    if version and java_release(version) < OLDEST_JAVA:
        return view.error("java", f"Java {version} is too old", f"remove it, or install Java {OLDEST_JAVA} or later")
    if version:
        return view.ok("java", version)
    if package == "none":
        return view.error(
            "java", "there is no Java, and java.package is none", "install Java, or set java.package: auto"
        )
    return view.ok("java", "will be installed")


def java_release(version: str) -> int:
    """The release of a Java version: 8 of 1.8.0_392, 17 of 17.0.21; 0 where it cannot be read."""
    match = re.match(r"(?:1\.)?(\d+)", version)
    return int(match[1]) if match else 0


def _docker(view: View) -> Finding:
    wanted = "docker" in view.cluster.mesos.agent.containerizers
    if not view.host.has(Role.AGENT):
        return view.ok("docker", "not needed")
    if view.facts.docker:
        return view.ok("docker", view.facts.docker)
    if docker_repository.source(view.cluster, view.facts) != "none":
        return view.ok("docker", "will be installed")
    if not wanted:
        return view.ok("docker", "not wanted")
    return view.error(
        "docker",
        "there is no Docker, docker.source is none, and the agent is to run Docker containers",
        "install Docker, set docker.source, or take docker out of mesos.agent.containerizers",
    )


def _memory(view: View) -> Finding:
    heap = view.cluster.zookeeper.heap
    need = SYSTEM_MB + sum(size for role, size in MEMORY_MB.items() if view.host.has(role))
    need += heap + heap // 4 if view.host.has(Role.ZOOKEEPER) else 0
    have = view.facts.memory_mb
    if have < need:
        return view.warning(
            "memory",
            f"{have} MB; its roles need about {need} MB",
            "give it more memory or fewer roles, or lower zookeeper.heap",
        )
    return view.ok("memory", f"{have} MB; its roles need about {need} MB")


def _disk(view: View) -> Finding:
    free = view.facts.disk_free_mb
    if not free:
        return view.warning("disk", "the host does not tell its free space", "look with df")
    text = ", ".join(f"{size} MB free in {path}" for path, size in free.items())
    least = min(free.values())
    if least < DISK_LEAST_MB:
        return view.error("disk", f"{text}: too little to install anything", f"free {DISK_ENOUGH_MB} MB")
    if least < DISK_ENOUGH_MB:
        return view.warning("disk", text, f"free {DISK_ENOUGH_MB} MB for packages, data and logs")
    return view.ok("disk", text)


def _cgroups(view: View) -> Finding:
    found = view.facts.cgroup
    if found or not view.host.has(Role.AGENT):
        return view.ok("cgroups", found or "not needed")
    return view.error(
        "cgroups", "no control groups are mounted below /sys/fs/cgroup", "mount them: agents and Docker limit tasks so"
    )


def _selinux(view: View) -> Finding:
    now, wanted = view.facts.selinux, view.cluster.selinux
    if now == "absent" or wanted is SelinuxMode.UNMANAGED or now == wanted:
        return view.ok("selinux", now)
    if "disabled" in (now, wanted):
        return view.warning("selinux", f"{now}; {wanted} takes a reboot", "reboot after mesosctl selinux set")
    return view.warning("selinux", f"{now}, not {wanted}", "mesosctl check --fix sets it, and so does bootstrap")
