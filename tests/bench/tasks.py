"""How fast tasks are on one agent: `python -m tests.bench.tasks [--rounds 20] [--tasks 200] [--json FILE]`.

A real master and a real agent on loopback, the mesos containerizer as it is by default, `true` as the command. First
one task after the other: from the ACCEPT to each status, read from the scheduler's stream. Then many at once in one
ACCEPT. In between, in turn with them, a shell starts `/bin/true` as often: the least that this machine needs just now.
Milliseconds, medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.framework import Framework, task
from tests.bench.measure import measure as measure_process
from tests.integration.programs import Programs

LIMIT = 120.0
CPUS, MEM = 0.001, 1.0
STATES = ("TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED")
MESOS = {
    "TASK_STARTING, ms": 273.0,
    "TASK_RUNNING, ms": 281.0,
    "TASK_FINISHED, ms": 467.0,
    "tasks a second, many at once": 4.1,
}
"""Apache Mesos 1.11 on this kind of machine when it was idle, 200 at once; it is not part of this run."""
_LOOP = "i=0; while [ $i -lt {count} ]; do /bin/true; i=$((i+1)); done"


def measure(folder: Path, rounds: int, tasks: int) -> dict[str, float]:
    """By name. RuntimeError where a task does not finish."""
    programs = Programs(folder)
    samples: dict[str, list[float]] = {}
    try:
        start = time.monotonic()
        programs.start_master("--allocation_interval=100ms")
        samples["master listens"] = [_milliseconds(start)]
        start = time.monotonic()
        programs.start_agent()
        samples["agent registered"] = [_milliseconds(start)]
        framework = Framework("127.0.0.1", programs.master_port, {"user": "root", "name": "bench"}, LIMIT)
        for number in range(rounds):
            for state, seconds in _run(framework, [f"one-{number}"]).items():
                samples.setdefault(f"{state}, ms", []).append(seconds * 1000)
            samples.setdefault("sh starts true, ms", []).append(_loop(folder, 10) / 10 * 1000)
        for number in range(3):
            seconds = _run(framework, [f"many-{number}-{each}" for each in range(tasks)])["TASK_FINISHED"]
            samples.setdefault("tasks a second, many at once", []).append(tasks / seconds)
            loop = _loop(folder, tasks)
            samples.setdefault("sh starts true, a second", []).append(tasks / loop)
            samples.setdefault("a task costs as much as so many starts by sh", []).append(seconds / loop)
        framework.close()
    finally:
        programs.stop()
    return {name: round(statistics.median(values), 1) for name, values in samples.items()}


def _run(framework: Framework, names: list[str]) -> dict[str, float]:
    """Launch tasks in one ACCEPT: after how many seconds the last of them was in each state."""
    framework.call("REVIVE")
    offer = framework.event("OFFERS")["offers"]["offers"][0]
    framework.call("SUPPRESS")  # offers that come meanwhile would be lost
    tasks = [task(name, offer["agent_id"], CPUS, MEM) for name in names]
    start = time.monotonic()
    framework.launch([offer], tasks, 0)
    found: dict[str, float] = {}
    missing = set(names)
    while missing:
        status: dict[str, Any] = framework.event("UPDATE")["update"]["status"]
        state = status["state"]
        if state not in STATES:
            raise RuntimeError(f"A task came to {state}: {status.get('message')}")
        found[state] = time.monotonic() - start
        if state == STATES[-1]:
            missing.discard(status["task_id"]["value"])
        framework.acknowledge(status)
    return found


def _loop(folder: Path, count: int) -> float:
    """Seconds that a shell needs to start `true` so often, one after the other."""
    return measure_process(["sh", "-c", _LOOP.format(count=count)], folder / "loop.log", timeout=LIMIT).wall


def _milliseconds(start: float) -> float:
    return (time.monotonic() - start) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.tasks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=200, help="in one ACCEPT")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        found = measure(Path(folder), options.rounds, options.tasks)
    for name, value in found.items():
        mesos = f"   Apache Mesos: {MESOS[name]:.1f}" if name in MESOS else ""
        print(f"{name:46} {value:10.1f}{mesos}")
    print(f"{'load of the machine, one minute':46} {os.getloadavg()[0]:10.1f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
