"""The flags of mesos-master. Names and defaults are Apache Mesos' (docs/configuration/master.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from mesosctl.runtime.authorization import Acls
from mesosctl.runtime.flags.declare import Flags, flag, optional
from mesosctl.runtime.flags.kinds import (
    ACLS,
    DOMAIN,
    DURATION,
    INTEGER,
    NUMBER,
    PATH,
    PERCENTAGE,
    RATE,
    SWITCH,
    TEXT,
    ZOOKEEPER,
)
from mesosctl.runtime.protocol.basics import DomainInfo

_ACCEPTED: dict[str, str | None] = {
    "allocator": "hierarchical",
    "authentication_v0_timeout": "15secs",
    "authenticators": "crammd5",
    "authorizers": "local",
    "external_log_file": None,
    "firewall_rules": None,
    "framework_sorter": "drf",
    "hooks": None,
    "initialize_driver_logging": "true",
    "ip_discovery_command": None,
    "log_auto_initialize": "true",
    "logbufsecs": "0",
    "master_contender": None,
    "master_detector": None,
    "memory_profiling": "false",
    "modules": None,
    "modules_dir": None,
    "offer_constraints_re2_max_mem": "4KB",
    "publish_per_framework_metrics": "true",
    "registry_strict": "false",
    "role_sorter": "drf",
    "webui_dir": "/usr/local/share/mesos/webui",
}


@dataclass(frozen=True, kw_only=True)
class MasterFlags(Flags):
    """Everything that a master is told from outside. Durations are in seconds."""

    ACCEPTED: ClassVar[Mapping[str, str | None]] = _ACCEPTED

    acls: Acls | None = optional(ACLS, "Who may do what: access control lists, as JSON.")  # noqa: RUF009
    advertise_ip: str | None = optional(TEXT, "Address at which frameworks and agents reach this master.")
    advertise_port: int | None = optional(INTEGER, "Port at which frameworks and agents reach this master.")
    agent_ping_timeout: float = flag(DURATION, "15secs", "How long an agent may take to answer a ping.")
    agent_removal_rate_limit: float | None = optional(
        RATE, "How often agents may be marked unreachable, as number/duration (1/10mins). By default at any time."
    )
    agent_reregister_timeout: float = flag(
        DURATION, "10mins", "How long agents may take to come back after a new master was elected."
    )
    allocation_interval: float = flag(DURATION, "1secs", "Time between allocations of resources to frameworks.")
    allocator_agent_recovery_factor: float = flag(
        NUMBER, "0.8", "Share of the agents that must be back after an election before quota is allocated."
    )
    allocator_recovery_timeout: float = flag(DURATION, "10mins", "How long to wait for those agents.")
    authenticate_agents: bool = flag(SWITCH, "false", "Admit only agents that show a credential.")
    authenticate_frameworks: bool = flag(
        SWITCH, "false", "The same as authenticate_http_frameworks: all frameworks speak HTTP to this master."
    )
    authenticate_http_frameworks: bool = flag(
        SWITCH, "false", "Admit only frameworks that show a credential; http_framework_authenticators says how."
    )
    authenticate_http_readonly: bool = flag(SWITCH, "false", "Show the cluster only to who has a credential.")
    authenticate_http_readwrite: bool = flag(
        SWITCH, "false", "Let only who has a credential change the cluster, or use the operator API."
    )
    cluster: str | None = optional(TEXT, "Name of the cluster, for people.")
    credentials: str | None = optional(
        PATH, "File with the credentials of frameworks, agents and operators: JSON, or a line 'principal secret' each."
    )
    domain: DomainInfo | None = optional(DOMAIN, "Region and zone of this master, as JSON.")  # noqa: RUF009
    fair_sharing_excluded_resource_names: str | None = optional(
        TEXT, "Resources that do not count for fairness, separated by commas."
    )
    filter_gpu_resources: bool = flag(SWITCH, "true", "Offer agents with GPUs only to frameworks that can use them.")
    hostname: str | None = optional(TEXT, "Name of this master. By default the name of its address.")
    hostname_lookup: bool = flag(SWITCH, "true", "Look up the name of this master; if not, its address is its name.")
    http_authenticators: str = flag(TEXT, "basic", "How operators are authenticated: basic.")
    http_framework_authenticators: str | None = optional(TEXT, "How frameworks are authenticated: basic.")
    ip: str | None = optional(TEXT, "Address to listen on. By default that of the host's name.")
    log_dir: str | None = optional(PATH, "Directory for the log file. Nothing is written there unless it is given.")
    logging_level: str = flag(TEXT, "INFO", "Lowest level to log: INFO, WARNING or ERROR.")
    max_agent_ping_timeouts: int = flag(INTEGER, "5", "Missed pings after which an agent counts as unreachable.")
    max_completed_frameworks: int = flag(INTEGER, "50", "How many finished frameworks are remembered.")
    max_completed_tasks_per_framework: int = flag(
        INTEGER, "1000", "How many finished tasks of a framework are remembered."
    )
    max_operator_event_stream_subscribers: int = flag(
        INTEGER, "1000", "How many operators may watch events at once; the oldest have to go."
    )
    max_unreachable_tasks_per_framework: int = flag(
        INTEGER, "1000", "How many unreachable tasks of a framework are remembered."
    )
    min_allocatable_resources: str = flag(
        TEXT, "cpus:0.01|mem:32", "The least that is offered: alternatives, any of which is enough."
    )
    offer_constraints_re2_max_program_size: int = flag(
        INTEGER, "100", "How complex a regular expression in offer constraints may be."
    )
    offer_timeout: float | None = optional(DURATION, "How long a framework may hold an offer. By default for ever.")
    port: int = flag(INTEGER, "5050", "Port to listen on.")
    quiet: bool = flag(SWITCH, "false", "Do not log to standard error.")
    quorum: int | None = optional(
        INTEGER,
        "Accepted for Apache Mesos' sake: ZooKeeper's own quorum keeps the registry of masters that are elected.",
    )
    rate_limits: str | None = optional(TEXT, "How many calls a second frameworks may make, by principal, as JSON.")
    recovery_agent_removal_limit: float = flag(
        PERCENTAGE, "100%", "Share of the known agents that may stay away after a failover before the master stops."
    )
    registry: str = flag(
        TEXT, "replicated_log", "replicated_log: in ZooKeeper, or in work_dir for a master alone. in_memory: nowhere."
    )
    registry_fetch_timeout: float = flag(DURATION, "1mins", "How long a new leader may take to read the registry.")
    registry_gc_interval: float = flag(DURATION, "15mins", "Time between removals of old agents from the registry.")
    registry_max_agent_age: float = flag(DURATION, "2weeks", "How long unreachable and gone agents are remembered.")
    registry_max_agent_count: int = flag(INTEGER, "102400", "How many unreachable and gone agents are remembered.")
    registry_store_timeout: float = flag(DURATION, "20secs", "How long a write of the registry may take.")
    require_agent_domain: bool = flag(SWITCH, "false", "Refuse agents that have no domain.")
    roles: str | None = optional(TEXT, "Roles that frameworks may have, separated by commas. By default any.")
    root_submissions: bool = flag(SWITCH, "true", "Whether frameworks may run as root.")
    weights: str | None = optional(TEXT, "Weights of roles, as role=weight,role=weight.")
    whitelist: str | None = optional(
        PATH, "File with the hostnames of the agents that are offered, one a line; read again every 5 seconds."
    )
    work_dir: str | None = optional(PATH, "Directory for all that the master keeps.")
    zk: str | None = optional(
        ZOOKEEPER, "ZooKeeper for the election of the master: zk://user:password@host:port,host:port/path"
    )
    zk_session_timeout: float = flag(DURATION, "10secs", "How long a master may be silent before another is elected.")
