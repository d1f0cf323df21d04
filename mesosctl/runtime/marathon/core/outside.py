"""What Marathon's decisions act on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

import msgspec

from mesosctl.runtime.marathon.core.records import Deployment, Instance
from mesosctl.runtime.marathon.model import Group
from mesosctl.runtime.protocol.containers import KillPolicy
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.tasks import TaskStatus


class RootChanged(msgspec.Struct, frozen=True):
    """Apps and groups of `new` that are not in `old`, or have another version there, are to be kept under theirs."""

    old: Group
    new: Group


class InstanceChanged(msgspec.Struct, frozen=True):
    instance: Instance


class InstanceRemoved(msgspec.Struct, frozen=True):
    id: str


class DeploymentAdded(msgspec.Struct, frozen=True):
    deployment: Deployment


class DeploymentRemoved(msgspec.Struct, frozen=True):
    id: str


Change: TypeAlias = RootChanged | InstanceChanged | InstanceRemoved | DeploymentAdded | DeploymentRemoved


class Purpose(StrEnum):
    HEALTH = "health"
    READINESS = "readiness"


class Probe(msgspec.Struct, frozen=True):
    """Ask a task once. `protocol` is HTTP, HTTPS or TCP; `timeout` in seconds."""

    purpose: Purpose
    task_id: str
    number: int
    """Which of the app's checks."""
    protocol: str
    host: str
    port: int
    path: str = "/"
    timeout: float = 20.0


class ProbeResult(msgspec.Struct, frozen=True):
    """What came back. `status` of HTTP, None without an answer; `connected` is enough for TCP."""

    connected: bool
    status: int | None = None
    cause: str = ""
    """Why there is no answer."""
    content_type: str | None = None
    body: str | None = None
    """Wanted for readiness only."""


class Outside(Protocol):
    """All of these return at once. Nothing is called back from within, but for `then` of `persist`, which may be."""

    def accept(self, offers: Sequence[Offer], operations: Sequence[Offer.Operation], refuse_seconds: float) -> None: ...

    def decline(self, offers: Sequence[Offer], refuse_seconds: float) -> None: ...

    def kill(self, task_id: str, agent_id: str | None, policy: KillPolicy | None) -> None: ...

    def revive(self) -> None: ...

    def suppress(self) -> None: ...

    def reconcile(self, tasks: Iterable[tuple[str, str | None]] | None) -> None:
        """Ask the master of these tasks (id, agent's id); None: of all it knows."""

    def acknowledge(self, status: TaskStatus) -> None: ...

    def persist(self, changes: Sequence[Change], then: Callable[[], None]) -> None:
        """Write them after those of earlier calls, all or none, and call `then` when they are safe."""

    def publish(self, event: dict[str, Any]) -> None:
        """An event as on the bus, with `eventType` and `timestamp`. A deployment's plan has `original` and `target` as
        the Groups they are."""

    def probe(self, probe: Probe) -> None:
        """`Marathon.probed` follows, within its timeout."""
