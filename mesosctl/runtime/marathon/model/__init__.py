"""What Marathon runs: apps, pods and groups, read from what clients send, checked, compared and written out.

Pure: no clock, no files, no network. What is no definition raises InvalidJson when it is read; `validate…` give what is
wrong with one that can be read; `…_json` write what clients read.
"""

from mesosctl.runtime.marathon.model.app import (
    App,
    AppC,
    Command,
    Constraint,
    Container,
    Docker,
    DockerParameter,
    EnvSecret,
    ExternalVolume,
    Fetch,
    HealthCheck,
    Network,
    PersistentVolume,
    PortDefinition,
    PortMapping,
    ReadinessCheck,
    Residency,
    SecretSource,
    UnreachableStrategy,
    UpgradeStrategy,
    VersionInfo,
    Volume,
)
from mesosctl.runtime.marathon.model.dependencies import dependencies, dependency_order
from mesosctl.runtime.marathon.model.errors import InvalidJson, ModelError, ValidationError, Violation
from mesosctl.runtime.marathon.model.group import (
    Group,
    RunSpec,
    apps,
    find_app,
    find_group,
    find_pod,
    pods,
    put,
    remove,
    run_specs,
    walk,
    with_instances,
)
from mesosctl.runtime.marathon.model.group_update import (
    Reader,
    parse_group,
    scaled,
    update_group,
)
from mesosctl.runtime.marathon.model.identity import config_version, needs_restart, only_scales, same_config
from mesosctl.runtime.marathon.model.normal import parse_app, update_app
from mesosctl.runtime.marathon.model.output import app_json, group_json, pod_json
from mesosctl.runtime.marathon.model.paths import absolute, below, parent, well_formed
from mesosctl.runtime.marathon.model.pod import Pod, PodContainer
from mesosctl.runtime.marathon.model.pod_update import parse_pod
from mesosctl.runtime.marathon.model.service_ports import assign_service_ports
from mesosctl.runtime.marathon.model.validation import validate
from mesosctl.runtime.marathon.model.validation_group import validate_group
from mesosctl.runtime.marathon.model.validation_pod import validate_pod

__all__ = [
    "App",
    "AppC",
    "Command",
    "Constraint",
    "Container",
    "Docker",
    "DockerParameter",
    "EnvSecret",
    "ExternalVolume",
    "Fetch",
    "Group",
    "HealthCheck",
    "InvalidJson",
    "ModelError",
    "Network",
    "PersistentVolume",
    "Pod",
    "PodContainer",
    "PortDefinition",
    "PortMapping",
    "Reader",
    "ReadinessCheck",
    "Residency",
    "RunSpec",
    "SecretSource",
    "UnreachableStrategy",
    "UpgradeStrategy",
    "ValidationError",
    "VersionInfo",
    "Violation",
    "Volume",
    "absolute",
    "app_json",
    "apps",
    "assign_service_ports",
    "below",
    "config_version",
    "dependencies",
    "dependency_order",
    "find_app",
    "find_group",
    "find_pod",
    "group_json",
    "needs_restart",
    "only_scales",
    "parent",
    "parse_app",
    "parse_group",
    "parse_pod",
    "pod_json",
    "pods",
    "put",
    "remove",
    "run_specs",
    "same_config",
    "scaled",
    "update_app",
    "update_group",
    "validate",
    "validate_group",
    "validate_pod",
    "walk",
    "well_formed",
    "with_instances",
]
