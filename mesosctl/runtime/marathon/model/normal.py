"""From what a client wrote to the one form that is kept: older forms translated, defaults filled in.

Sources: docs/networking.md and docs/ports.md of Marathon 1.5 (which older forms mean what), its RAML (defaults).
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from mesosctl.runtime.marathon.model.app import (
    App,
    Constraint,
    Container,
    Docker,
    Fetch,
    HealthCheck,
    Network,
    Operator,
    PortDefinition,
    PortMapping,
    Residency,
    UnreachableStrategy,
    UpgradeStrategy,
    Volume,
)
from mesosctl.runtime.marathon.model.definition import AppForm, ContainerForm, read
from mesosctl.runtime.marathon.model.errors import InvalidJson, ValidationError, Violation
from mesosctl.runtime.marathon.model.paths import ROOT, absolute, parent

OPERATORS: tuple[str, ...] = get_args(Operator)
_EMPTY_IS_NONE = ("UNIQUE", "CLUSTER", "GROUP_BY")
_ARCHIVES = (".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip")
_HOST = (Network(mode="host"),)
_LEGACY_MODES = {"BRIDGE": "container/bridge", "HOST": "host", "USER": "container"}
_OLD_BRIDGE = "mesos-bridge"
_TRANSLATED = {"id", "constraints", "container", "fetch", "networks", "portDefinitions", "dependencies", "version"}
_TAKEN = tuple(name for name in App.__struct_fields__ if name in AppForm.__struct_fields__ and name not in _TRANSLATED)
"""Fields that are kept as they are given."""
_CHANGES = tuple(name for name in AppForm.__struct_fields__ if name not in ("id", "version"))


def parse_app(raw: object, *, base: str = ROOT, network_name: str | None = None) -> App:
    """A new app. `base` is the group that its ids are relative to, `network_name` the network of those that name none.

    Raises InvalidJson, and ValidationError when old and new forms contradict each other.
    """
    form = read(raw, AppForm)
    if form.id is None:
        raise InvalidJson(Violation("/id", "error.path.missing"))
    return _complete(App(absolute(form.id, base)), form, network_name)


def update_app(old: App, raw: object, *, partial: bool = True, network_name: str | None = None) -> App:
    """The app with what the client gave: the rest stays as it was (`partial`), or goes back to its defaults.

    The id and the versions stay; see `identity.stamp`. Raises as `parse_app` does.
    """
    form = read(raw, AppForm)
    if form.version is not None and any(getattr(form, name) is not None for name in _CHANGES):
        raise ValidationError(Violation("/", "The 'version' field may only be combined with the 'id' field."))
    start = old if partial else App(old.id, version=old.version, versionInfo=old.versionInfo)
    return _complete(start, form, network_name)


def _complete(start: App, form: AppForm, network_name: str | None) -> App:
    _refuse_contradictions(form)
    group = parent(start.id)
    fields: dict[str, Any] = {name: value for name in _TAKEN if (value := getattr(form, name)) is not None}
    if form.constraints is not None:
        fields["constraints"] = _constraints(form.constraints)
    if form.dependencies is not None:
        fields["dependencies"] = tuple(sorted({absolute(id, group) for id in form.dependencies}))
    if form.fetch or form.uris is not None:
        fields["fetch"] = form.fetch or tuple(Fetch(uri, extract=uri.endswith(_ARCHIVES)) for uri in form.uris or ())
    elif form.fetch is not None:
        fields["fetch"] = ()
    if form.cmd is not None and not form.args:
        fields["args"] = ()
    elif form.args and form.cmd is None:
        fields["cmd"] = None
    if form.user == "":
        fields["user"] = None
    networks = _networks(form)
    if networks is not None:
        fields["networks"] = networks or _HOST
    container = form.container or (ContainerForm("MESOS") if form.ipAddress else None)
    if container is not None:
        fields["container"] = _container(container, form)
    ports = form.portDefinitions
    if ports is None and form.ports is not None:
        ports = tuple(PortDefinition(port) for port in form.ports)
    if ports is not None:
        fields["portDefinitions"] = ports
    return _with_defaults(msgspec.structs.replace(start, **fields), form, network_name)


def _refuse_contradictions(form: AppForm) -> None:
    docker = form.container.docker if form.container else None
    wrong = []
    if form.uris and form.fetch and form.uris != tuple(item.uri for item in form.fetch):
        wrong.append(Violation("/uris", "may not be set in conjunction with fetch"))
    if form.ports and form.portDefinitions and form.ports != tuple(port.port for port in form.portDefinitions):
        wrong.append(Violation("/", "cannot specify both ports and port definitions"))
    if form.ipAddress and (form.ports or form.portDefinitions):
        wrong.append(Violation("/", "cannot specify both an IP address and port"))
    if form.ipAddress and form.networks:
        wrong.append(Violation("/", "must not specify both networks and ipAddress"))
    if docker and docker.network and form.networks:
        wrong.append(Violation("/", "must not specify both container.docker.network and networks"))
    if docker and docker.network == "NONE":
        wrong.append(Violation("/container/docker/network", "NONE is not supported"))
    if docker and docker.portMappings and form.container and form.container.portMappings:
        wrong.append(Violation("/container", "cannot specify both portMappings and docker.portMappings"))
    if form.ipAddress and form.ipAddress.discovery and form.ipAddress.discovery.ports and form.container:
        if _engine(form.container) == "DOCKER":
            wrong.append(Violation("/ipAddress", "ipAddress/discovery is not allowed for Docker containers"))
        elif form.container.portMappings:
            wrong.append(Violation("/container/portMappings", "may not be set in conjunction with ipAddress/discovery"))
    if wrong:
        raise ValidationError(*wrong)


def _constraints(rows: tuple[tuple[str | None, ...], ...]) -> tuple[Constraint, ...]:
    wrong, constraints = [], []
    for i, row in enumerate(rows):
        words = row[:2] if row[2:] == (None,) else row
        operator = (words[1] or "").upper() if len(words) > 1 else ""
        if not 2 <= len(words) <= 3:
            wrong.append(Violation(f"/constraints({i})", "Each constraint must have either 2 or 3 fields"))
        elif operator not in OPERATORS:
            wrong.append(
                Violation(f"/constraints({i})", f"{words[1]} is no operator: use one of {', '.join(OPERATORS)}")
            )
        else:
            valued = words[2:] if words[2:] != ("",) or operator not in _EMPTY_IS_NONE else ()
            constraints.append(msgspec.convert([words[0] or "", operator, *valued], Constraint))
    if wrong:
        raise ValidationError(*wrong)
    return tuple(dict.fromkeys(constraints))


def _networks(form: AppForm) -> tuple[Network, ...] | None:
    """None: not given, in whatever form."""
    docker = form.container.docker if form.container else None
    address = form.ipAddress
    if docker and docker.network:
        mode = _LEGACY_MODES[docker.network]
    elif address:
        mode = "container/bridge" if address.networkName == _OLD_BRIDGE else "container"
    else:
        return form.networks
    named = address if address and mode != "host" else None
    name = named.networkName if named and mode == "container" else None
    return (msgspec.convert({"mode": mode, "name": name, "labels": named.labels if named else {}}, Network),)


def _engine(form: ContainerForm) -> str:
    return form.type or ("DOCKER" if form.docker else "MESOS")


def _container(form: ContainerForm, app: AppForm) -> Container:
    ports = form.portMappings
    if not ports and form.docker and form.docker.portMappings is not None:
        ports = form.docker.portMappings
    if ports is None and app.ipAddress and app.ipAddress.discovery and app.ipAddress.discovery.ports:
        ports = tuple(
            PortMapping(port.number, labels=port.labels, name=port.name, protocol=port.protocol)
            for port in app.ipAddress.discovery.ports
        )
    if secrets := [i for i, volume in enumerate(form.volumes) if volume.secret is not None]:
        raise ValidationError(
            *(Violation(f"/container/volumes({i})/secret", "secrets are not supported") for i in secrets)
        )
    return Container(
        "DOCKER" if _engine(form) == "DOCKER" else "MESOS",
        docker=msgspec.convert(form.docker, Docker, from_attributes=True) if form.docker else None,
        appc=form.appc,
        volumes=tuple(msgspec.convert(volume, Volume, from_attributes=True) for volume in form.volumes),
        portMappings=ports,
    )


def _with_defaults(app: App, form: AppForm, network_name: str | None) -> App:
    """What depends on other fields."""
    app = _with_ports(app, form, network_name)
    fields: dict[str, Any] = {}
    if app.healthChecks:
        fields["healthChecks"] = tuple(_check(check, bool(app.ports)) for check in app.healthChecks)
    if app.resident:
        fields["residency"] = app.residency or Residency()
        if app.unreachableStrategy == UnreachableStrategy() and form.unreachableStrategy is None:
            fields["unreachableStrategy"] = "disabled"
        if app.upgradeStrategy == UpgradeStrategy() and form.upgradeStrategy is None:
            fields["upgradeStrategy"] = UpgradeStrategy(maximumOverCapacity=0.0, minimumHealthCapacity=0.5)
    if app.acceptedResourceRoles is not None:
        fields["acceptedResourceRoles"] = tuple(dict.fromkeys(app.acceptedResourceRoles))
    return msgspec.structs.replace(app, **fields)


def _check(check: HealthCheck, ports: bool) -> HealthCheck:
    """Asks the first port if none was given, and does not pass over 1xx answers; a command is for COMMAND alone."""
    if ports and check.protocol != "COMMAND" and check.port is None and check.portIndex is None:
        check = msgspec.structs.replace(check, portIndex=0)
    if check.protocol != "COMMAND" and check.command is not None:
        check = msgspec.structs.replace(check, command=None)
    if check.protocol in ("HTTP", "HTTPS") and check.ignoreHttp1xx is None:
        check = msgspec.structs.replace(check, ignoreHttp1xx=False)
    return check


def _with_ports(app: App, form: AppForm, network_name: str | None) -> App:
    """Port definitions on the host's network, port mappings on others: one port where none was asked for."""
    replace = msgspec.structs.replace
    if app.network == "host":
        container = app.container and replace(app.container, portMappings=None)
        ports = app.portDefinitions if app.portDefinitions is not None else (PortDefinition(name="default"),)
        return replace(app, container=container, portDefinitions=ports)
    networks = tuple(
        replace(network, name=network_name) if network.mode == "container" and not network.name else network
        for network in app.networks
    )
    container = app.container or Container()
    mappings = (PortMapping(name="default"),) if container.portMappings is None else container.portMappings
    mappings += (PortMapping(),) * (len(form.ports or form.portDefinitions or ()) - len(mappings))
    if app.network == "container/bridge":
        mappings = tuple(replace(mapping, hostPort=0) if mapping.hostPort is None else mapping for mapping in mappings)
    container = replace(container, portMappings=mappings)
    return replace(app, networks=networks, container=container, portDefinitions=None, requirePorts=False)
