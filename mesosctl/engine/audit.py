"""The audit log: who ran what, when, with which result. JSON lines in the cluster's state folder, secrets masked.

A run writes one line when it begins and one when it ends; a run that was killed has only the first.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mesosctl.engine import lock
from mesosctl.engine.report import Report, Status
from mesosctl.inventory.model import Cluster
from mesosctl.inventory.state import ClusterState


def begin(cluster: Cluster, report: Report, mask: Callable[[str], str]) -> None:
    """Record that a run begins."""
    _append(
        cluster,
        {
            "event": "begin",
            "run": report.run_id,
            "time": _now(),
            "user": lock.owner(),
            "action": report.action,
            "command": [mask(word) for word in sys.argv],
            "inventory": str(cluster.path),
            "hosts": sorted(report.hosts),
        },
    )


def end(cluster: Cluster, report: Report, mask: Callable[[str], str], error: BaseException | None) -> None:
    """Record how a run ended: `error` is what stopped it, None when it ran to its end."""
    result = "interrupted" if report.interrupted else "failed" if error or report.failed else "ok"
    _append(
        cluster,
        {
            "event": "end",
            "run": report.run_id,
            "time": _now(),
            "result": result,
            "error": mask(str(error)) if error and not report.interrupted else "",
            "seconds": round(report.seconds, 1),
            "changed": report.count(Status.CHANGED),
            "failed_hosts": {name: host.failure.cause for name, host in report.hosts.items() if host.failure},
        },
    )


def records(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """The runs, oldest first: what `begin` recorded, joined with what `end` did. A run without an end, one that was
    killed or still goes on, has the result "no end"."""
    path = ClusterState(cluster.state_dir).audit
    runs: dict[str, dict[str, Any]] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue  # the last line of a machine that lost power
        runs.setdefault(record["run"], {"result": "no end"}).update({k: v for k, v in record.items() if k != "event"})
    yield from runs.values()


def _append(cluster: Cluster, record: dict[str, Any]) -> None:
    path: Path = ClusterState(cluster.state_dir).audit
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, (json.dumps(record) + "\n").encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
