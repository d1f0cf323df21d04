"""Marathon's flags, from a command line and the environment. Names and defaults are those of Marathon 1.5.

`--name value`, `--name=value`; a switch is `--name`, or `--disable_name` to turn it off. `MARATHON_NAME` is `--name`,
and a switch where it is empty; `MARATHON_APP_…`, which a Marathon above this one sets, is passed over. A flag that is
unknown, given twice, or given by both is an error. Durations are milliseconds, but for `failover_timeout` (seconds).
Source: Marathon's docs/docs/command-line-flags.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mesosctl.runtime.flags.declare import Declaration, Flags, flag, optional, required
from mesosctl.runtime.flags.kinds import INTEGER, NUMBER, PATH, SWITCH, TEXT, ZOOKEEPER
from mesosctl.runtime.flags.load import FlagError

ENVIRONMENT_PREFIX = "MARATHON_"
_FOREIGN_PREFIX = "MARATHON_APP_"
_DISABLE = "disable_"
UNKNOWN_FLAG_STATUS = 112
"""Exit status for flags that Marathon cannot start with."""

_ACCEPTED: dict[str, str | None] = {
    "artifact_store": None,
    "assets_path": None,
    "backup_location": None,
    "deprecated_features": None,
    "draining_seconds": "0",
    "event_stream_max_outstanding_messages": "50",
    "http_compression": "true",
    "http_event_callback_slow_consumer_timeout": "10000",
    "launch_token_refresh_interval": "30000",
    "launch_tokens": "100",
    "marathon_store_timeout": None,
    "mesos_bridge_name": "mesos-bridge",
    "mesos_heartbeat_failure_threshold": "5",
    "mesos_heartbeat_interval": "15000",
    "metrics": "true",
    "offer_matching_timeout": "1000",
    "on_elected_prepare_timeout": "180000",
    "plugin_conf": None,
    "plugin_dir": None,
    "reporter_datadog": None,
    "reporter_graphite": None,
    "revive_offers_for_new_apps": "true",
    "revive_offers_repetitions": "3",
    "save_tasks_to_launch_timeout": "3000",
    "store_cache": "true",
    "task_lost_expunge_gc": "75000",
    "task_lost_expunge_initial_delay": "300000",
    "task_lost_expunge_interval": "30000",
    "task_reservation_timeout": "20000",
    "tracing": "false",
    "zk_compression": "true",
    "zk_compression_threshold": "65536",
    "zk_connection_timeout": "10000",
    "zk_max_concurrency": "32",
    "zk_max_node_size": "1024000",
    "zk_timeout": "10000",
}
_ACCEPTED_SWITCHES = frozenset(
    {"http_compression", "metrics", "revive_offers_for_new_apps", "store_cache", "tracing", "zk_compression"}
)


@dataclass(frozen=True, kw_only=True)
class MarathonFlags(Flags):
    """Everything that Marathon is told from outside."""

    ACCEPTED: ClassVar[Mapping[str, str | None]] = _ACCEPTED

    access_control_allow_origin: str | None = optional(TEXT, "Origins from which pages may ask, separated by commas.")
    checkpoint: bool = flag(SWITCH, "true", "Let tasks outlive a restart of their agent.")
    decline_offer_duration: int = flag(INTEGER, "120000", "How long what was declined is not offered again.")
    default_accepted_resource_roles: str | None = optional(
        TEXT, "Roles whose resources apps use that name none, separated by commas. By default all."
    )
    default_network_name: str | None = optional(TEXT, "Network of apps that name none.")
    enable_features: str | None = optional(
        TEXT, "vips, task_killing, external_volumes, secrets, gpu_resources, maintenance_mode; separated by commas."
    )
    env_vars_prefix: str | None = optional(TEXT, "Prefix of the variables that Marathon adds to tasks' environments.")
    event_subscriber: str | None = optional(TEXT, "http_callback, to post events to --http_endpoints.")
    executor: str = flag(TEXT, "//cmd", "Executor of apps that name none.")
    failover_timeout: float = flag(NUMBER, "604800", "Seconds that tasks run on without any Marathon.")
    framework_name: str = flag(TEXT, "marathon", "Name of the framework.")
    gpu_scheduling_behavior: str = flag(
        TEXT, "unrestricted", "unrestricted, restricted or undefined: whether apps without GPUs run where GPUs are."
    )
    ha: bool = flag(SWITCH, "true", "Elect one of several Marathons; needs --zk.")
    hostname: str | None = optional(TEXT, "Name under which others reach this Marathon. By default the host's own.")
    http_address: str | None = optional(TEXT, "Address to listen on. By default all.")
    http_credentials: str | None = optional(TEXT, "username:password that every request must give.")
    http_endpoints: str | None = optional(TEXT, "URLs to post events to, separated by commas.")
    http_max_concurrent_requests: int | None = optional(INTEGER, "More requests at once are answered with 503.")
    http_port: int = flag(INTEGER, "8080", "Port to listen on.")
    http: bool = flag(SWITCH, "true", "Serve HTTP; if not, HTTPS alone.")
    http_realm: str = flag(TEXT, "Mesosphere", "Realm of --http_credentials.")
    https_address: str | None = optional(TEXT, "Address to listen on for HTTPS. By default all.")
    https_port: int = flag(INTEGER, "8443", "Port to listen on for HTTPS.")
    internal_store_backend: str = flag(TEXT, "zk", "zk: what --zk names; mem: state is forgotten when Marathon ends.")
    kill_chunk_size: int = flag(INTEGER, "100", "How many kills may be under way at once.")
    kill_retry_timeout: int = flag(INTEGER, "10000", "When a kill without an answer is repeated.")
    leader_proxy_connection_timeout: int = flag(INTEGER, "5000", "How long to wait for a connection with the leader.")
    leader_proxy_read_timeout: int = flag(INTEGER, "10000", "How long to wait for an answer of the leader.")
    leader_proxy_ssl_ignore_hostname: bool = flag(SWITCH, "false", "Take a leader's certificate for another name.")
    local_port_max: int = flag(INTEGER, "20000", "Highest service port that is assigned.")
    local_port_min: int = flag(INTEGER, "10000", "Lowest service port that is assigned.")
    logging_level: str = flag(TEXT, "info", "off, fatal, error, warn, info, debug, trace or all.")
    master: str = required(ZOOKEEPER, "The Mesos master: zk://host:port,…/mesos, or host:port.")
    max_apps: int | None = optional(INTEGER, "How many apps there may be.")
    max_running_deployments: int = flag(INTEGER, "100", "How many deployments may be under way at once.")
    max_tasks_per_offer: int = flag(INTEGER, "5", "How many tasks are launched from one offer.")
    mesos_authentication: bool = flag(SWITCH, "false", "Authenticate with the master.")
    mesos_authentication_principal: str | None = optional(TEXT, "Principal to register and reserve with.")
    mesos_authentication_secret: str | None = optional(TEXT, "The principal's secret.")
    mesos_authentication_secret_file: str | None = optional(PATH, "File with the principal's secret.")
    mesos_leader_ui_url: str | None = optional(TEXT, "Where the Mesos master's page is. By default the leader's.")
    mesos_role: str | None = optional(TEXT, "Role to register with.")
    mesos_user: str | None = optional(TEXT, "User of tasks whose app names none. By default the one this runs as.")
    min_revive_offers_interval: int = flag(INTEGER, "5000", "The least time between two requests for declined offers.")
    reconciliation_initial_delay: int = flag(INTEGER, "15000", "When the master is first asked for all tasks.")
    reconciliation_interval: int = flag(INTEGER, "600000", "Time between such questions.")
    scale_apps_initial_delay: int = flag(INTEGER, "15000", "When the number of instances is first checked.")
    scale_apps_interval: int = flag(INTEGER, "300000", "Time between such checks.")
    ssl_keystore_password: str | None = optional(TEXT, "Password of the keystore.")
    ssl_keystore_path: str | None = optional(PATH, "Keystore (JKS or PKCS #12) with key and certificate: serve HTTPS.")
    task_launch_confirm_timeout: int = flag(INTEGER, "300000", "When a launch of which nothing is heard is given up.")
    task_launch_timeout: int = flag(INTEGER, "300000", "When a task that does not start is killed.")
    webui_url: str | None = optional(TEXT, "URL of this Marathon that the master shows. By default the leader's own.")
    zk: str = flag(
        ZOOKEEPER,
        "zk://localhost:2181/marathon",
        "ZooKeeper for state and election; or file:///directory for the state of a Marathon alone.",
    )
    zk_max_versions: int = flag(INTEGER, "50", "How many versions of an app or group are kept.")
    zk_session_timeout: int = flag(INTEGER, "10000", "How long a leader may be silent before another is elected.")

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(sorted(each.strip() for each in (self.enable_features or "").split(",") if each.strip()))


def load(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[MarathonFlags, list[str]]:
    """The flags and the warnings to log. `arguments` without the program's name. Raises FlagError."""
    declared = _declared()
    given = dict(_from_environment(declared, environment))
    for name, value in _from_arguments(declared, arguments):
        if name in given:
            raise FlagError(f"Flag '{name}' is given more than once")
        given[name] = value
    warnings = [f"Flag '{name}' has no effect in this runtime" for name in sorted(given.keys() & _ACCEPTED.keys())]
    values: dict[str, Any] = {}
    accepted: dict[str, str] = {}
    for name, declaration in declared.items():
        text = given.get(name, declaration.default)
        if text is None and declaration.required:
            raise FlagError(f"Required flag '{name}' is not given")
        if name not in _ACCEPTED:
            values[name] = None if text is None else _value(declaration, text)
        elif text is not None:
            accepted[name] = text
    return MarathonFlags(accepted=accepted, **values), warnings


def _declared() -> dict[str, Declaration]:
    declared = MarathonFlags.declarations()
    for name, default in _ACCEPTED.items():
        declared[name] = Declaration(name, SWITCH if name in _ACCEPTED_SWITCHES else TEXT, default, "")
    return declared


def _from_environment(declared: Mapping[str, Declaration], environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable.startswith(_FOREIGN_PREFIX):
            continue
        name, value = _switched(declared, variable.removeprefix(ENVIRONMENT_PREFIX).lower(), variable)
        declaration = declared[name]
        if value is None:
            value = text or ("true" if declaration.kind.is_switch else None)
        if value is None:
            raise FlagError(f"{variable} has no value")
        if name in seen:
            raise FlagError(f"Flag '{name}' is given more than once")
        seen.add(name)
        yield name, value


def _from_arguments(declared: Mapping[str, Declaration], arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("--"):
            raise FlagError(f"Unexpected argument '{argument}': flags are written --name value")
        written, equals, text = argument.removeprefix("--").partition("=")
        name, value = _switched(declared, written, f"--{written}")
        if equals and value is not None:
            raise FlagError(f"--{written} takes no value")
        if equals:
            value = text
        elif value is None and declared[name].kind.is_switch:
            value = "true"
        elif value is None:
            value = next(rest, None)
        if value is None:
            raise FlagError(f"--{written} needs a value")
        yield name, value


def _switched(declared: Mapping[str, Declaration], written: str, where: str) -> tuple[str, str | None]:
    """The flag that is meant; "false" where it is a switch that is turned off. Raises FlagError."""
    if written in declared:
        return written, None
    name = written.removeprefix(_DISABLE)
    if name != written and name in declared and declared[name].kind.is_switch:
        return name, "false"
    raise FlagError(f"Unknown flag '{written}' ({where})")


def _value(declaration: Declaration, text: str) -> Any:
    try:
        return declaration.kind.read(text)
    except ValueError as error:
        raise FlagError(f"Flag '{declaration.name}': {error}") from None
