"""What Marathon tells of an app, boiled down to what an operator wants to know: how many instances do what, where they
listen, why one waits, what failed last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

WORDS = {
    "UnfulfilledRole": "the offers are for other roles",
    "UnfulfilledConstraint": "the constraints are not met",
    "NoCorrespondingReservationFound": "no matching reservation",
    "InsufficientCpus": "not enough CPUs",
    "InsufficientMemory": "not enough memory",
    "InsufficientDisk": "not enough disk",
    "InsufficientGpus": "not enough GPUs",
    "InsufficientPorts": "the ports are not free",
    "AgentMaintenance": "the agents are under maintenance",
    "DeclinedScarceResources": "only agents with GPUs are left",
}
"""Marathon's names of the reasons for which it leaves an offer (NoOfferMatchReason), in the queue's summaries."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why offers were left."""

    words: str
    declined: int
    processed: int

    def __str__(self) -> str:
        return f"{self.words} ({self.declined} of {self.processed} offers)"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Instances that are not launched yet."""

    count: int
    delay: float
    """Seconds until the next try, after failures."""
    offers: int
    """Offers looked at so far."""
    reasons: tuple[Reason, ...]

    @property
    def why(self) -> tuple[str, ...]:
        """Without figures, which change all the time."""
        if self.delay:
            return ("tried again after a pause, because it failed",)
        if not self.offers:
            return ("no offer of an agent has come yet",)
        return tuple(reason.words for reason in self.reasons) or ("no offer fits yet",)

    def __str__(self) -> str:
        if self.delay or not self.reasons:
            pause = f" of {self.delay:.0f} s more" if self.delay else ""
            return self.why[0].replace("a pause", f"a pause{pause}")
        return ", ".join(map(str, self.reasons))


@dataclass(frozen=True, slots=True)
class Instance:
    task: str
    state: str
    host: str
    ports: tuple[int, ...]
    agent: str
    """The agent's id."""
    healthy: bool | None
    """None where nobody checks, or has yet."""
    outdated: bool
    """Whether it is of an older configuration."""
    since: str
    version: str

    @property
    def young(self) -> bool:
        """Whether its agent may not know it yet."""
        return self.state == "TASK_STAGING"

    @property
    def short(self) -> str:
        """What tells it from others, in a few characters: the beginning of its UUID."""
        found = re.search(r"(?:instance-|\.)([0-9a-f]{8})-", self.task)
        return found[1] if found else self.task

    @property
    def addresses(self) -> tuple[str, ...]:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return tuple(f"{host}:{port}" for port in self.ports)


@dataclass(frozen=True, slots=True)
class Failure:
    """How a task ended last that should not have."""

    task: str
    state: str
    message: str
    host: str
    agent: str
    """The agent's id."""
    at: str
    """As Marathon writes times: they sort as text."""

    def __str__(self) -> str:
        text = self.message.strip()
        return f"{self.state}{f' on {self.host}' if self.host else ''}{f': {text}' if text else ''}"

    @property
    def instance(self) -> Instance:
        """The instance that failed."""
        return Instance(self.task, self.state, self.host, (), self.agent, None, False, self.at, "")


@dataclass(frozen=True, slots=True)
class AppState:
    id: str
    wanted: int
    instances: tuple[Instance, ...]
    checked: bool
    """Whether there are health checks."""
    version: str
    deployments: tuple[str, ...]
    waiting: Waiting | None
    failure: Failure | None

    def count(self, state: str) -> int:
        """Instances of the present configuration in a state."""
        return sum(each.state == state and not each.outdated for each in self.instances)

    @property
    def running(self) -> int:
        return self.count("TASK_RUNNING")

    @property
    def staged(self) -> int:
        return self.count("TASK_STAGING") + self.count("TASK_STARTING")

    @property
    def healthy(self) -> int:
        return sum(each.healthy is True and not each.outdated for each in self.instances)

    @property
    def unhealthy(self) -> int:
        return sum(each.healthy is False and not each.outdated for each in self.instances)

    @property
    def outdated(self) -> int:
        return sum(each.outdated for each in self.instances)

    @property
    def ready(self) -> bool:
        """As many as wanted run and, where there are checks, are healthy."""
        good = self.healthy if self.checked else self.running
        return good >= self.wanted and len(self.instances) == self.wanted

    @property
    def status(self) -> str:
        """One word, as on Marathon's page."""
        if self.deployments:
            return "deploying"
        if self.waiting and self.waiting.delay:
            return "delayed"
        if self.waiting:
            return "waiting"
        if self.wanted == 0 and not self.instances:
            return "suspended"
        if self.unhealthy:
            return "unhealthy"
        return "running" if self.ready else "unsettled"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where those listen that run."""
        running = (each for each in self.instances if each.state == "TASK_RUNNING")
        return tuple(address for each in running for address in each.addresses)

    @property
    def summary(self) -> str:
        """`2 of 3 running, 1 healthy, 1 staged, 1 old`."""
        parts = [f"{self.running} of {self.wanted} running"]
        if self.checked:
            parts.append(f"{self.healthy} healthy")
        for count, word in ((self.unhealthy, "unhealthy"), (self.staged, "staged"), (self.outdated, "old")):
            if count:
                parts.append(f"{count} {word}")
        return ", ".join(parts)


def states(apps: Iterable[Json], queue: Iterable[Json]) -> dict[str, AppState]:
    """By id, from `/v2/apps?embed=apps.tasks…` and `/v2/queue`."""
    waiting = {str((item.get("app") or {}).get("id")): item for item in queue}
    return {str(app["id"]): _state(app, waiting.get(str(app["id"]))) for app in apps if "id" in app}


def _state(app: Json, item: Json | None) -> AppState:
    info = app.get("versionInfo") or {}
    changed = str(info.get("lastConfigChangeAt") or "")
    there = (task for task in app.get("tasks") or () if not _suspended(task))
    tasks = sorted(there, key=lambda task: str(task.get("stagedAt", "")))
    return AppState(
        id=str(app["id"]),
        wanted=int(app.get("instances", 1)),
        instances=tuple(_instance(task, changed) for task in tasks),
        checked=bool(app.get("healthChecks")),
        version=str(app.get("version", "")),
        deployments=tuple(str(each.get("id")) for each in app.get("deployments") or ()),
        waiting=_waiting(item) if item else None,
        failure=_failure(app.get("lastTaskFailure")),
    )


def _suspended(task: Json) -> bool:
    """Nothing of it but its volumes: Marathon lists those, too."""
    return bool(task.get("localVolumes")) and not task.get("stagedAt") and not task.get("startedAt")


def _instance(task: Json, changed: str) -> Instance:
    results = task.get("healthCheckResults") or ()
    version = str(task.get("version", ""))
    return Instance(
        task=str(task.get("id", "")),
        state=str(task.get("state", "")),
        host=str(task.get("host", "")),
        ports=tuple(int(port) for port in task.get("ports") or ()),
        agent=str(task.get("slaveId", "")),
        healthy=all(result.get("alive") for result in results) if results else None,
        outdated=bool(version and changed and version < changed),
        since=str(task.get("startedAt") or task.get("stagedAt") or ""),
        version=version,
    )


def _waiting(item: Json) -> Waiting:
    delay = item.get("delay") or {}
    summary = item.get("processedOffersSummary") or {}
    reasons = summary.get("rejectSummaryLastOffers") or summary.get("rejectSummaryLaunchAttempt") or ()
    return Waiting(
        count=int(item.get("count", 0)),
        delay=0.0 if delay.get("overdue", True) else float(delay.get("timeLeftSeconds", 0)) or 1.0,
        offers=int(summary.get("processedOffersCount", 0)),
        reasons=tuple(_reason(each) for each in reasons if each.get("declined")),
    )


def _reason(told: Mapping[str, Any]) -> Reason:
    name = str(told.get("reason", ""))
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return Reason(WORDS.get(name, plain), int(told.get("declined", 0)), int(told.get("processed", 0)))


def _failure(told: Mapping[str, Any] | None) -> Failure | None:
    if not told:
        return None
    fields = {name: str(told.get(key) or "") for name, key in _FAILURE.items()}
    return Failure(**fields)


_FAILURE = {
    "task": "taskId",
    "state": "state",
    "message": "message",
    "host": "host",
    "agent": "slaveId",
    "at": "timestamp",
}
