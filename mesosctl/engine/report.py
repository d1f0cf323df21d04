"""What happened on the hosts: plain data that the screen, the JSON output and the audit log are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Status(StrEnum):
    OK = "ok"
    """Held already."""
    CHANGED = "changed"
    PENDING = "pending"
    """A dry run found that it would change."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not tried: an earlier resource of the host failed, or it does not apply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One resource on one host."""

    resource: str
    status: Status
    message: str = ""
    """Why it failed, what will be done, or what the operator has to do."""
    diff: str = ""
    """Unified diff with secrets masked, where one was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a host dropped out: the cause by name, what was seen, and what to do."""

    cause: str
    """Stable id: unreachable, refused, timeout, host-key-unknown, host-key-changed, authentication, sudo-password,
    sudo-refused, no-space, package-lock, locked, interrupted, resource, connection-lost …"""
    message: str
    fix: str = ""


@dataclass(slots=True, kw_only=True)
class StageResult:
    """One stage on one host."""

    stage: str
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class HostReport:
    host: str
    stages: list[StageResult] = field(default_factory=list)
    failure: Failure | None = None
    notes: list[str] = field(default_factory=list)
    """What the operator has to do on this host, e.g. reboot."""

    def count(self, status: Status) -> int:
        return sum(result.status is status for stage in self.stages for result in stage.results)


@dataclass(slots=True, kw_only=True)
class Report:
    """A whole run."""

    run_id: str
    cluster: str
    action: str
    hosts: dict[str, HostReport] = field(default_factory=dict)
    seconds: float = 0.0
    interrupted: bool = False

    def count(self, status: Status) -> int:
        return sum(host.count(status) for host in self.hosts.values())

    @property
    def failed(self) -> bool:
        return self.interrupted or any(host.failure for host in self.hosts.values())


class Listener(Protocol):
    """Told of everything as it happens, from the worker threads, one call at a time."""

    def stage_started(self, stage: str, hosts: list[str]) -> None: ...

    def host_started(self, host: str, stage: str) -> None: ...

    def resource_started(self, host: str, stage: str, resource: str) -> None:
        """A step that may take long (a package, a service) has begun."""

    def result(self, host: str, stage: str, result: Result) -> None: ...

    def host_finished(self, host: str, stage: str, failure: Failure | None) -> None: ...


class Silent:
    """A listener for those who only want the report."""

    def stage_started(self, stage: str, hosts: list[str]) -> None: ...

    def host_started(self, host: str, stage: str) -> None: ...

    def resource_started(self, host: str, stage: str, resource: str) -> None: ...

    def result(self, host: str, stage: str, result: Result) -> None: ...

    def host_finished(self, host: str, stage: str, failure: Failure | None) -> None: ...
