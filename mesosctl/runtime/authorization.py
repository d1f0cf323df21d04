"""Access control lists: what a principal may do, by Apache Mesos' local authorizer (docs/authorization.md).

The flag `acls` holds, by action, rules of who (`principals`) and what (`roles`, `users`…). The first rule that matches
both decides; where none does, `permissive` does. A rule with NONE forbids; roles may end with `/%`: all below.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.tasks import TaskInfo

_CONTAINERS = (
    "attach_containers_input",
    "attach_containers_output",
    "kill_nested_containers",
    "kill_standalone_containers",
    "launch_nested_container_sessions_as_user",
    "launch_nested_container_sessions_under_parent_with_user",
    "launch_nested_containers_as_user",
    "launch_nested_containers_under_parent_with_user",
    "launch_standalone_containers",
    "remove_nested_containers",
    "remove_standalone_containers",
    "view_containers",
    "view_standalone_containers",
    "wait_nested_containers",
    "wait_standalone_containers",
)
OBJECTS: Mapping[str, str] = {
    **dict.fromkeys(_CONTAINERS, "users"),
    "access_mesos_logs": "logs",
    "access_sandboxes": "users",
    "create_block_disks": "roles",
    "create_mount_disks": "roles",
    "create_volumes": "roles",
    "deactivate_agents": "agents",
    "destroy_block_disks": "roles",
    "destroy_mount_disks": "roles",
    "destroy_raw_disks": "roles",
    "destroy_volumes": "creator_principals",
    "drain_agents": "agents",
    "get_endpoints": "paths",
    "get_maintenance_schedules": "machines",
    "get_maintenance_statuses": "machines",
    "get_quotas": "roles",
    "mark_agents_gone": "agents",
    "mark_resource_providers_gone": "resource_providers",
    "modify_resource_provider_configs": "resource_providers",
    "prune_images": "images",
    "reactivate_agents": "agents",
    "register_agents": "agents",
    "register_frameworks": "roles",
    "reserve_resources": "roles",
    "resize_volumes": "roles",
    "run_tasks": "users",
    "set_log_level": "level",
    "start_maintenances": "machines",
    "stop_maintenances": "machines",
    "teardown_frameworks": "framework_principals",
    "unreserve_resources": "reserver_principals",
    "update_maintenance_schedules": "machines",
    "update_quotas": "roles",
    "update_weights": "roles",
    "view_executors": "users",
    "view_flags": "flags",
    "view_frameworks": "users",
    "view_resource_providers": "resource_providers",
    "view_roles": "roles",
    "view_tasks": "users",
}
"""By action, the name of what its rules are about."""
_BELOW = "/%"


@dataclass(frozen=True)
class _Entity:
    """`values` None: ANY of them, or NONE where `denies`."""

    values: frozenset[str] | None
    denies: bool = False

    def matches(self, value: str | None) -> bool:
        """Whether a rule is about this value. None: about anything."""
        return self.values is None or (value is not None and self._holds(value))

    def allows(self, value: str | None) -> bool:
        return not self.denies and self.matches(value)

    def _holds(self, value: str) -> bool:
        values = self.values or frozenset()
        return value in values or any(each.endswith(_BELOW) and value.startswith(each[:-1]) for each in values)


@dataclass(frozen=True)
class Acls:
    text: str
    """As it was given."""
    permissive: bool
    rules: Mapping[str, tuple[tuple[_Entity, _Entity], ...]]

    def allows(self, action: str, principal: str | None, value: str | None) -> bool:
        """`principal` None: nobody was authenticated. `value` None: the action as a whole."""
        for subjects, objects in self.rules.get(action, ()):
            if subjects.matches(principal) and objects.matches(value):
                return subjects.allows(principal) and objects.allows(value)
        return self.permissive


@dataclass(frozen=True)
class Permit:
    """What one caller may do; everything where there are no lists."""

    acls: Acls | None = None
    principal: str | None = None

    def allows(self, action: str, value: str | None = None) -> bool:
        return self.acls is None or self.acls.allows(action, self.principal, value)

    def require(self, action: str, values: Iterable[str | None] = (None,)) -> None:
        """Raises Refusal (403) unless the action is allowed on all of these."""
        if not all(self.allows(action, value) for value in values):
            raise Refusal(403, "403 Forbidden.")


ANYTHING = Permit()


def user_of_task(task: TaskInfo, framework: FrameworkInfo) -> str:
    """The user that a task runs as."""
    for command in (task.command, task.executor and task.executor.command):
        if command and command.user:
            return command.user
    return framework.user


def parse_acls(text: str) -> Acls:
    """The value of the flag `acls`. Raises ValueError for what is not known in it: a rule that is misspelt forbids
    nothing.
    """
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ValueError(f"ACLs are not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ValueError("ACLs are not a JSON object")
    permissive = given.get("permissive", True)
    if not isinstance(permissive, bool):
        raise ValueError("'permissive' of ACLs is neither true nor false")
    rules = {action: _rules(action, found) for action, found in given.items() if action != "permissive"}
    return Acls(text, permissive, rules)


def _rules(action: str, given: Any) -> tuple[tuple[_Entity, _Entity], ...]:
    if action not in OBJECTS:
        raise ValueError(f"'{action}' is not an action of ACLs; known are {', '.join(sorted(OBJECTS))}")
    names = {"principals", OBJECTS[action]}
    if not isinstance(given, list) or not all(isinstance(each, dict) and set(each) == names for each in given):
        raise ValueError(f"'{action}' of ACLs is not a list of objects with 'principals' and '{OBJECTS[action]}'")
    return tuple((_entity(action, each["principals"]), _entity(action, each[OBJECTS[action]])) for each in given)


def _entity(action: str, given: Any) -> _Entity:
    kind = given.get("type", "SOME") if isinstance(given, dict) and set(given) <= {"type", "values"} else None
    if kind in ("ANY", "NONE"):
        return _Entity(None, denies=kind == "NONE")
    values = given.get("values", []) if kind == "SOME" else None
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ValueError(
            f"'{action}' of ACLs: {json.dumps(given)} is neither a list of 'values' nor of the 'type' ANY or NONE"
        )
    return _Entity(frozenset(values))
