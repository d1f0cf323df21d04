"""How fast Marathon is: `python -m tests.bench.marathon [--apps 1000] [--instances 10] [--agents 100] [--json FILE]`.

First a real master and a real agent: apps posted one after the other, until each has its task running. Then a real
master with simulated agents (`swarm`), whose tasks run as soon as they are launched: all apps in one group are deployed
at once, listed, changed; then Marathon is killed and started anew on what it stored, in a file and in a real ZooKeeper.
Seconds of wall time unless the name says otherwise; everything shares the machine's cores.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.master import LIMIT, Master, SwarmProcesses, wait_until
from tests.bench.processes import cpu_seconds, megabytes
from tests.integration.marathon import Marathon, site
from tests.integration.zookeeper import ZooKeeper

GROUP = "/bench"
SESSION_SECONDS = 5.0
"""With ZooKeeper: one that was killed counts as the leader for that long."""


def app(id: str, instances: int = 1) -> dict[str, Any]:
    return {"id": id, "cmd": "sleep 100000", "cpus": 0.01, "mem": 1, "instances": instances, "portDefinitions": []}


def real(folder: Path, apps: int) -> dict[str, float]:
    """With a real agent: each app is posted when the one before was answered."""
    with site(folder) as programs:
        marathon = Marathon(folder, f"127.0.0.1:{programs.master_port}", f"file://{folder / 'state'}")
        _start(marathon, "--disable_ha")
        try:
            start = time.monotonic()
            for number in range(apps):
                marathon.change("POST", "/v2/apps", app(f"{GROUP}/app-{number}"))
            posted = time.monotonic() - start
            _deployed(marathon)
            ready = time.monotonic() - start
        finally:
            marathon.change("DELETE", f"/v2/groups{GROUP}?force=true")
            _deployed(marathon)
            marathon.kill()
    return {"apps posted a second": apps / posted, "apps ready a second, real agent": apps / ready}


def simulated(folder: Path, store: str, flags: tuple[str, ...], size: tuple[int, int, int]) -> dict[str, float]:
    """`size`: apps, instances of each, agents."""
    apps, instances, agents = size
    master = Master(folder)
    master.start()
    swarm = SwarmProcesses(master.port, agents, 0)
    marathon = Marathon(folder, f"127.0.0.1:{master.port}", store, SESSION_SECONDS)
    found: dict[str, float] = {}
    try:
        wait_until(lambda: swarm.registered == agents)
        _start(marathon, *flags)
        start, cpu = time.monotonic(), cpu_seconds(marathon.pid)
        group = {"id": GROUP, "apps": [app(f"app-{number}", instances) for number in range(apps)]}
        marathon.change("PUT", "/v2/groups", group)
        found["all apps posted as one group"] = time.monotonic() - start
        _deployed(marathon)
        found["all tasks running"] = time.monotonic() - start
        found["all tasks running, CPU of Marathon"] = cpu_seconds(marathon.pid) - cpu
        found["memory, MB"] = megabytes(marathon.pid)
        found |= _reads(marathon)
        found |= _one_change(marathon)
        start = time.monotonic()
        marathon.kill()
        _start(marathon, *flags)
        wait_until(lambda: _running(marathon) == apps * instances, _tail(marathon))
        found["all apps again after a kill"] = time.monotonic() - start
        found["all apps again after a kill, CPU of Marathon"] = cpu_seconds(marathon.pid)
        found["memory after it, MB"] = megabytes(marathon.pid)
    finally:
        marathon.kill()
        swarm.end()
        master.kill()
    return found


def measure(folder: Path, size: tuple[int, int, int], real_apps: int) -> dict[str, float]:
    """What the module's text says, by name."""
    folders = [folder / name for name in ("real", "file", "zookeeper", "server")]
    for each in folders:
        each.mkdir()
    found = real(folders[0], real_apps)
    found |= simulated(folders[1], f"file://{folders[1] / 'state'}", ("--disable_ha",), size)
    server = ZooKeeper(folders[3])
    server.start()
    try:
        for name, value in simulated(folders[2], server.url("marathon"), (), size).items():
            found[f"{name}; ZooKeeper"] = value
    finally:
        server.kill()
    return {name: round(value, 3) for name, value in found.items()}


def _deployed(marathon: Marathon) -> None:
    """Not asked too often: what it costs Marathon to answer is not to be measured."""

    def look() -> bool:
        time.sleep(0.2)
        return bool(marathon.get("/v2/deployments").json == [])

    wait_until(look, _tail(marathon))


def _start(marathon: Marathon, *flags: str) -> None:
    """Until it leads and is subscribed."""
    marathon.start(*flags)
    wait_until(lambda: _answered(marathon, "/v2/info").get("frameworkId") is not None, _tail(marathon))


def _reads(marathon: Marathon) -> dict[str, float]:
    found: dict[str, float] = {}
    for path in ("/v2/apps", "/v2/apps?embed=apps.tasks", "/v2/apps?embed=apps.taskStats", "/v2/groups", "/v2/tasks"):
        best, size = LIMIT, 0
        for _ in range(3):
            start = time.monotonic()
            size = len(marathon.get(path).body)
            best = min(best, time.monotonic() - start)
        found[path] = best
        found[f"{path}, MB"] = size / 1e6
    return found


def _one_change(marathon: Marathon) -> dict[str, float]:
    """An app more, among all the others, until it runs; and what that costs."""
    start, cpu = time.monotonic(), cpu_seconds(marathon.pid)
    rounds = 10
    for number in range(rounds):
        marathon.change("POST", "/v2/apps", app(f"/more-{number}"))
    found = {"one app more, posted": (time.monotonic() - start) / rounds}
    _deployed(marathon)
    found["one app more, CPU of Marathon, ms"] = (cpu_seconds(marathon.pid) - cpu) / rounds * 1000
    for number in range(rounds):
        marathon.change("DELETE", f"/v2/apps/more-{number}")
    _deployed(marathon)
    return found


def _running(marathon: Marathon) -> int:
    return sum(each["tasksRunning"] for each in _answered(marathon, "/v2/apps").get("apps", ()))


def _answered(marathon: Marathon, path: str) -> dict[str, Any]:
    """Empty where there is no good answer yet."""
    try:
        answer = marathon.get(path)
    except OSError:
        return {}
    found: dict[str, Any] = answer.json if answer.status == 200 else {}
    return found


def _tail(marathon: Marathon) -> Callable[[], str]:
    return lambda: marathon.log.read_text(errors="replace")[-3000:]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.marathon", description=__doc__)
    parser.add_argument("--apps", type=int, default=1000)
    parser.add_argument("--instances", type=int, default=10, help="of each app")
    parser.add_argument("--agents", type=int, default=100, help="simulated")
    parser.add_argument("--real", type=int, default=100, help="apps on the real agent")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        found = measure(Path(folder), (options.apps, options.instances, options.agents), options.real)
    for name, value in found.items():
        print(f"{name:60} {value:12.3f}")
    print(f"{'load of the machine, one minute':60} {os.getloadavg()[0]:12.1f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
