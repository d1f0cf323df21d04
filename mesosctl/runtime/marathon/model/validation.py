"""What is wrong with an app that can be read. Containers, volumes and networks are in `validation_container`.

The rules and the places are Marathon's: its RAML; docs/{constraints,health-checks,ports,persistent-volumes}.md of 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from mesosctl.runtime.marathon.model.app import (
    App,
    Constraint,
    EnvSecret,
    Fetch,
    HealthCheck,
    ReadinessCheck,
    ShellCommand,
    UnreachableStrategy,
)
from mesosctl.runtime.marathon.model.errors import Violation
from mesosctl.runtime.marathon.model.paths import ROOT, well_formed
from mesosctl.runtime.marathon.model.pod import PodConstraint
from mesosctl.runtime.marathon.model.validation_container import (
    LARGEST_AMOUNT,
    container_violations,
    network_violations,
)

MAX_INT = 2**31 - 1
_LONGEST_ID = 198
"""A task is named `<id>.instance-<UUID>._app.<number>`, and so is its directory: that has 255 characters at most."""
_EXECUTOR = re.compile(r"//cmd|/?[^/]+(/[^/]+)*|")
_SINGLE_INSTANCE = "MARATHON_SINGLE_INSTANCE_APP"
_MINIMA = {
    "cpus": 0.001,
    "mem": 0,
    "disk": 0,
    "gpus": 0,
    "instances": 0,
    "backoffSeconds": 0,
    "backoffFactor": 1,
    "maxLaunchDelaySeconds": 0,
    "taskKillGracePeriodSeconds": 0,
}
CHECK_MINIMA = {
    "gracePeriodSeconds": 0,
    "intervalSeconds": 0,
    "maxConsecutiveFailures": 0,
    "timeoutSeconds": 0,
    "delaySeconds": 0,
}


def validate(app: App, *, features: Collection[str] = ()) -> list[Violation]:
    """All that is wrong with the app; nothing when it can be run. `features`: those of `--enable_features`."""
    return [
        *id_violations(app.id),
        *numbers(app, _MINIMA),
        *_command(app),
        *_environment(app),
        *_places(app),
        *_strategies(app),
        *_check(app),
        *_health_checks(app),
        *_readiness_checks(app),
        *fetch_violations(app.fetch, "/fetch"),
        *network_violations(app.networks, "/networks"),
        *container_violations(app),
        *_resources(app, features),
    ]


def id_violations(id: str, path: str = "/id") -> Iterator[Violation]:
    """Of an absolute id."""
    if id == ROOT:
        yield Violation("/", "must not be root")
    elif not well_formed(id):
        yield Violation(
            path, "each name may have lower-case letters, digits, and, but not at its ends, dashes and dots"
        )
    if len(id) > _LONGEST_ID:
        yield Violation(path, f"may have at most {_LONGEST_ID} characters")


def numbers(item: object, minima: Mapping[str, float], path: str = "") -> Iterator[Violation]:
    """Of fields that are below their minimum or beyond what Marathon's numbers hold. None is a field not given."""
    for name, minimum in minima.items():
        value = getattr(item, name)
        if value is None:
            continue
        if value > (MAX_INT if isinstance(value, int) else LARGEST_AMOUNT):
            yield Violation(f"{path}/{name}", "error.max")
        elif value < minimum:
            yield Violation(f"{path}/{name}", f"must be at least {minimum:g}")


def _command(app: App) -> Iterator[Violation]:
    image = app.container is not None and (app.container.docker is not None or app.container.appc is not None)
    if app.cmd == "":
        yield Violation("/cmd", "must not be an empty string")
    if (app.cmd and app.args) or not (app.cmd or app.args or image):
        yield Violation("/", "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.")
    if not _EXECUTOR.fullmatch(app.executor):
        yield Violation("/executor", "must be empty, //cmd or a path")


def _environment(app: App) -> Iterator[Violation]:
    for name, value in app.env.items():
        if not name:
            yield Violation("/env()", "must not be empty")
        if isinstance(value, EnvSecret):
            yield Violation(f"/env({name})", "secrets are not supported")
    if app.secrets:
        yield Violation("/secrets", "secrets are not supported")


def _places(app: App) -> Iterator[Violation]:
    for i, constraint in enumerate(app.constraints):
        yield from constraint_violations(constraint, f"/constraints({i})")
    if app.acceptedResourceRoles is not None:
        if not app.acceptedResourceRoles:
            yield Violation("/acceptedResourceRoles", "must not be empty")
        if "" in app.acceptedResourceRoles:
            yield Violation("/acceptedResourceRoles", "a role must not be empty")
    yield from dependency_violations(app.dependencies)


def dependency_violations(ids: tuple[str, ...]) -> Iterator[Violation]:
    """Of the ids of apps and groups to wait for. They need not exist."""
    for i, id in enumerate(ids):
        if not well_formed(id):
            yield Violation(f"/dependencies({i})", f"{id} is not a valid id")


def constraint_violations(constraint: Constraint | PodConstraint, path: str) -> Iterator[Violation]:
    """Of a constraint's value."""
    value = constraint.value
    if not constraint.fieldName:
        yield Violation(path, "Missing field and operator")
    match constraint.operator:
        case "UNIQUE":
            if value:
                yield Violation(path, "Value specified but not used")
        case "IS":
            if not value:
                yield Violation(path, "Missing value")
        case "GROUP_BY":
            if value and not _integer(value):
                yield Violation(path, "Value was specified but is not a number")
        case "MAX_PER":
            if value is None or not _integer(value):
                yield Violation(path, "Value was not specified or is not a number")
        case "LIKE" | "UNLIKE":
            yield from _expression(value, path)


def _integer(text: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]{1,9}", text) is not None


def _expression(value: str | None, path: str) -> Iterator[Violation]:
    if value is None:
        yield Violation(path, "A regular expression value must be provided")
        return
    try:
        re.compile(value)
    except re.error:
        yield Violation(path, f"'{value}' is not a valid regular expression")


def _strategies(app: App) -> Iterator[Violation]:
    upgrade = app.upgradeStrategy
    for name in ("maximumOverCapacity", "minimumHealthCapacity"):
        if not 0 <= getattr(upgrade, name) <= 1:
            yield Violation(f"/upgradeStrategy/{name}", "must be between 0 and 1")
    if app.labels.get(_SINGLE_INSTANCE) == "true":
        if app.instances > 1:
            yield Violation("/", "Single instance app may only have one instance")
        for name in ("maximumOverCapacity", "minimumHealthCapacity"):
            if getattr(upgrade, name) != 0:
                yield Violation(f"/upgradeStrategy/{name}", f"must be 0 with the label {_SINGLE_INSTANCE}")
    if app.residency is not None:
        yield from numbers(app.residency, {"relaunchEscalationTimeoutSeconds": 0}, "/residency")
        if upgrade.maximumOverCapacity != 0:
            yield Violation("/upgradeStrategy/maximumOverCapacity", "must be 0 for a resident app")
        if not any(volume.persistent for volume in app.volumes):
            yield Violation("/", "App must contain persistent volumes and define residency")
        if app.unreachableStrategy != "disabled":
            yield Violation("/", "unreachableStrategy must be disabled for resident tasks")
    yield from unreachable_violations(app.unreachableStrategy, "/unreachableStrategy")


def unreachable_violations(strategy: UnreachableStrategy | str, path: str) -> Iterator[Violation]:
    """Of an unreachable strategy."""
    if isinstance(strategy, UnreachableStrategy):
        yield from numbers(strategy, {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0}, path)
        if strategy.inactiveAfterSeconds > strategy.expungeAfterSeconds:
            yield Violation(f"{path}/inactiveAfterSeconds", "must be at most expungeAfterSeconds")


def command_violations(command: ShellCommand, path: str) -> Iterator[Violation]:
    """Of a command that is a line or words."""
    if bool(command.shell) == bool(command.argv):
        yield Violation(path, "must have either shell or argv")


def _check(app: App) -> Iterator[Violation]:
    check = app.check
    if check is None:
        return
    yield from numbers(check, {"intervalSeconds": 0, "timeoutSeconds": 0, "delaySeconds": 0}, "/check")
    if sum(kind is not None for kind in (check.http, check.tcp, check.exec)) != 1:
        yield Violation("/check", "must be one of http, tcp and exec")
    for name, kind in (("http", check.http), ("tcp", check.tcp)):
        if kind is not None and kind.portIndex not in range(len(app.ports)):
            yield Violation(f"/check/{name}/portIndex", "must be the index of one of the app's ports")
    if check.http is not None and check.http.scheme == "HTTPS":
        yield Violation("/check/http/scheme", "Mesos' checks ask over HTTP alone")
    if check.exec is not None:
        yield from command_violations(check.exec.command, "/check/exec/command")


def _health_checks(app: App) -> Iterator[Violation]:
    for i, check in enumerate(app.healthChecks):
        yield from _health_check(app, check, f"/healthChecks({i})")
    if sum(check.protocol.startswith("MESOS_") for check in app.healthChecks) > 1:
        yield Violation("/", "AppDefinition can contain at most one Mesos health check")


def _health_check(app: App, check: HealthCheck, path: str) -> Iterator[Violation]:
    yield from numbers(check, CHECK_MINIMA, path)
    if check.protocol == "COMMAND":
        if check.command is None or not check.command.value:
            yield Violation(f"{path}/command", "must not be empty")
        return
    if check.port is not None and not 0 <= check.port <= 65535:
        yield Violation(f"{path}/port", "must be between 0 and 65535")
    known = range(len(app.ports))
    if (check.portIndex is None and check.port is None) or (
        check.portIndex is not None and check.portIndex not in known
    ):
        yield Violation(
            path, "Health check port indices must address an element of the ports array or container port mappings."
        )


def _readiness_checks(app: App) -> Iterator[Violation]:
    if len(app.readinessChecks) > 1:
        yield Violation("/readinessChecks", "there may be at most one")
    for i, check in enumerate(app.readinessChecks):
        yield from _readiness_check(app, check, f"/readinessChecks({i})")


def _readiness_check(app: App, check: ReadinessCheck, path: str) -> Iterator[Violation]:
    yield from numbers(check, {"intervalSeconds": 0, "timeoutSeconds": 0}, path)
    if check.timeoutSeconds >= check.intervalSeconds:
        yield Violation(f"{path}/timeoutSeconds", "must be less than intervalSeconds")
    if check.portName not in {port.name for port in app.ports}:
        yield Violation(f"{path}/portName", f"No port definition reference for portName {check.portName}")
    if not all(100 <= status <= 999 for status in check.httpStatusCodesForReady):
        yield Violation(f"{path}/httpStatusCodesForReady", "must be between 100 and 999")


def fetch_violations(items: tuple[Fetch, ...], path: str) -> Iterator[Violation]:
    """Of what shall be fetched."""
    for i, item in enumerate(items):
        if not 0 < len(item.uri) <= 1024 or any(char.isspace() for char in item.uri):
            yield Violation(f"{path}({i})/uri", "URI has invalid syntax.")
        if item.destPath is not None and not 0 < len(item.destPath) <= 1024:
            yield Violation(f"{path}({i})/destPath", "must have 1 to 1024 characters")


def _resources(app: App, features: Collection[str]) -> Iterator[Violation]:
    if app.gpus > 0:
        if app.container is not None and app.container.type == "DOCKER":
            yield Violation("/", "GPU resources only work with the Mesos containerizer")
        if "gpu_resources" not in features:
            yield Violation("/gpus", "the feature gpu_resources is not enabled: see --enable_features")
