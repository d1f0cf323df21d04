"""Become the user that a task names."""

from __future__ import annotations

import os
import pwd
from typing import Any


def identity(user: str | None) -> dict[str, Any]:
    """The arguments of Popen that switch to a user; none where this process is that user. Raises LookupError."""
    if user is None:
        return {}
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise LookupError(f"There is no user '{user}' on this agent") from None
    if entry.pw_uid == os.geteuid():
        return {}
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(user, entry.pw_gid)}


def become(user: str | None) -> None:
    """Switch this process to a user for good. Raises OSError and LookupError."""
    if ids := identity(user):
        os.setgroups(ids["extra_groups"])
        os.setgid(ids["group"])
        os.setuid(ids["user"])
