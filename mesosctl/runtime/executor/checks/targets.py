"""What a check tries once: a command, an HTTP request or a TCP connection, from CheckInfo and HealthCheck alike."""

from __future__ import annotations

from dataclasses import dataclass

from mesosctl.runtime.protocol.containers import CommandInfo, NetworkInfo
from mesosctl.runtime.protocol.tasks import CheckInfo, HealthCheck


@dataclass(frozen=True)
class CommandTarget:
    """Its result is the exit code."""

    command: CommandInfo


@dataclass(frozen=True)
class HttpTarget:
    """Its result is the status code of the last answer, redirections being followed."""

    port: int
    path: str = ""
    scheme: str = "http"
    is_ipv6: bool = False


@dataclass(frozen=True)
class TcpTarget:
    """Its result is whether a connection is accepted."""

    port: int
    is_ipv6: bool = False


Target = CommandTarget | HttpTarget | TcpTarget
Result = int | bool | None
"""None: no result, because it took too long or could not be tried."""


def check_target(check: CheckInfo) -> Target:
    """Raises ValueError where the check lacks what its type needs."""
    match check.type:
        case CheckInfo.Type.COMMAND if check.command:
            return CommandTarget(check.command.command)
        case CheckInfo.Type.HTTP if check.http:
            return HttpTarget(check.http.port, check.http.path or "")
        case CheckInfo.Type.TCP if check.tcp:
            return TcpTarget(check.tcp.port)
        case _:
            raise ValueError("The check has no valid type")


def health_target(check: HealthCheck) -> Target:
    """Raises ValueError where the check lacks what its type needs."""
    ipv6 = NetworkInfo.Protocol.IPv6
    match check.type:
        case HealthCheck.Type.COMMAND if check.command:
            return CommandTarget(check.command)
        case HealthCheck.Type.HTTP if check.http:
            http = check.http
            return HttpTarget(http.port, http.path or "", http.scheme or "http", http.protocol is ipv6)
        case HealthCheck.Type.TCP if check.tcp:
            return TcpTarget(check.tcp.port, check.tcp.protocol is ipv6)
        case _:
            raise ValueError("The health check has no valid type")


def is_success(target: Target, result: Result) -> bool:
    """Whether a result means health."""
    match target:
        case _ if result is None:
            return False
        case CommandTarget():
            return result == 0
        case HttpTarget():
            return 200 <= result < 400
        case TcpTarget():
            return bool(result)
