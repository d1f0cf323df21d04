"""What clients may write for an app: every field may be left out, and the forms of earlier releases are taken too.

Reading checks types only, and says of a wrong one where it is, with the keys that Marathon's JSON library uses
(`error.path.missing`, `error.expected.jsnumber`). As there, null is a field left out, and unknown fields are passed
over.
"""

from __future__ import annotations

import re
from typing import Any, Literal, TypeVar

import msgspec

from mesosctl.runtime.marathon.model.app import (
    AppC,
    Check,
    Credential,
    DockerParameter,
    EngineType,
    EnvSecret,
    ExternalVolume,
    Fetch,
    HealthCheck,
    KillSelection,
    Network,
    PersistentVolume,
    PortDefinition,
    PortMapping,
    PortProtocol,
    PullConfig,
    ReadinessCheck,
    Residency,
    SecretSource,
    UnreachableStrategy,
    UpgradeStrategy,
)
from mesosctl.runtime.marathon.model.errors import InvalidJson, Violation

Json = dict[str, Any]
Read = TypeVar("Read")


class DockerForm(msgspec.Struct, frozen=True):
    """`network` and `portMappings` stood here until 1.4."""

    image: str
    credential: Credential | None = None
    pullConfig: PullConfig | None = None
    forcePullImage: bool = False
    parameters: tuple[DockerParameter, ...] = ()
    privileged: bool = False
    network: Literal["BRIDGE", "HOST", "NONE", "USER"] | None = None
    portMappings: tuple[PortMapping, ...] | None = None


class VolumeForm(msgspec.Struct, frozen=True):
    """A volume whose mode may be left out."""

    containerPath: str
    mode: Literal["RO", "RW"] = "RW"
    hostPath: str | None = None
    persistent: PersistentVolume | None = None
    external: ExternalVolume | None = None
    secret: str | None = None


class ContainerForm(msgspec.Struct, frozen=True):
    """A container whose type may be left out."""

    type: EngineType | None = None
    docker: DockerForm | None = None
    appc: AppC | None = None
    volumes: tuple[VolumeForm, ...] = ()
    portMappings: tuple[PortMapping, ...] | None = None


class DiscoveryPort(msgspec.Struct, frozen=True):
    """A port of `ipAddress`."""

    name: str
    number: int = 0
    protocol: PortProtocol = "tcp"
    labels: dict[str, str] = {}


class Discovery(msgspec.Struct, frozen=True):
    """The ports of `ipAddress`."""

    ports: tuple[DiscoveryPort, ...] = ()


class IpAddress(msgspec.Struct, frozen=True):
    """An address of its own for each instance, until 1.4: now a network of mode container."""

    networkName: str | None = None
    labels: dict[str, str] = {}
    discovery: Discovery | None = None


class AppForm(msgspec.Struct, frozen=True):
    """An app, or what shall change of one."""

    id: str | None = None
    acceptedResourceRoles: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    backoffFactor: float | None = None
    backoffSeconds: int | None = None
    check: Check | None = None
    cmd: str | None = None
    constraints: tuple[tuple[str | None, ...], ...] | None = None
    container: ContainerForm | None = None
    cpus: float | None = None
    dependencies: tuple[str, ...] | None = None
    disk: float | None = None
    env: dict[str, str | EnvSecret] | None = None
    executor: str | None = None
    fetch: tuple[Fetch, ...] | None = None
    healthChecks: tuple[HealthCheck, ...] | None = None
    instances: int | None = None
    labels: dict[str, str] | None = None
    maxLaunchDelaySeconds: int | None = None
    mem: float | None = None
    gpus: int | None = None
    networks: tuple[Network, ...] | None = None
    portDefinitions: tuple[PortDefinition, ...] | None = None
    readinessChecks: tuple[ReadinessCheck, ...] | None = None
    residency: Residency | None = None
    requirePorts: bool | None = None
    secrets: dict[str, SecretSource] | None = None
    taskKillGracePeriodSeconds: int | None = None
    tty: bool | None = None
    upgradeStrategy: UpgradeStrategy | None = None
    user: str | None = None
    killSelection: KillSelection | None = None
    unreachableStrategy: UnreachableStrategy | Literal["disabled"] | None = None
    version: str | None = None
    # The forms of earlier releases.
    ipAddress: IpAddress | None = None
    ports: tuple[int, ...] | None = None
    uris: tuple[str, ...] | None = None


class GroupForm(msgspec.Struct, frozen=True):
    """A group, or what shall change of one."""

    id: str | None = None
    apps: tuple[dict[str, Any], ...] | None = None
    groups: tuple[dict[str, Any], ...] | None = None
    dependencies: tuple[str, ...] | None = None
    scaleBy: float | None = None


_DEEPEST = 200
"""Lists and objects in each other: enough for the groups that an id has room for."""

_CAPITALS = {("container", "type"), ("docker", "network"), ("healthChecks", "protocol"), ("volumes", "mode")}
"""Values that are written in capitals, though some clients do not."""

_EXPECTED = {
    "int": "error.expected.jsnumber",
    "float": "error.expected.jsnumber",
    "str": "error.expected.jsstring",
    "bool": "error.expected.jsboolean",
    "array": "error.expected.jsarray",
    "object": "error.expected.jsobject",
}
_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at `(?P<where>[^`]*)`)?")


def read(raw: object, form: type[Read]) -> Read:
    """JSON as that form. Raises InvalidJson: the first place in each field with a wrong type or something missing."""
    tidy, wrong = _tidy(raw), dict[str, Violation]()
    while True:
        try:
            made = msgspec.convert(tidy, form)
            break
        except msgspec.ValidationError as error:
            violation = _place(str(error))
        field = re.split(r"[/(]", violation.path)[1]
        wrong.setdefault(field, violation)
        if not isinstance(tidy, dict) or field not in tidy:
            break
        tidy = {name: value for name, value in tidy.items() if name != field}
    if wrong:
        raise InvalidJson(*wrong.values())
    return made


def _tidy(value: object, inside: str = "", depth: int = 0) -> object:
    """Without nulls in objects, with 2.0 as 2, and with capitals where they belong."""
    if depth > _DEEPEST:
        raise InvalidJson(Violation("/", "is nested too deeply"))
    if isinstance(value, dict):
        return {
            key: item.upper() if isinstance(item, str) and (inside, key) in _CAPITALS else _tidy(item, key, depth + 1)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list):
        return [_tidy(item, inside, depth + 1) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _place(message: str) -> Violation:
    """msgspec's message in Marathon's words."""
    found = _MESSAGE.fullmatch(message)
    assert found is not None
    what, where = found["what"], found["where"] or "$"
    path = re.sub(r"\[(\d+)\]", r"(\1)", where.removeprefix("$").replace("[...]", "")).replace(".", "/")
    if missing := re.fullmatch(r"Object missing required field `(.*)`", what):
        return Violation(f"{path}/{missing[1]}", "error.path.missing")
    if expected := re.match(r"Expected `(\w+)[^`]*`, got", what):
        return Violation(path or "/", _EXPECTED.get(expected[1], what))
    return Violation(path or "/", "error.unknown.enum.literal" if what.startswith("Invalid enum value") else what)
