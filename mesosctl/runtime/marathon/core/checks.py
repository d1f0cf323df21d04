"""Health checks as Mesos runs them, and where Marathon's own are asked."""

from __future__ import annotations

from collections.abc import Sequence

from mesosctl.runtime.marathon.core.records import Instance
from mesosctl.runtime.marathon.model import App, HealthCheck, PortMapping
from mesosctl.runtime.marathon.model.app import ShellCommand
from mesosctl.runtime.protocol import tasks
from mesosctl.runtime.protocol.containers import CommandInfo, NetworkInfo

_Mesos = tasks.HealthCheck
_Check = tasks.CheckInfo
_BY_MESOS = {
    "COMMAND": _Mesos.Type.COMMAND,
    "MESOS_HTTP": _Mesos.Type.HTTP,
    "MESOS_HTTPS": _Mesos.Type.HTTP,
    "MESOS_TCP": _Mesos.Type.TCP,
}


def by_mesos(check: HealthCheck) -> bool:
    return check.protocol in _BY_MESOS


def mesos_health_check(app: App, ports: Sequence[int | None]) -> _Mesos | None:
    """The first that an agent runs: a task has one at most."""
    check = next((check for check in app.healthChecks if by_mesos(check)), None)
    if check is None:
        return None
    kind = _BY_MESOS[check.protocol]
    port = _port_for_mesos(app, check, ports)
    protocol = NetworkInfo.Protocol[check.ipProtocol]
    http = tcp = None
    if kind is _Mesos.Type.HTTP:
        scheme = "https" if check.protocol == "MESOS_HTTPS" else "http"
        http = _Mesos.HTTPCheckInfo(port=port, protocol=protocol, scheme=scheme, path=check.path or "/")
    elif kind is _Mesos.Type.TCP:
        tcp = _Mesos.TCPCheckInfo(port=port, protocol=protocol)
    return _Mesos(
        type=kind,
        http=http,
        tcp=tcp,
        command=CommandInfo(value=check.command.value) if check.command else None,
        delay_seconds=float(check.delaySeconds),
        interval_seconds=float(check.intervalSeconds),
        timeout_seconds=float(check.timeoutSeconds),
        consecutive_failures=check.maxConsecutiveFailures,
        grace_period_seconds=float(check.gracePeriodSeconds),
    )


def mesos_check(app: App, ports: Sequence[int | None]) -> _Check | None:
    """The check whose result an agent tells with every status."""
    check = app.check
    if check is None:
        return None
    kind, command, http, tcp = _Check.Type.TCP, None, None, None
    if check.exec is not None:
        kind, command = _Check.Type.COMMAND, _Check.Command(command_info(check.exec.command))
    elif check.http is not None:
        kind = _Check.Type.HTTP
        http = _Check.Http(_port_in_container(app, check.http.portIndex, ports), check.http.path or "/")
    elif check.tcp is not None:
        tcp = _Check.Tcp(_port_in_container(app, check.tcp.portIndex, ports))
    return _Check(
        type=kind,
        command=command,
        http=http,
        tcp=tcp,
        delay_seconds=float(check.delaySeconds),
        interval_seconds=float(check.intervalSeconds),
        timeout_seconds=float(check.timeoutSeconds),
    )


def command_info(command: ShellCommand) -> CommandInfo:
    words = command.argv or ()
    for_shell = command.shell is not None
    return CommandInfo(shell=for_shell, value=command.shell if for_shell else words[0], arguments=words)


def address(instance: Instance, check: HealthCheck) -> tuple[str, int] | None:
    """Where Marathon asks: the host and the host's port, or the container's own address. None where there is none."""
    if instance.agent is None or instance.task is None:
        return None
    host = instance.agent.host
    if check.port is not None:
        return host, check.port
    return endpoint(instance, check.portIndex or 0)


def endpoint(instance: Instance, index: int) -> tuple[str, int] | None:
    """Where the port of that index of an instance is reached."""
    if instance.agent is None or instance.task is None or index >= len(instance.app.ports):
        return None
    port = instance.task.ports[index]
    if port is not None:
        return instance.agent.host, port
    asked = instance.app.ports[index]
    addresses = instance.task.addresses
    if isinstance(asked, PortMapping) and addresses:
        return addresses[0], asked.containerPort
    return None


def _port_for_mesos(app: App, check: HealthCheck, ports: Sequence[int | None]) -> int:
    """The agent's checks run in the container's network."""
    return check.port if check.port is not None else _port_in_container(app, check.portIndex or 0, ports)


def _port_in_container(app: App, index: int, ports: Sequence[int | None]) -> int:
    if index >= len(ports):
        return 0
    asked, host = app.ports[index], ports[index]
    if isinstance(asked, PortMapping) and asked.containerPort:
        return asked.containerPort
    return host or 0
