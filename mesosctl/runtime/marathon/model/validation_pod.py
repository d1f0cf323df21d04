"""What is wrong with a pod that can be read.

The rules and the places are Marathon's: its RAML (types/{pod,podContainer,network,resources}.raml) and docs/pods.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mesosctl.runtime.marathon.model.app import EnvSecret
from mesosctl.runtime.marathon.model.errors import Violation
from mesosctl.runtime.marathon.model.pod import Endpoint, Pod, PodContainer, PodHealthCheck, PodVolume
from mesosctl.runtime.marathon.model.validation import (
    CHECK_MINIMA,
    command_violations,
    constraint_violations,
    fetch_violations,
    id_violations,
    numbers,
    unreachable_violations,
)
from mesosctl.runtime.marathon.model.validation_container import (
    NAME,
    network_violations,
    persistent_violations,
    port_violation,
)

_LONGEST_IDS = 202
"""A task is named `<id>.instance-<UUID>.<container>.<number>`, and so is its directory: 255 characters at most."""


def validate_pod(pod: Pod, *, features: Collection[str] = ()) -> list[Violation]:
    """All that is wrong with the pod; nothing when it can be run. `features`: those of `--enable_features`."""
    return [
        *_id(pod),
        *_environment(pod.environment, "/environment"),
        *_whole(pod),
        *_scheduling(pod),
        *_residency(pod),
        *_gpus(pod, features),
        *network_violations(pod.networks, "/networks"),
        *(wrong for i, volume in enumerate(pod.volumes) for wrong in _volume(volume, f"/volumes({i})")),
        *(wrong for i, item in enumerate(pod.containers) for wrong in _container(pod, item, f"/containers({i})")),
    ]


def _id(pod: Pod) -> Iterator[Violation]:
    wrong = list(id_violations(pod.id))
    yield from wrong
    longest = max((len(container.name) for container in pod.containers), default=0)
    if not wrong and len(pod.id) + longest > _LONGEST_IDS:
        yield Violation("/id", f"may have at most {_LONGEST_IDS} characters with the longest name of a container")


def _residency(pod: Pod) -> Iterator[Violation]:
    if pod.resident:
        if pod.scheduling.upgrade.maximumOverCapacity != 0:
            yield Violation("/scheduling/upgrade/maximumOverCapacity", "must be 0 for a pod with persistent volumes")
        if pod.scheduling.unreachableStrategy != "disabled":
            yield Violation("/scheduling/unreachableStrategy", "must be disabled for a pod with persistent volumes")


def _gpus(pod: Pod, features: Collection[str]) -> Iterator[Violation]:
    for i, container in enumerate(pod.containers):
        if container.resources.gpus > 0 and "gpu_resources" not in features:
            path = f"/containers({i})/resources/gpus"
            yield Violation(path, "the feature gpu_resources is not enabled: see --enable_features")


def _whole(pod: Pod) -> Iterator[Violation]:
    if pod.secrets:
        yield Violation("/secrets", "secrets are not supported")
    if not pod.containers:
        yield Violation("/containers", "must not be empty")
    for path, names in {
        "/containers": [container.name for container in pod.containers],
        "/volumes": [volume.name for volume in pod.volumes],
    }.items():
        if len(set(names)) < len(names):
            yield Violation(path, "each name may be used once")
    endpoints = [endpoint for container in pod.containers for endpoint in container.endpoints]
    if len({endpoint.name for endpoint in endpoints}) < len(endpoints):
        yield Violation("/containers", "each name of an endpoint may be used once in a pod")
    for name in ("hostPort", "containerPort"):
        ports = [port for endpoint in endpoints if (port := getattr(endpoint, name))]
        if len(set(ports)) < len(ports):
            yield Violation("/containers", f"each {name} may be used once in a pod")


def _scheduling(pod: Pod) -> Iterator[Violation]:
    yield from numbers(pod.scaling, {"instances": 0, "maxInstances": 0}, "/scaling")
    yield from numbers(pod.executorResources, {"cpus": 0.001, "mem": 0.001, "disk": 0}, "/executorResources")
    policy = pod.scheduling
    minima = {"backoff": 0, "backoffFactor": 1, "maxLaunchDelay": 0}
    yield from numbers(policy.backoff, minima, "/scheduling/backoff")
    for name in ("maximumOverCapacity", "minimumHealthCapacity"):
        if not 0 <= getattr(policy.upgrade, name) <= 1:
            yield Violation(f"/scheduling/upgrade/{name}", "must be between 0 and 1")
    for i, constraint in enumerate(policy.placement.constraints):
        yield from constraint_violations(constraint, f"/scheduling/placement/constraints({i})")
    yield from unreachable_violations(policy.unreachableStrategy, "/scheduling/unreachableStrategy")


def _environment(variables: dict[str, str | EnvSecret], path: str) -> Iterator[Violation]:
    for name, value in variables.items():
        if not name:
            yield Violation(f"{path}()", "must not be empty")
        if isinstance(value, EnvSecret):
            yield Violation(f"{path}({name})", "secrets are not supported")


def _volume(volume: PodVolume, path: str) -> Iterator[Violation]:
    if not NAME.fullmatch(volume.name):
        yield Violation(f"{path}/name", f"must fully match regular expression '^{NAME.pattern}$'")
    if volume.secret is not None:
        yield Violation(f"{path}/secret", "secrets are not supported")
    if volume.host is not None and volume.persistent is not None:
        yield Violation(path, "only one of host and persistent may be given")
    if volume.host == "":
        yield Violation(f"{path}/host", "must not be empty")
    if volume.persistent is not None:
        yield from persistent_violations(volume.persistent, f"{path}/persistent")


def _container(pod: Pod, container: PodContainer, path: str) -> Iterator[Violation]:
    if not NAME.fullmatch(container.name) or len(container.name) > 63:
        yield Violation(f"{path}/name", f"must fully match regular expression '^{NAME.pattern}$'")
    yield from numbers(container.resources, {"cpus": 0.001, "mem": 0.001, "disk": 0, "gpus": 0}, f"{path}/resources")
    yield from _environment(container.environment, f"{path}/environment")
    yield from fetch_violations(container.artifacts, f"{path}/artifacts")
    if container.exec is not None:
        yield from command_violations(container.exec.command, f"{path}/exec/command")
    elif container.image is None:
        yield Violation(path, "must have an exec, an image or both")
    if container.image is not None:
        if not container.image.id:
            yield Violation(f"{path}/image/id", "must not be empty")
        if container.image.pullConfig is not None:
            yield Violation(f"{path}/image/pullConfig", "secrets are not supported")
    for i, endpoint in enumerate(container.endpoints):
        yield from _endpoint(pod, endpoint, f"{path}/endpoints({i})")
    volumes = {volume.name for volume in pod.volumes}
    for i, mount in enumerate(container.volumeMounts):
        if mount.name not in volumes:
            yield Violation(f"{path}/volumeMounts({i})/name", f"there is no volume {mount.name} in the pod")
        if not mount.mountPath:
            yield Violation(f"{path}/volumeMounts({i})/mountPath", "must not be empty")
    if container.healthCheck is not None:
        yield from _health_check(container, container.healthCheck, f"{path}/healthCheck")
    if container.lifecycle is not None:
        yield from numbers(container.lifecycle, {"killGracePeriodSeconds": 0}, f"{path}/lifecycle")


def _endpoint(pod: Pod, endpoint: Endpoint, path: str) -> Iterator[Violation]:
    if not NAME.fullmatch(endpoint.name):
        yield Violation(f"{path}/name", f"must fully match regular expression '^{NAME.pattern}$'")
    yield from port_violation(endpoint.containerPort, f"{path}/containerPort")
    yield from port_violation(endpoint.hostPort, f"{path}/hostPort")
    names = {network.name for network in pod.networks if network.mode == "container"}
    if pod.networks[0].mode == "host":
        if endpoint.hostPort is None:
            yield Violation(f"{path}/hostPort", "is required when using host-mode networking")
        if endpoint.containerPort is not None:
            yield Violation(f"{path}/containerPort", "is not allowed when using host-mode networking")
    elif endpoint.containerPort is None:
        yield Violation(f"{path}/containerPort", "is required when using container-mode networking")
    if strange := [name for name in endpoint.networkNames if name not in names]:
        yield Violation(f"{path}/networkNames", f"there is no network {strange[0]} in networks")
    if endpoint.hostPort is not None and len(names) > 1 and len(endpoint.networkNames) != 1:
        yield Violation(f"{path}/hostPort", "must be empty, or networkNames must name the one network it is for")


def _health_check(container: PodContainer, check: PodHealthCheck, path: str) -> Iterator[Violation]:
    yield from numbers(check, CHECK_MINIMA, path)
    if sum(kind is not None for kind in (check.http, check.tcp, check.exec)) != 1:
        yield Violation(path, "must have one of http, tcp and exec")
    endpoints = {endpoint.name for endpoint in container.endpoints}
    for name in ("http", "tcp"):
        kind = getattr(check, name)
        if kind is not None and kind.endpoint not in endpoints:
            yield Violation(f"{path}/{name}/endpoint", f"there is no endpoint {kind.endpoint} in the container")
    if check.exec is not None:
        yield from command_violations(check.exec.command, f"{path}/exec/command")
