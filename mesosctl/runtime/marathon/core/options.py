"""What Marathon's flags say to its decisions. Times are in seconds."""

from __future__ import annotations

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    role: str = "*"
    """`--mesos_role`; `*` for none."""
    principal: str | None = None
    """`--mesos_authentication_principal`."""
    default_accepted_roles: tuple[str, ...] = ()
    """`--default_accepted_resource_roles`; empty for the own role and `*`."""
    env_vars_prefix: str = ""
    executor: str = "//cmd"
    decline_seconds: float = 120.0
    """How long what was declined is not offered again."""
    revive_seconds: float = 5.0
    """The least time between two revives."""
    launch_timeout: float = 300.0
    """`--task_launch_timeout`: a task that is staging for longer is killed."""
    confirm_timeout: float = 300.0
    """`--task_launch_confirm_timeout`: a launch that nothing was heard of for longer is forgotten."""
    reconcile_first: float = 15.0
    reconcile_interval: float = 600.0
    scale_first: float = 15.0
    scale_interval: float = 300.0
    kill_chunk: int = 100
    """How many kills may be under way at once."""
    kill_retry: float = 30.0
    max_deployments: int = 100
    max_instances_per_offer: int = 5
    gpu_policy: str = "unrestricted"
    """`--gpu_scheduling_behavior`."""
    maintenance: bool = True
    """Refuse the offers of agents that are to be maintained (the `maintenance_mode` feature)."""
    local_port_min: int = 10000
    """The service ports that are assigned: from here…"""
    local_port_max: int = 20000
    """…to here."""
