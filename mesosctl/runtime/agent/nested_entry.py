"""How a process gets into a container that runs already: its control groups and its namespaces.

The programs of util-linux do it, in front of the container's command: so it starts where it belongs, and what it starts
does too. Where the container has nothing of its own (the posix isolators), nothing is put in front.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from mesosctl.runtime.agent.containerizer.cgroups import hierarchies
from mesosctl.runtime.executor.user import identity

_NAMESPACES = {"mnt": "mount", "pid_for_children": "pid", "ipc": "ipc", "net": "net", "uts": "uts"}
"""By their names in /proc/PID/ns, those of nsenter(1)'s options."""
_JOIN = 'while test "$1" != --; do echo $$ >"$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"'
_GO = 'cd "$1" && shift && exec "$@"'


@dataclass(frozen=True)
class Entry:
    command: list[str]
    """What goes before the command."""
    is_forking: bool
    """The command is a child of the process that is started, which must not be signalled in its place."""


def entry(pid: int, directory: str, user: str | None) -> Entry | None:
    """The way into the container of a process, to a directory, as a user; None where there is nothing to enter.

    Raises OSError and LookupError.
    """
    groups, namespaces = _groups(pid), _namespaces(pid)
    if not groups and not namespaces:
        return None
    command = ["/bin/sh", "-c", _JOIN, "sh", *groups, "--"]
    if namespaces:
        command += ["nsenter", *(f"--{option}=/proc/{pid}/ns/{name}" for name, option in namespaces.items()), "--"]
    command += ["/bin/sh", "-c", _GO, "sh", directory]
    if ids := identity(user):
        command += ["setpriv", f"--reuid={ids['user']}", f"--regid={ids['group']}", "--init-groups", "--"]
    return Entry(command, "pid_for_children" in namespaces)


def _namespaces(pid: int) -> dict[str, str]:
    def is_own(name: str) -> bool:
        return os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")

    return {name: option for name, option in _NAMESPACES.items() if is_own(name)}


def _groups(pid: int) -> list[str]:
    """The directories of the control groups that a process is in and this one is not."""
    with open(f"/proc/{pid}/cgroup") as theirs, open("/proc/self/cgroup") as ours:
        lines = sorted(set(theirs) - set(ours))
    if not lines:
        return []
    with open("/proc/self/mountinfo") as mounts:
        mounted = hierarchies(mounts.read(), "/")
    found = []
    for line in lines:
        _, controllers, path = line.rstrip("\n").split(":", 2)
        version = 1 if controllers else 2
        names: Iterable[str] = controllers.split(",") if controllers else mounted
        places = [mounted[name].path for name in names if name in mounted and mounted[name].version == version]
        if places:
            found.append(f"{places[0]}{path}")
    return found
