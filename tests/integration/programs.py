"""A real master and a real agent on loopback, and a plain HTTP client that drives them as any framework would."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.ports import TASK_PORTS_FLAG, free_port

WAIT_SECONDS = 60.0


class Programs:
    """A master and an agent; logs and directories are in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.master_port, self.agent_port = free_port(), free_port()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start_master(self, *flags: str) -> None:
        work_dir = self.folder / "master"
        self._start("master", f"--ip=127.0.0.1 --port={self.master_port} --work_dir={work_dir}".split(), flags)
        self.wait(lambda: self.get("/health") is not None)

    def start_agent(self, *flags: str) -> None:
        """The agent runs when the master has it."""
        arguments = [
            "--ip=127.0.0.1",
            f"--port={self.agent_port}",
            f"--master=127.0.0.1:{self.master_port}",
            f"--work_dir={self.folder / 'agent'}",
            f"--resources=cpus:2;mem:512;disk:1024;{TASK_PORTS_FLAG}",
            "--registration_backoff_factor=10ms",
            *([] if os.geteuid() == 0 else ["--no-switch_user"]),
        ]
        self._start("agent", arguments, flags)
        self.wait(lambda: any(each["active"] for each in json.loads(self.get("/slaves") or b"{}").get("slaves", ())))

    def kill(self, program: str, number: signal.Signals = signal.SIGKILL) -> None:
        process = self._running.pop(program)
        process.send_signal(number)
        process.wait(WAIT_SECONDS)

    def runs(self, program: str) -> bool:
        return self._running[program].poll() is None

    def get(self, path: str) -> bytes | None:
        """The body of an answer of the master with status 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.master_port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            return body if answer.status == 200 else None
        except OSError:
            return None
        finally:
            connection.close()

    def state(self) -> dict[str, Any]:
        """What the master tells of itself as soon as it leads."""
        self.wait(lambda: self.get("/state") is not None)
        found: dict[str, Any] = json.loads(self.get("/state") or b"{}")
        return found

    def wait(self, condition: Any) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > end:
                raise AssertionError("\n".join(path.read_text() for path in self.folder.glob("*.log")))
            time.sleep(0.02)

    def stop(self) -> None:
        for program in list(self._running):
            self.kill(program, signal.SIGTERM)

    def _start(self, program: str, arguments: list[str], flags: tuple[str, ...]) -> None:
        with (self.folder / f"{program}.log").open("ab") as log:
            command = [sys.executable, "-m", f"mesosctl.runtime.{program}", *arguments, *flags]
            self._running[program] = subprocess.Popen(command, stdout=log, stderr=log)


class Scheduler:
    """A framework that knows nothing but HTTP and JSON."""

    def __init__(self, port: int, framework_id: str | None = None, **info: Any) -> None:
        self._port = port
        self._buffer = b""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
        call: dict[str, Any] = {
            "type": "SUBSCRIBE",
            "subscribe": {"framework_info": {"user": "root", "name": "slice", "failover_timeout": 60.0, **info}},
        }
        if framework_id:
            call["framework_id"] = call["subscribe"]["framework_info"]["id"] = {"value": framework_id}
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        self._connection.request("POST", "/api/v1/scheduler", json.dumps(call), headers)
        self._stream = self._connection.getresponse()
        assert self._stream.status == 200
        self.stream_id = self._stream.headers["Mesos-Stream-Id"]
        self.framework_id = self.event("SUBSCRIBED")["framework_id"]["value"]

    def event(self, kind: str) -> dict[str, Any]:
        """The next event of a type; others are passed over."""
        while True:
            while b"\n" not in self._buffer:
                self._read()
            length, _, self._buffer = self._buffer.partition(b"\n")
            while len(self._buffer) < int(length):
                self._read()
            record, self._buffer = self._buffer[: int(length)], self._buffer[int(length) :]
            event = json.loads(record)
            if event["type"] == kind:
                found: dict[str, Any] = event[kind.lower()]
                return found

    def call(self, kind: str, **fields: Any) -> None:
        body = {"type": kind, "framework_id": {"value": self.framework_id}, kind.lower(): fields}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        headers = {"Content-Type": "application/json", "Mesos-Stream-Id": self.stream_id}
        connection.request("POST", "/api/v1/scheduler", json.dumps(body), headers)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (202, b"")
        connection.close()

    def launch(self, task_id: str, command: str) -> None:
        offer = self.event("OFFERS")["offers"][0]
        task = {
            "name": task_id,
            "task_id": {"value": task_id},
            "agent_id": offer["agent_id"],
            "resources": [
                {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
            ],
            "command": {"value": command},
        }
        operations = [{"type": "LAUNCH", "launch": {"task_infos": [task]}}]
        self.call("ACCEPT", offer_ids=[offer["id"]], operations=operations, filters={"refuse_seconds": 0})

    def status(self) -> dict[str, Any]:
        """The next status, acknowledged where that is wanted."""
        status: dict[str, Any] = self.event("UPDATE")["status"]
        if "uuid" in status:
            self.call("ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"], uuid=status["uuid"])
        return status

    def until(self, state: str) -> list[str]:
        """The states on the way to one, that one included."""
        states: list[str] = []
        while state not in states:
            states.append(self.status()["state"])
        return states

    def close(self) -> None:
        self._stream.close()
        self._connection.close()

    def _read(self) -> None:
        chunk = self._stream.read1(65536)
        if not chunk:
            raise EOFError
        self._buffer += chunk
