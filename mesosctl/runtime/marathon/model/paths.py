"""Ids of apps, pods and groups: paths such as `/group/app`, written absolute or relative to a group."""

from __future__ import annotations

import re

ROOT = "/"
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def absolute(id: str, base: str = ROOT) -> str:
    """The id as an absolute path without `.` and `..`; a relative one starts from `base`."""
    steps: list[str] = []
    for step in (id if id.startswith("/") else f"{base}/{id}").split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    return "/" + "/".join(steps)


def parent(id: str) -> str:
    """The id of the group that it is in."""
    return id.rsplit("/", 1)[0] or ROOT


def below(group: str, id: str) -> bool:
    """Whether an id is in that group, or in one of its groups."""
    return id != group and id.startswith(group if group == ROOT else group + "/")


def child_of(group: str, id: str) -> str | None:
    """The next step from a group to an id below it: `/a`, `/a/b/c` gives `/a/b`."""
    if not below(group, id):
        return None
    base = "" if group == ROOT else group
    return base + "/" + id[len(base) + 1 :].split("/", 1)[0]


def well_formed(id: str) -> bool:
    """Whether each step of a path, absolute or not, is a name: digits, lower-case letters, dots and dashes, the last
    two not at an end. `..` is for relative ids."""
    return all(step in ("", ".", "..") or _NAME.fullmatch(step) for step in id.split("/"))
