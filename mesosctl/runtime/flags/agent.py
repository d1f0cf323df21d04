"""The flags of mesos-agent. Names and defaults are Apache Mesos' (docs/configuration/agent.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from mesosctl.runtime.flags.declare import Flags, flag, optional, required
from mesosctl.runtime.flags.kinds import DURATION, INTEGER, PATH, SWITCH, TEXT

_ACCEPTED: dict[str, str | None] = {
    "acls": None,
    "agent_features": None,
    "agent_subsystems": None,
    "allowed_devices": None,
    "appc_simple_discovery_uri_prefix": "http://",
    "appc_store_dir": "/tmp/mesos/store/appc",
    "authenticate_http_readonly": "false",
    "authenticate_http_readwrite": "false",
    "authenticatee": "crammd5",
    "authentication_backoff_factor": "1secs",
    "authentication_timeout_max": "1mins",
    "authentication_timeout_min": "5secs",
    "authorizer": "local",
    "bounding_capabilities": None,
    "cgroups_cpu_enable_pids_and_tids_count": "false",
    "cgroups_destroy_timeout": "1mins",
    "cgroups_enable_cfs": "false",
    "cgroups_hierarchy": "/sys/fs/cgroup",
    "cgroups_limit_swap": "false",
    "cgroups_net_cls_primary_handle": None,
    "cgroups_net_cls_secondary_handles": None,
    "cgroups_root": "mesos",
    "container_disk_watch_interval": "15secs",
    "container_logger": None,
    "containerizers": "mesos",
    "credential": None,
    "csi_plugin_config_dir": None,
    "default_container_dns": None,
    "default_container_info": None,
    "default_container_shm_size": None,
    "default_role": "*",
    "disallow_sharing_agent_ipc_namespace": "false",
    "disallow_sharing_agent_pid_namespace": "false",
    "disk_profile_adaptor": None,
    "disk_watch_interval": "1mins",
    "docker": "docker",
    "docker_config": None,
    "docker_ignore_runtime": "false",
    "docker_kill_orphans": "true",
    "docker_mesos_image": None,
    "docker_registry": "https://registry-1.docker.io",
    "docker_remove_delay": "6hrs",
    "docker_socket": "/var/run/docker.sock",
    "docker_stop_timeout": "0ns",
    "docker_store_dir": "/tmp/mesos/store/docker",
    "docker_volume_checkpoint_dir": "/var/run/mesos/isolators/docker/volume",
    "docker_volume_chown": "false",
    "domain": None,
    "domain_socket_location": None,
    "effective_capabilities": None,
    "enforce_container_disk_quota": "false",
    "executor_environment_variables": None,
    "executor_reregistration_retry_interval": None,
    "executor_reregistration_timeout": "2secs",
    "external_log_file": None,
    "fetcher_cache_dir": "/tmp/mesos/fetch",
    "fetcher_cache_size": "2GB",
    "fetcher_stall_timeout": "1mins",
    "firewall_rules": None,
    "frameworks_home": "",
    "gc_delay": "1weeks",
    "gc_disk_headroom": "0.1",
    "gc_non_executor_container_sandboxes": "false",
    "hadoop_home": None,
    "hooks": None,
    "host_path_volume_force_creation": None,
    "http_authenticators": None,
    "http_command_executor": "false",
    "http_credentials": None,
    "http_executor_domain_sockets": "false",
    "image_gc_config": None,
    "image_providers": None,
    "image_provisioner_backend": None,
    "initialize_driver_logging": "true",
    "ip6": None,
    "ip6_discovery_command": None,
    "ip_discovery_command": None,
    "isolation": "posix/cpu,posix/mem",
    "launcher": "posix",
    "launcher_dir": "/usr/local/libexec/mesos",
    "logbufsecs": "0",
    "master_detector": None,
    "memory_profiling": "false",
    "modules": None,
    "modules_dir": None,
    "network_cni_config_dir": None,
    "network_cni_metrics": "true",
    "network_cni_plugins_dir": None,
    "network_cni_root_dir_persist": "false",
    "nvidia_gpu_devices": None,
    "oversubscribed_resources_interval": "15secs",
    "perf_duration": "10secs",
    "perf_events": None,
    "perf_interval": "1mins",
    "qos_controller": None,
    "qos_correction_interval_min": "0ns",
    "reconfiguration_policy": "equal",
    "recover": "reconnect",
    "recovery_timeout": "15mins",
    "resource_estimator": None,
    "resource_provider_config_dir": None,
    "revocable_cpu_low_priority": "true",
    "runtime_dir": "/var/run/mesos",
    "sandbox_directory": "/mnt/mesos/sandbox",
    "secret_resolver": None,
    "strict": "true",
    "systemd_enable_support": "true",
    "systemd_runtime_directory": "/run/systemd/system",
    "volume_gid_range": None,
    "zk_session_timeout": "10secs",
}


@dataclass(frozen=True, kw_only=True)
class AgentFlags(Flags):
    """Everything that an agent is told from outside. Durations are in seconds."""

    ACCEPTED: ClassVar[Mapping[str, str | None]] = _ACCEPTED

    advertise_ip: str | None = optional(TEXT, "Address at which the master and executors reach this agent.")
    advertise_port: int | None = optional(INTEGER, "Port at which the master and executors reach this agent.")
    attributes: str | None = optional(TEXT, "Attributes of this agent, as name:value;name:value.")
    executor_registration_timeout: float = flag(
        DURATION, "1mins", "How long a new executor may take to subscribe before it is killed."
    )
    executor_shutdown_grace_period: float = flag(
        DURATION, "5secs", "How long an executor may take to shut down before it is killed."
    )
    hostname: str | None = optional(TEXT, "Name of this agent. By default the name of its address.")
    hostname_lookup: bool = flag(SWITCH, "true", "Look up the name of this agent; if not, its address is its name.")
    http_heartbeat_interval: float = flag(DURATION, "30secs", "Time between heartbeats to executors.")
    ip: str | None = optional(TEXT, "Address to listen on. By default that of the host's name.")
    log_dir: str | None = optional(PATH, "Directory for the log file. Nothing is written there unless it is given.")
    logging_level: str = flag(TEXT, "INFO", "Lowest level to log: INFO, WARNING or ERROR.")
    master: str = required(TEXT, "The master, as host:port.")
    max_completed_executors_per_framework: int = flag(
        INTEGER, "150", "How many finished executors of a framework are remembered."
    )
    port: int = flag(INTEGER, "5051", "Port to listen on.")
    quiet: bool = flag(SWITCH, "false", "Do not log to standard error.")
    registration_backoff_factor: float = flag(
        DURATION, "1secs", "Longest wait before the first attempt to register; doubled with every attempt, up to 1mins."
    )
    resources: str | None = optional(
        TEXT, "Resources of this agent, as name(role):value;name:value or JSON. What is not named is found out."
    )
    switch_user: bool = flag(SWITCH, "true", "Run tasks as the user that the task or its framework names.")
    work_dir: str = required(PATH, "Directory for sandboxes and all that the agent keeps.")
