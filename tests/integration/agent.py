"""An agent as users start it, for tests that play its master."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mesosctl.runtime import internal
from tests.integration.fake_master import AGENT_ID, FRAMEWORK_ID, FakeMaster
from tests.ports import free_port

TERMINAL = {"TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_LOST", "TASK_DROPPED", "TASK_ERROR"}


class AgentProcess:
    """`python -m mesosctl.runtime.agent` with its log in `log`."""

    def __init__(self, master: str, folder: Path, *flags: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.work_dir = folder / "work"
        self.log = folder / "log"
        arguments = [
            *(sys.executable, "-m", "mesosctl.runtime.agent", "--ip=127.0.0.1", f"--port={self.port}"),
            *(f"--master={master}", f"--work_dir={self.work_dir}", "--registration_backoff_factor=10ms", *flags),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(arguments, stderr=log, env={**os.environ, "MESOS_ATTRIBUTES": "rack:r1"})

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.loads(answer.read())

    def post(self, path: str, body: object) -> tuple[int, bytes]:
        """Status and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def sandbox(self, executor: str) -> Path:
        frameworks = self.work_dir / "slaves" / AGENT_ID.value / "frameworks" / FRAMEWORK_ID.value
        return frameworks / "executors" / executor / "runs" / "latest"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running_agent(master: FakeMaster, folder: Path, *flags: str) -> Iterator[AgentProcess]:
    """An agent that has registered; it ends with the block, and so do its tasks."""
    folder.chmod(0o755)
    agent = AgentProcess(master.address, folder, *flags)
    try:
        master.registrations.get(timeout=30)
        yield agent
        assert "Traceback" not in agent.log.read_text()
    finally:
        master.send(internal.ShutdownFramework(FRAMEWORK_ID))
        agent.stop()


def eventually(condition: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.05)


def processes_of(text: str) -> list[int]:
    """The processes whose command line contains a text."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if text in entry.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
