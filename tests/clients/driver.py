"""Drives `pymesos_framework`, a program, from a test."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from tests.clients import environment

CLIENTS = Path(__file__).parent
WAIT_SECONDS = 30.0


class Framework:
    """The program `pymesos_framework`: orders go in, what it tells comes out."""

    def __init__(self, master: str, log: Path, **info: Any) -> None:
        program = [str(environment.interpreter()), str(CLIENTS / "pymesos_framework.py"), master, json.dumps(info)]
        self._log = log
        with log.open("a") as errors:
            self._process = subprocess.Popen(
                program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._events.put(json.loads(line))

    def order(self, **order: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def event(self, kind: str) -> dict[str, Any]:
        """The next event of this kind; others are passed over."""
        end = time.monotonic() + WAIT_SECONDS
        while (event := self.poll(end - time.monotonic())) is None or event["event"] != kind:
            assert event is not None, f"no {kind}\n{self._log.read_text()}"
        return event

    def poll(self, seconds: float) -> dict[str, Any] | None:
        """The next event, if there is one in that time."""
        try:
            return self._events.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None

    def states(self, task_id: str, last: str) -> list[str]:
        """The states of a task up to `last`."""
        found: list[str] = []
        while last not in found:
            status = self.event("update")["status"]
            if status["task_id"]["value"] == task_id:
                found.append(status["state"])
        return found

    def stop(self, *, teardown: bool) -> None:
        self.order(stop=teardown)
        assert self._process.wait(WAIT_SECONDS) == 0, self._log.read_text()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def task(task_id: str, command: str | None = None, **fields: Any) -> dict[str, Any]:
    scalars = {"cpus": 0.1, "mem": 32.0}
    resources = [{"name": name, "type": "SCALAR", "scalar": {"value": value}} for name, value in scalars.items()]
    found = {"name": task_id, "task_id": {"value": task_id}, "resources": resources, **fields}
    return {**found, "command": {"value": command}} if command else found
