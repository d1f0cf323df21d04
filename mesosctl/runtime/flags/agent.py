"""The flags of mesos-agent. Names and defaults are Apache Mesos' (docs/configuration/agent.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from mesosctl.runtime.authorization import Acls
from mesosctl.runtime.flags.declare import Flags, flag, optional, required
from mesosctl.runtime.flags.kinds import ACLS, DOMAIN, DURATION, INTEGER, NUMBER, PATH, SIZE, SWITCH, TEXT, ZOOKEEPER
from mesosctl.runtime.protocol.basics import DomainInfo

_ACCEPTED: dict[str, str | None] = {
    "agent_features": None,
    "agent_subsystems": None,
    "allowed_devices": None,
    "appc_simple_discovery_uri_prefix": "http://",
    "appc_store_dir": "/tmp/mesos/store/appc",
    "authenticatee": "crammd5",
    "authentication_backoff_factor": "1secs",
    "authentication_timeout_max": "1mins",
    "authentication_timeout_min": "5secs",
    "authorizer": "local",
    "bounding_capabilities": None,
    "cgroups_cpu_enable_pids_and_tids_count": "false",
    "cgroups_destroy_timeout": "1mins",
    "cgroups_limit_swap": "false",
    "cgroups_net_cls_primary_handle": None,
    "cgroups_net_cls_secondary_handles": None,
    "csi_plugin_config_dir": None,
    "default_container_dns": None,
    "default_container_info": None,
    "default_container_shm_size": None,
    "default_role": "*",
    "disallow_sharing_agent_ipc_namespace": "false",
    "disallow_sharing_agent_pid_namespace": "false",
    "disk_profile_adaptor": None,
    "docker": "docker",
    "docker_ignore_runtime": "false",
    "docker_mesos_image": None,
    "docker_registry": "https://registry-1.docker.io",
    "docker_stop_timeout": "0ns",
    "docker_store_dir": "/tmp/mesos/store/docker",
    "docker_volume_checkpoint_dir": "/var/run/mesos/isolators/docker/volume",
    "docker_volume_chown": "false",
    "domain_socket_location": None,
    "effective_capabilities": None,
    "executor_environment_variables": None,
    "executor_reregistration_retry_interval": None,
    "external_log_file": None,
    "firewall_rules": None,
    "gc_non_executor_container_sandboxes": "false",
    "hadoop_home": None,
    "hooks": None,
    "host_path_volume_force_creation": None,
    "http_command_executor": "false",
    "http_executor_domain_sockets": "false",
    "image_gc_config": None,
    "image_providers": None,
    "image_provisioner_backend": None,
    "initialize_driver_logging": "true",
    "ip6": None,
    "ip6_discovery_command": None,
    "ip_discovery_command": None,
    "launcher": "posix",
    "launcher_dir": "/usr/local/libexec/mesos",
    "logbufsecs": "0",
    "master_detector": None,
    "memory_profiling": "false",
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
    "resource_estimator": None,
    "resource_provider_config_dir": None,
    "revocable_cpu_low_priority": "true",
    "runtime_dir": "/var/run/mesos",
    "secret_resolver": None,
    "systemd_enable_support": "true",
    "systemd_runtime_directory": "/run/systemd/system",
    "volume_gid_range": None,
}


@dataclass(frozen=True, kw_only=True)
class AgentFlags(Flags):
    """Everything that an agent is told from outside. Durations are in seconds."""

    ACCEPTED: ClassVar[Mapping[str, str | None]] = _ACCEPTED

    acls: Acls | None = optional(ACLS, "Who may do what: access control lists, as JSON.")  # noqa: RUF009
    advertise_ip: str | None = optional(TEXT, "Address at which the master and executors reach this agent.")
    advertise_port: int | None = optional(INTEGER, "Port at which the master and executors reach this agent.")
    attributes: str | None = optional(TEXT, "Attributes of this agent, as name:value;name:value.")
    authenticate_http_executors: bool | None = optional(
        SWITCH, "Let only executors speak for themselves that show the token which they were started with."
    )
    authenticate_http_readonly: bool = flag(SWITCH, "false", "Show this agent only to who has a credential.")
    authenticate_http_readwrite: bool = flag(
        SWITCH, "false", "Let only who has a credential change this agent, or use the operator API."
    )
    cgroups_enable_cfs: bool = flag(SWITCH, "false", "Hold containers to their cpus also where more are free.")
    cgroups_hierarchy: str = flag(PATH, "/sys/fs/cgroup", "Where the host's cgroups are mounted.")
    cgroups_root: str = flag(TEXT, "mesos", "Name of the cgroup that holds those of the containers.")
    container_disk_watch_interval: float = flag(
        DURATION, "15secs", "Time between looks at how much disk containers use, with the isolator disk/du."
    )
    container_logger: str | None = optional(
        TEXT, "org_apache_mesos_LogrotateContainerLogger bounds stdout and stderr of containers; see modules."
    )
    containerizers: str = flag(
        TEXT, "mesos", "What makes containers, in this order: mesos, docker or both, with a comma."
    )
    credential: str | None = optional(
        PATH, "File with the credential that this agent shows to masters: JSON, or a line 'principal secret'."
    )
    disk_watch_interval: float = flag(DURATION, "1mins", "Time between looks at how full the disk of the sandboxes is.")
    docker_config: str | None = optional(TEXT, "Docker's configuration file, with the logins of registries, as JSON.")
    docker_kill_orphans: bool = flag(SWITCH, "true", "Kill docker containers of this agent that have no executor.")
    docker_remove_delay: float = flag(DURATION, "6hrs", "How long docker containers that have ended are kept.")
    docker_socket: str = flag(PATH, "/var/run/docker.sock", "The socket of the Docker engine.")
    domain: DomainInfo | None = optional(DOMAIN, "Region and zone of this agent, as JSON.")  # noqa: RUF009
    enforce_container_disk_quota: bool = flag(
        SWITCH, "false", "Kill containers that use more disk than they hold, with the isolator disk/du."
    )
    executor_registration_timeout: float = flag(
        DURATION, "1mins", "How long a new executor may take to subscribe before it is killed."
    )
    executor_reregistration_timeout: float = flag(
        DURATION, "2secs", "How long executors may take to subscribe to an agent that was started again, up to 15secs."
    )
    executor_shutdown_grace_period: float = flag(
        DURATION, "5secs", "How long an executor may take to shut down before it is killed."
    )
    fetcher_cache_dir: str = flag(PATH, "/tmp/mesos/fetch", "Directory for what is fetched once for several tasks.")
    fetcher_cache_size: int = flag(SIZE, "2GB", "How much may be kept there.")
    fetcher_stall_timeout: float = flag(DURATION, "1mins", "How long a download may stand still before it is given up.")
    frameworks_home: str = flag(TEXT, "", "Directory for URIs that are relative paths.")
    gc_delay: float = flag(DURATION, "1weeks", "How long the sandboxes of containers that ended are kept at most.")
    gc_disk_headroom: float = flag(
        NUMBER, "0.1", "Part of the disk to keep free: sandboxes go the sooner, the nearer the disk is to it."
    )
    hostname: str | None = optional(TEXT, "Name of this agent. By default the name of its address.")
    hostname_lookup: bool = flag(SWITCH, "true", "Look up the name of this agent; if not, its address is its name.")
    http_authenticators: str | None = optional(TEXT, "How operators are authenticated: basic.")
    http_credentials: str | None = optional(
        PATH, "File with the credentials of operators: JSON, or a line 'principal secret' each."
    )
    http_heartbeat_interval: float = flag(DURATION, "30secs", "Time between heartbeats to executors.")
    ip: str | None = optional(TEXT, "Address to listen on. By default that of the host's name.")
    isolation: str = flag(
        TEXT, "posix/cpu,posix/mem", "What containers are held by: isolators of the mesos containerizer, with commas."
    )
    jwt_secret_key: str | None = optional(
        PATH, "File with the key that the tokens of executors are signed with: they are given one, and it is accepted."
    )
    log_dir: str | None = optional(PATH, "Directory for the log file. Nothing is written there unless it is given.")
    logging_level: str = flag(TEXT, "INFO", "Lowest level to log: INFO, WARNING or ERROR.")
    master: str = required(ZOOKEEPER, "The master: host:port, or zk://user:password@host:port,host:port/path.")
    max_completed_executors_per_framework: int = flag(
        INTEGER, "150", "How many finished executors of a framework are remembered."
    )
    modules: str | None = optional(TEXT, "Parameters of the container logger, as JSON; no module is loaded.")
    port: int = flag(INTEGER, "5051", "Port to listen on.")
    quiet: bool = flag(SWITCH, "false", "Do not log to standard error.")
    reconfiguration_policy: str = flag(
        TEXT, "equal", "What may change while the agent keeps its id: nothing (equal), or what it gains (additive)."
    )
    recover: str = flag(
        TEXT,
        "reconnect",
        "What a new start does with live executors: go on (reconnect), or kill them and exit (cleanup).",
    )
    recovery_timeout: float = flag(
        DURATION, "15mins", "How long executors wait for an agent that is down before they end by themselves."
    )
    registration_backoff_factor: float = flag(
        DURATION, "1secs", "Longest wait before the first attempt to register; doubled with every attempt, up to 1mins."
    )
    resources: str | None = optional(
        TEXT, "Resources of this agent, as name(role):value;name:value or JSON. What is not named is found out."
    )
    sandbox_directory: str = flag(PATH, "/mnt/mesos/sandbox", "Where docker containers see their sandbox.")
    strict: bool = flag(SWITCH, "true", "Do not start where something that was written down cannot be read.")
    switch_user: bool = flag(SWITCH, "true", "Run tasks as the user that the task or its framework names.")
    work_dir: str = required(PATH, "Directory for sandboxes and all that the agent keeps.")
    zk_session_timeout: float = flag(DURATION, "10secs", "How long ZooKeeper may be silent.")
