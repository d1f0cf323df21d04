"""What Marathon's flags mean to its decisions, and to the master."""

from __future__ import annotations

import getpass
from pathlib import Path

from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.flags import MarathonFlags
from mesosctl.runtime.protocol.basics import Credential, FrameworkID
from mesosctl.runtime.protocol.cluster import FrameworkInfo

_Kind = FrameworkInfo.Capability.Type


def options(flags: MarathonFlags) -> Options:
    roles = (flags.default_accepted_resource_roles or "").split(",")
    return Options(
        role=flags.mesos_role or "*",
        principal=flags.mesos_authentication_principal,
        default_accepted_roles=tuple(role.strip() for role in roles if role.strip()),
        env_vars_prefix=flags.env_vars_prefix or "",
        executor=flags.executor,
        decline_seconds=flags.decline_offer_duration / 1000,
        revive_seconds=flags.min_revive_offers_interval / 1000,
        launch_timeout=flags.task_launch_timeout / 1000,
        confirm_timeout=flags.task_launch_confirm_timeout / 1000,
        reconcile_first=flags.reconciliation_initial_delay / 1000,
        reconcile_interval=flags.reconciliation_interval / 1000,
        scale_first=flags.scale_apps_initial_delay / 1000,
        scale_interval=flags.scale_apps_interval / 1000,
        kill_chunk=flags.kill_chunk_size,
        kill_retry=flags.kill_retry_timeout / 1000,
        max_deployments=flags.max_running_deployments,
        max_instances_per_offer=flags.max_tasks_per_offer,
        gpu_policy=flags.gpu_scheduling_behavior,
        maintenance="maintenance_mode" in flags.features,
        local_port_min=flags.local_port_min,
        local_port_max=flags.local_port_max,
    )


def framework_info(flags: MarathonFlags, own: str, framework_id: str | None) -> FrameworkInfo:
    """`own`: host:port of this Marathon; `framework_id`: of the leader before it."""
    kinds = [_Kind.PARTITION_AWARE]
    if "task_killing" in flags.features:
        kinds.append(_Kind.TASK_KILLING_STATE)
    if "gpu_resources" in flags.features:
        kinds.append(_Kind.GPU_RESOURCES)
    scheme = "http" if flags.http else "https"
    return FrameworkInfo(
        user=flags.mesos_user or getpass.getuser(),
        name=flags.framework_name,
        id=None if framework_id is None else FrameworkID(framework_id),
        failover_timeout=flags.failover_timeout,
        checkpoint=flags.checkpoint,
        role=flags.mesos_role,
        hostname=own.rpartition(":")[0],
        principal=flags.mesos_authentication_principal,
        webui_url=flags.webui_url or f"{scheme}://{own}",
        capabilities=tuple(FrameworkInfo.Capability(type=kind) for kind in kinds),
    )


def credential(flags: MarathonFlags) -> Credential | None:
    """What to show the master. Raises OSError, and ValueError where the flags do not go together."""
    if not flags.mesos_authentication:
        return None
    if flags.mesos_authentication_principal is None:
        raise ValueError("--mesos_authentication needs --mesos_authentication_principal")
    secret = flags.mesos_authentication_secret
    if flags.mesos_authentication_secret_file:
        if secret is not None:
            raise ValueError("Give --mesos_authentication_secret or --mesos_authentication_secret_file, not both")
        secret = Path(flags.mesos_authentication_secret_file).read_text(encoding="utf-8").rstrip("\n")
    return Credential(flags.mesos_authentication_principal, secret)
