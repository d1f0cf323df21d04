"""A whole site on loopback: masters and agents, one process each, and what really serves there, seen from the kernel.

Each agent counts as a host: its name is an address of its own, its ports are no other's, and what it started can be
ended with it as by a loss of power.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.ports import SITE_PORTS, free_port

WAIT_SECONDS = 180.0
FIRST_PORT, PORTS_OF_AN_AGENT = SITE_PORTS[0], 200
_LISTENS = "0A"
"""In /proc/net/tcp."""


class Site:
    """Masters are named by their ports, agents by numbers from 1."""

    def __init__(self, folder: Path, zookeeper: str | None = None) -> None:
        """`zookeeper`: the masters' path there; without one there is one master."""
        folder.chmod(0o755)
        self.folder = folder
        self._zookeeper = zookeeper
        self.masters: list[int] = []
        self._agents: dict[int, int] = {}
        """Their ports."""
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def master(self) -> str:
        """As the flag --master has it."""
        return self._zookeeper or f"127.0.0.1:{self.masters[0]}"

    def start_master(self, port: int | None = None) -> None:
        if port is None:
            port = free_port()
            self.masters.append(port)
        flags = [f"--port={port}", f"--work_dir={self.folder / f'master-{port}'}", "--allocation_interval=100ms"]
        flags += ["--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=3"]
        if self._zookeeper:
            flags += [f"--zk={self._zookeeper}", "--quorum=1", "--zk_session_timeout=6secs"]
        self._start(f"master-{port}", "master", flags)
        self.wait(lambda: ask(port, "/health") is not None)

    def start_agent(self, number: int, *flags: str) -> None:
        first = FIRST_PORT + PORTS_OF_AN_AGENT * number
        if not any(flag.startswith("--resources") for flag in flags):
            flags = (*flags, f"--resources=cpus:4;mem:2048;ports:[{first}-{first + PORTS_OF_AN_AGENT - 1}]")
        arguments = [
            f"--port={self._agents.setdefault(number, free_port())}",
            f"--hostname={self.host(number)}",
            f"--master={self.master}",
            f"--work_dir={self.work_dir(number)}",
            "--registration_backoff_factor=10ms",
            *([] if os.geteuid() == 0 else ["--no-switch_user"]),
        ]
        self._start(f"agent-{number}", "agent", [*arguments, *flags])
        self.wait(lambda: self.host(number) in self.hosts())

    def host(self, number: int) -> str:
        return f"127.0.1.{number}"

    def work_dir(self, number: int) -> Path:
        return self.folder / f"agent-{number}"

    def leader(self) -> int:
        """The port of the master that leads, waiting for it."""
        found: list[int] = []
        self.wait(lambda: found.extend(port for port in self.masters if ask(port, "/state") is not None) or found)
        return found[0]

    def state(self) -> Any:
        """Of the leading master."""
        return json.loads(ask(self.leader(), "/state") or b"{}")

    def hosts(self) -> set[str]:
        """Where the agents are that are connected."""
        return {each["hostname"] for each in self.state().get("slaves", ()) if each["active"]}

    def tasks(self) -> dict[str, str]:
        """States of the tasks that the master has, by id."""
        return {task["id"]: task["state"] for each in self.state().get("frameworks", ()) for task in each["tasks"]}

    def kill(self, name: object, number: signal.Signals = signal.SIGKILL) -> None:
        process = self._running.pop(str(name))
        process.send_signal(number)
        process.wait(WAIT_SECONDS)

    def send(self, name: object, number: signal.Signals) -> None:
        self._running[str(name)].send_signal(number)

    def lose_host(self, number: int) -> None:
        """The agent and all that it started, at once."""
        self.kill(f"agent-{number}")
        place = str(self.work_dir(number))
        while mine := [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if place in _marks(pid)]:
            for pid in mine:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue

    def wait(self, condition: Callable[[], object], complaint: Callable[[], str] = str) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > end:
                logs = "\n".join(path.read_text()[-5000:] for path in self.folder.glob("*.log"))
                raise AssertionError(f"{complaint()}\n{logs}")
            time.sleep(0.05)

    def stop(self) -> None:
        """All agents with their tasks, and the masters."""
        for name in [name for name in self._running if name.startswith("agent-")]:
            self.send(name, signal.SIGCONT)
            self.lose_host(int(name.removeprefix("agent-")))
        for name in list(self._running):
            self.kill(name)

    def _start(self, name: str, program: str, arguments: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", f"mesosctl.runtime.{program}", "--ip=127.0.0.1", *arguments]
            self._running[name] = subprocess.Popen(command, stdout=log, stderr=log)


class Watch:
    """Counts what listens on the agents' ports, many times a second, from another thread."""

    def __init__(self) -> None:
        self.history: list[tuple[float, int]] = []
        """When (CLOCK_MONOTONIC), and how many."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def least(self, since: float = 0.0) -> int:
        return min(count for at, count in self.history if at >= since)

    def _run(self) -> None:
        while not self._ended.wait(0.01):
            self.history.append((time.monotonic(), len(serving())))


def serving() -> set[int]:
    """The TCP ports of agents that anything listens on."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ports = {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == _LISTENS}
    return {port for port in ports if port in SITE_PORTS}


def ask(port: int, path: str) -> bytes | None:
    """The body of an answer with status 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return body if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _marks(pid: int) -> str:
    """Where it is, and its environment: executors show the one by their directory, tasks the other."""
    try:
        return os.readlink(f"/proc/{pid}/cwd") + Path(f"/proc/{pid}/environ").read_text(errors="replace")
    except OSError:
        return ""
