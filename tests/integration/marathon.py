"""Marathons on loopback, beside a master and an agent, asked over plain HTTP as any client would."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.programs import Programs
from tests.ports import free_port

WAIT_SECONDS = 60.0
SESSION_SECONDS = 2.0


class Answer:
    def __init__(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Marathon:
    """One process. `store` is the value of `--zk`."""

    def __init__(self, folder: Path, master: str, store: str, session_seconds: float = SESSION_SECONDS) -> None:
        self.port = free_port()
        self.log = folder / f"marathon-{self.port}.log"
        self._command = [
            *(sys.executable, "-m", "mesosctl.runtime.marathon", "--master", master, "--zk", store),
            *("--http_address", "127.0.0.1", "--http_port", str(self.port), "--hostname", "127.0.0.1"),
            *("--zk_session_timeout", str(int(session_seconds * 1000)), "--min_revive_offers_interval", "100"),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self, *flags: str, **environment: str) -> None:
        """Returns when it answers; it may not lead then."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command, *flags], stdout=log, stderr=log, env={**os.environ, **environment}
            )
        self.until(lambda: self.answers)

    @property
    def answers(self) -> bool:
        try:
            return self.get("/ping").status in (200, 401)
        except OSError:
            return False

    @property
    def has_ended(self) -> bool:
        """By itself."""
        return self._process is not None and self._process.poll() is not None

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self._process:
            self._process.send_signal(number)
            self._process.wait(WAIT_SECONDS)
            self._process = None

    def wait(self) -> int:
        """The exit status of one that ends by itself."""
        assert self._process
        status = self._process.wait(WAIT_SECONDS)
        self._process = None
        return status

    def connect(self, timeout: float) -> http.client.HTTPConnection:
        """Timeout in seconds, of each wait."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        connection = self.connect(20)
        try:
            text = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, text, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def change(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an answer to a change, which is taken."""
        answer = self.request(method, path, body)
        assert answer.status in (200, 201), (answer.status, answer.body)
        assert answer.headers["Marathon-Deployment-Id"]
        return answer.json

    def tasks(self, app: str) -> list[dict[str, Any]]:
        answer = self.get(f"/v2/apps{app}/tasks")
        return answer.json["tasks"] if answer.status == 200 else []

    def running(self, app: str) -> list[dict[str, Any]]:
        return [task for task in self.tasks(app) if task["state"] == "TASK_RUNNING"]

    def until_deployed(self) -> None:
        self.until(lambda: self.get("/v2/deployments").json == [])

    def until(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + WAIT_SECONDS
        while not (found := self._tried(condition)):
            assert time.monotonic() < end, self.log.read_text()[-10_000:]
            time.sleep(0.05)
        return found

    def events(self, query: str = "") -> Iterator[tuple[str, Any]]:
        """Kind and JSON of what comes on the event stream, without end."""
        connection = self.connect(WAIT_SECONDS)
        connection.request("GET", f"/v2/events{query}", headers={"Accept": "text/event-stream"})
        answer = connection.getresponse()
        assert answer.status == 200
        kind = ""
        try:
            for line in answer:
                name, _, value = line.decode().strip().partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)
        finally:
            connection.close()

    def _tried(self, condition: Callable[[], Any]) -> Any:
        try:
            return condition()
        except OSError:
            return None


@contextmanager
def site(folder: Path, *agent_flags: str) -> Iterator[Programs]:
    """A master and an agent; what still runs on the agent ends with it."""
    folder.chmod(0o755)
    programs = Programs(folder)
    programs.start_master()
    programs.start_agent(*agent_flags)
    try:
        yield programs
    finally:
        programs.kill("agent", signal.SIGUSR1)  # its tasks with it
        programs.stop()


@contextmanager
def alone(folder: Path, programs: Programs, *flags: str) -> Iterator[Marathon]:
    """A Marathon that keeps its state in a file, registered; it must end without a traceback."""
    marathon = Marathon(folder, f"127.0.0.1:{programs.master_port}", f"file://{folder / 'state'}")
    marathon.start(*flags)
    marathon.until(lambda: marathon.get("/v2/info").json["frameworkId"])
    yield marathon
    marathon.kill(signal.SIGTERM)
    assert "Traceback" not in marathon.log.read_text()
