"""Whether a FrameworkInfo can be admitted, and whether it may follow on another one."""

from __future__ import annotations

import math
from collections.abc import Iterable

from mesosctl.runtime.master.options import MasterOptions
from mesosctl.runtime.master.records import Capability, Framework
from mesosctl.runtime.master.validation.ids import problem_of_id
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.resources import ResourcesError, check_role

_LONGEST_DURATION = 2**63 / 1e9  # seconds in a signed number of nanoseconds


def problem_of_framework(info: FrameworkInfo, suppressed: Iterable[str], options: MasterOptions) -> str | None:
    """What is wrong with the info, or with the roles that are suppressed; None if nothing is."""
    if problem := _problem_of_roles(info):
        return problem
    if unknown := sorted(role for role in roles_of(info) if not options.admits_role(role)):
        return f"Roles {{ {', '.join(unknown)} }} are not present in the master's --roles"
    if info.id and info.id.value and (problem := problem_of_id(info.id.value)):
        return problem
    if not math.isfinite(info.failover_timeout) or abs(info.failover_timeout) > _LONGEST_DURATION:
        return f"The framework failover_timeout ({info.failover_timeout:g}) is invalid"
    if unknown := sorted(set(suppressed) - set(roles_of(info))):
        return f"Suppressed roles {{ {', '.join(unknown)} }} are not contained in the set of roles"
    if info.user == "root" and not options.root_submissions:
        return "User 'root' is not allowed to run frameworks without authentication"
    return None


def problem_of_update(old: FrameworkInfo, new: FrameworkInfo) -> str | None:
    """What forbids UPDATE_FRAMEWORK to turn `old` into `new`, or None."""
    if old.principal != new.principal:
        return "Changing framework's principal is not allowed."
    for name in ("user", "checkpoint"):
        before, after = (_text(getattr(info, name)) for info in (old, new))
        if before != after:
            return f"Updating 'FrameworkInfo.{name}' is unsupported; attempted to update from '{before}' to '{after}'"
    return None


def roles_of(info: FrameworkInfo) -> tuple[str, ...]:
    return info.roles if _is_multi_role(info) else (info.role or "*",)


def unknown_role(framework: Framework, roles: Iterable[str]) -> bool:
    """Whether one of the roles of a REVIVE or SUPPRESS is invalid, or not one of the framework's."""
    return any(_problem_of_role(role) or role not in framework.roles for role in roles)


def _is_multi_role(info: FrameworkInfo) -> bool:
    return any(each.type is Capability.MULTI_ROLE for each in info.capabilities)


def _problem_of_roles(info: FrameworkInfo) -> str | None:
    if not _is_multi_role(info):
        if info.roles:
            return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
        problem = _problem_of_role(info.role or "*")
        return f"'FrameworkInfo.role' is not a valid role: {problem}" if problem else None
    if info.role is not None:
        return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
    if duplicates := sorted({role for role in info.roles if info.roles.count(role) > 1}):
        return f"'FrameworkInfo.roles' contains duplicate items: {{ {', '.join(duplicates)} }}"
    for role in info.roles:
        if problem := _problem_of_role(role):
            return f"'FrameworkInfo.roles' contains invalid role: {problem}"
    return None


def _problem_of_role(role: str) -> str | None:
    try:
        check_role(role)
    except ResourcesError as error:
        return str(error)
    return None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
