"""`?embed=apps.taskStats`: how an app's tasks fare, by the version they run and by when they were started."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import mean, median
from typing import Any

from mesosctl.runtime.marathon.core.marathon import Marathon
from mesosctl.runtime.marathon.core.records import Condition, Instance
from mesosctl.runtime.marathon.core.versions import seconds
from mesosctl.runtime.marathon.model import App, config_version

Json = dict[str, Any]

STAGED = frozenset({Condition.PROVISIONED, Condition.STAGING, Condition.STARTING})


def counts(marathon: Marathon, instances: Sequence[Instance]) -> dict[str, int]:
    """As in `tasksStaged` and so on."""
    return {f"tasks{name.capitalize()}": number for name, number in _counts(marathon, instances).items()}


def statistics(marathon: Marathon, app: App, instances: Sequence[Instance]) -> Json:
    scaled = seconds(app.versionInfo.lastScalingAt) if app.versionInfo else 0.0
    latest = [each for each in instances if config_version(each.app) == config_version(app)]
    parts = {
        "startedAfterLastScaling": [each for each in instances if each.task and each.task.staged_at >= scaled],
        "withLatestConfig": latest,
        "withOutdatedConfig": [each for each in instances if each not in latest],
        "totalSummary": instances,
    }
    return {name: {"stats": _statistics(marathon, part)} for name, part in parts.items() if part}


def _statistics(marathon: Marathon, instances: Sequence[Instance]) -> Json:
    view: Json = {"counts": _counts(marathon, instances)}
    now = time.time()
    lives = [now - each.task.started_at for each in instances if each.task and each.task.started_at is not None]
    if lives:
        view["lifeTime"] = {"averageSeconds": mean(lives), "medianSeconds": median(lives)}
    return view


def _counts(marathon: Marathon, instances: Sequence[Instance]) -> dict[str, int]:
    running = [instance for instance in instances if instance.condition is Condition.RUNNING]
    health = [marathon.healthy(instance) for instance in running]
    return {
        "staged": sum(instance.condition in STAGED for instance in instances),
        "running": len(running),
        "healthy": health.count(True),
        "unhealthy": health.count(False),
    }
