"""Names of roles: what Mesos allows, and the tree that they form (`eng/web` is below `eng`)."""

from __future__ import annotations

from mesosctl.runtime.resources.errors import ResourcesError

UNRESERVED = "*"
_FORBIDDEN = frozenset("\t\n\v\f\r \x7f")


def check_role(role: str) -> None:
    """Raises ResourcesError with Mesos' words where it is no name of a role."""
    if role == UNRESERVED:
        return
    if not role:
        raise ResourcesError("Empty role name is invalid")
    if role.startswith("/"):
        raise ResourcesError(f"Role '{role}' cannot start with a slash")
    if role.endswith("/"):
        raise ResourcesError(f"Role '{role}' cannot end with a slash")
    if "//" in role:
        raise ResourcesError(f"Role '{role}' cannot contain two adjacent slashes")
    for component in role.split("/"):
        if component in (".", "..", "*"):
            raise ResourcesError(f"Role '{role}' cannot include '{component}' as a component")
        if component.startswith("-"):
            raise ResourcesError(f"Role component '{component}' is invalid because it begins with a dash")
        if _FORBIDDEN.intersection(component):
            raise ResourcesError(f"Role component '{component}' is invalid because it contains backspace or whitespace")


def is_below(role: str, ancestor: str) -> bool:
    """Strictly: a role is not below itself."""
    return role.startswith(f"{ancestor}/")


def ancestors(role: str) -> list[str]:
    """`a/b/c`: `a/b`, `a`."""
    found = []
    while "/" in role:
        role = role.rpartition("/")[0]
        found.append(role)
    return found
