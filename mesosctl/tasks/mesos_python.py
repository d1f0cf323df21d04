"""The Python of a host that runs the bundled runtime: one that is there and new enough, or the OS' package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mesosctl.engine.facts import Facts
from mesosctl.inventory.distribution import Platform
from mesosctl.inventory.model import Host, Role

OLDEST = (3, 11)


class Python(NamedTuple):
    """An interpreter: its real path, its version, and the OS package that brings it ("" for one that no package of
    ours would bring)."""

    path: str
    version: tuple[int, int]
    package: str = ""


def runs_mesos(host: Host) -> bool:
    """Whether a host has use for a release of Mesos: Apache's Marathon loads its library."""
    return any(host.has(role) for role in (Role.MASTER, Role.AGENT, Role.MARATHON))


def python_of(facts: Facts) -> Python | None:
    """The interpreter for the runtime; None where the host has none and its release no package of one."""
    packaged = _packaged(facts)
    for found in _present(facts):
        return packaged if packaged and found.path == packaged.path else found
    return packaged


def platform_of(host: Host, facts: Facts) -> Platform | None:
    """What the runtime of a host is put together for; None where the host has no use for it, or no Python."""
    python = python_of(facts)
    if not python or not runs_mesos(host):
        return None
    return Platform(
        interpreter=python.path, python=python.version, architecture=facts.architecture, libc=facts.libc or "glibc 2.17"
    )


def _present(facts: Facts) -> Iterator[Python]:
    for path, version in facts.pythons:
        match = re.match(r"(\d+)\.(\d+)", version)
        if match and (number := (int(match[1]), int(match[2]))) >= OLDEST:
            yield Python(path, number)


def _packaged(facts: Facts) -> Python | None:
    """The first package of the release that is new enough. Packages: Debian and Ubuntu `python3`, Ubuntu 22.04's and
    RHEL 8's and 9's `python3.11`."""
    release = int(facts.os_version.partition(".")[0] or 0)
    if facts.os_id == "debian":
        number = {12: 11, 13: 13}.get(release)
        package = "python3"
    elif facts.os_id == "ubuntu":
        number = {22: 11, 24: 12, 26: 14}.get(release)
        package = "python3.11" if release == 22 else "python3"
    elif facts.family == "redhat" and facts.os_id != "fedora":
        number = {8: 11, 9: 11, 10: 12}.get(release)
        package = "python3" if release == 10 else "python3.11"
    else:
        return None
    return Python(f"/usr/bin/python3.{number}", (3, number), package) if number else None
