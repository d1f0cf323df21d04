"""A master with very many agents: `python -m tests.bench.master [--agents 10000] [--tasks 10] [--json FILE]`.

A real master in a process of its own with its registry in a file, simulated agents (`swarm`) in two others, all over
loopback: two cores carry all of them. The agents come with their tasks; then operators look at `/state`, a framework
gets an offer of every agent, declines them, launches tasks; then the master is killed and started anew, and all come
back by themselves. Seconds of wall time unless the name says otherwise.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from tests.bench.framework import Framework, task
from tests.bench.processes import cpu_seconds, megabytes
from tests.bench.swarm import FRAMEWORK
from tests.ports import free_port

LIMIT = 600.0
"""Seconds after which the bench gives up."""
PROCESSES = 2
"""Of the swarm."""
IDLE_SECONDS = 10.0
HOST = "127.0.0.1"


class Master:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Seconds until it answers."""
        start = time.monotonic()
        flags = [f"--ip={HOST}", f"--port={self.port}", f"--work_dir={self._folder}", "--offer_timeout=1hrs"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mesosctl.runtime.master", *flags], stdout=log, stderr=log
            )
        wait_until(self._answers, self._log)
        return time.monotonic() - start

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def get(self, path: str) -> bytes:
        """Raises OSError, also where the status is not 200."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=LIMIT)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise OSError(f"{path} was answered with {answer.status}")
            return body
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        return float(msgspec.json.decode(self.get("/metrics/snapshot"))[f"master/{name}"])

    def cpu(self) -> float:
        """Seconds of the processor until now."""
        assert self._process
        return cpu_seconds(self._process.pid)

    def memory(self, name: str = "VmRSS") -> float:
        """Megabytes; VmHWM is the most that it ever had."""
        assert self._process
        return megabytes(self._process.pid, name)

    def _answers(self) -> bool:
        try:
            return self.get("/health") == b""
        except OSError:
            return False

    def _log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-3000:]


class SwarmProcesses:
    """`registered` is how many agents believe that they are."""

    def __init__(self, port: int, agents: int, tasks: int) -> None:
        shares = [agents * number // PROCESSES for number in range(PROCESSES + 1)]
        self._registered, self._registrations = [0] * PROCESSES, [0] * PROCESSES
        self.history: list[tuple[float, int]] = []
        """When (CLOCK_MONOTONIC) there had been how many registrations."""
        self._processes = []
        for index, (first, last) in enumerate(pairwise(shares)):
            command = [sys.executable, "-m", "tests.bench.swarm", *map(str, (port, first, last - first, tasks))]
            process = subprocess.Popen(command, stdout=subprocess.PIPE)
            self._processes.append(process)
            threading.Thread(target=self._read, args=(index, process), daemon=True).start()

    @property
    def registered(self) -> int:
        return sum(self._registered)

    def reached(self, count: int) -> float:
        """When there had been so many registrations."""
        return min(at for at, registrations in self.history if registrations >= count)

    def end(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def _read(self, index: int, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        for line in process.stdout:
            found = json.loads(line)
            self._registered[index], self._registrations[index] = found["registered"], found["registrations"]
            self.history.append((found["at"], sum(self._registrations)))


def wait_until(condition: Callable[[], bool], complaint: Callable[[], str] = str) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(complaint())
        time.sleep(0.02)


def measure(folder: Path, agents: int, tasks_each: int, launched: int, idle: float = IDLE_SECONDS) -> dict[str, float]:
    """What the module's text says, by name. `launched` tasks are started, and end at once."""
    _allow_files(agents + 1000)
    master = Master(folder)
    found = {"master listens": master.start()}
    swarm = SwarmProcesses(master.port, agents, tasks_each)
    try:
        start, cpu = time.monotonic(), master.cpu()
        wait_until(lambda: swarm.registered == agents)
        found["all agents admitted"] = swarm.reached(agents) - start
        found["all agents admitted, CPU of the master"] = master.cpu() - cpu
        wait_until(lambda: master.metric("slaves_active") == agents)
        found["memory, MB"] = master.memory()
        found |= _state(master)
        found |= _offers(master, agents, launched, idle)
        start = time.monotonic()
        master.kill()
        found["new master listens"] = master.start()
        began, cpu = time.monotonic(), master.cpu()
        wait_until(lambda: swarm.history[-1][1] >= 2 * agents and swarm.registered == agents)
        back = swarm.reached(2 * agents)
        found["half of the agents back, after the kill"] = swarm.reached(agents + agents // 2) - start
        found["all agents back, after the kill"] = back - start
        found["all agents back, after the new master listens"] = back - began
        found["all agents back, CPU of the master"] = master.cpu() - cpu
        wait_until(lambda: master.metric("slaves_active") == agents)
        wait_until(lambda: master.metric("tasks_running") == agents * tasks_each)
        found["memory after it, MB"] = master.memory()
        found["most memory, MB"] = master.memory("VmHWM")
    finally:
        swarm.end()
        master.kill()
    return {name: round(value, 3) for name, value in found.items()}


def _state(master: Master) -> dict[str, float]:
    found: dict[str, float] = {}
    with _longest_wait(master) as waits:
        for _ in range(3):
            start, cpu = time.monotonic(), master.cpu()
            size = len(master.get("/state"))
            found["/state"] = min(found.get("/state", LIMIT), time.monotonic() - start)
            found["/state, CPU of the master"] = master.cpu() - cpu
            found["/state, MB"] = size / 1e6
    return found | {"/health meanwhile, at most": max(waits)}


def _offers(master: Master, agents: int, launched: int, idle: float) -> dict[str, float]:
    found: dict[str, float] = {}
    start = time.monotonic()
    framework = Framework(HOST, master.port, msgspec.to_builtins(FRAMEWORK), LIMIT)
    offers: list[dict[str, Any]] = []
    while len(offers) < agents:
        offers += framework.event("OFFERS")["offers"]["offers"]
    found["an offer of every agent"] = time.monotonic() - start
    start = time.monotonic()
    used, unused = offers[: max(1, agents // 100)], offers[max(1, agents // 100) :]
    framework.call("DECLINE", offer_ids=[each["id"] for each in unused], filters={"refuse_seconds": 3600})
    found["all declined"] = time.monotonic() - start
    start, cpu = time.monotonic(), master.cpu()
    for index, offer in enumerate(used):
        names = range(launched * index // len(used), launched * (index + 1) // len(used))
        framework.launch([offer], [task(f"short-{name}", offer["agent_id"], 0.001, 1) for name in names], 3600)
    finished = 0
    while finished < launched:
        status = framework.event("UPDATE")["update"]["status"]
        finished += status["state"] == "TASK_FINISHED"
        framework.acknowledge(status)
    found["tasks a second through the master"] = launched / (time.monotonic() - start)
    found["CPU of the master for a task, ms"] = (master.cpu() - cpu) / launched * 1000
    start, cpu = time.monotonic(), master.cpu()
    with _longest_wait(master) as waits:
        time.sleep(idle)
    found["idle, CPU seconds of the master in a second"] = (master.cpu() - cpu) / (time.monotonic() - start)
    return found | {"idle, /health at most": max(waits)}


@contextmanager
def _longest_wait(master: Master) -> Iterator[list[float]]:
    """Ask for `/health` again and again: how long the answers took is in the list afterwards."""
    ended, waits = threading.Event(), [0.0]

    def ask() -> None:
        while not ended.wait(0.02):
            start = time.monotonic()
            master.get("/health")
            waits.append(time.monotonic() - start)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield waits
    finally:
        ended.set()
        asking.join()


def _allow_files(count: int) -> None:
    """Of this process and those that it starts. Raises ValueError where the limit is lower and cannot be raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(count, hard)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.master", description=__doc__)
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--tasks", type=int, default=10, help="running on each agent")
    parser.add_argument("--launched", type=int, default=2000, help="short tasks through the master")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        found = measure(Path(folder), options.agents, options.tasks, options.launched)
    for name, value in found.items():
        print(f"{name:50} {value:12.3f}")
    print(f"{'load of the machine, one minute':50} {os.getloadavg()[0]:12.1f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
