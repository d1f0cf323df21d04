"""A master that only listens: agents register with it, tests send them messages and read theirs."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

import msgspec

from mesosctl.runtime import internal
from mesosctl.runtime.protocol.basics import AgentID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo, MasterInfo
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.recordio import RecordDecoder, frame
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskStatus

M = TypeVar("M", bound=internal.Message)

AGENT_ID = AgentID("fake-S0")
FRAMEWORK = FrameworkInfo(
    user="root",
    name="test",
    id=FrameworkID("fake-0000"),
    roles=("*",),
    capabilities=(FrameworkInfo.Capability(FrameworkInfo.Capability.Type.TASK_KILLING_STATE),),
)
FRAMEWORK_ID = FrameworkID("fake-0000")
INFO = MasterInfo(id="fake", ip=16777343, port=5050, hostname="localhost")


class FakeMaster:
    """Listens while used as a context. `registrations` are the Register messages, `received` all others."""

    def __init__(self) -> None:
        self.registrations: queue.Queue[internal.Register] = queue.Queue()
        self.received: queue.Queue[internal.FromAgent] = queue.Queue()
        self.ping_seconds = 15.0
        self._passed_over: list[internal.FromAgent] = []
        self._outgoing: queue.Queue[bytes | None] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeMaster:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()
        self._server.shutdown()
        self._server.server_close()

    def send(self, message: internal.Message) -> None:
        self._outgoing.put(msgspec.json.encode(message))

    def disconnect(self) -> None:
        """End the agent's stream."""
        self._outgoing.put(None)

    def run(self, name: str, command: str | CommandInfo, **changes: object) -> None:
        info = CommandInfo(value=command) if isinstance(command, str) else command
        task = TaskInfo(name=name, task_id=TaskID(name), agent_id=AGENT_ID, command=info)
        self.send(internal.RunTasks(FRAMEWORK, (msgspec.structs.replace(task, **changes),)))

    def wait_for(self, type_: type[M], seconds: float = 60.0) -> M:
        """The next message of a type; others before it are kept for those who wait for them. Raises queue.Empty."""
        for message in self._passed_over:
            if isinstance(message, type_):
                self._passed_over.remove(message)
                return message
        deadline = time.monotonic() + seconds
        while True:
            message = self.received.get(timeout=max(0.0, deadline - time.monotonic()))
            if isinstance(message, type_):
                return message
            self._passed_over.append(message)

    def statuses_until(
        self, wanted: Callable[[TaskStatus], bool], seconds: float = 60.0, *, acknowledge: bool = True
    ) -> list[TaskStatus]:
        """The statuses that come, acknowledged, up to the wanted one. Raises queue.Empty."""
        found: list[TaskStatus] = []
        deadline = time.monotonic() + seconds
        while not found or not wanted(found[-1]):
            status = self.wait_for(internal.StatusUpdate, deadline - time.monotonic()).status
            found.append(status)
            if acknowledge:
                assert status.uuid is not None
                self.send(internal.Acknowledge(FRAMEWORK_ID, status.task_id, status.uuid))
        return found

    def states_until(self, state: str, name: str | None = None) -> list[str]:
        """The states, without TASK_, up to one of them."""
        statuses = self.statuses_until(
            lambda status: status.state == f"TASK_{state}" and name in (None, status.task_id.value)
        )
        return [status.state.removeprefix("TASK_") for status in statuses]

    def _register(self, register: internal.Register, answer: BaseHTTPRequestHandler) -> None:
        self._outgoing = queue.Queue()
        self.send(internal.Registered(AGENT_ID, INFO, self.ping_seconds))
        self.registrations.put(register)  # who waits for it sends to this agent, not to the one before
        answer.send_response(200)
        answer.send_header("Content-Type", "application/json")
        answer.send_header("Transfer-Encoding", "chunked")
        answer.end_headers()
        while (record := self._outgoing.get()) is not None:
            framed = frame(record)
            answer.wfile.write(b"%x\r\n%b\r\n" % (len(framed), framed))
        answer.wfile.write(b"0\r\n\r\n")
        answer.close_connection = True

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        master = self
        decoder: msgspec.json.Decoder[internal.FromAgent] = msgspec.json.Decoder(internal.FromAgent)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                assert self.path == internal.PATH
                messages = self.messages()
                register = next(messages)
                assert isinstance(register, internal.Register)
                threading.Thread(target=self.listen, args=(messages,), daemon=True).start()
                master._register(register, self)

            def listen(self, messages: Iterator[internal.FromAgent]) -> None:
                for message in messages:
                    master.received.put(message)

            def messages(self) -> Iterator[internal.FromAgent]:
                """Until the agent closes the connection."""
                records = RecordDecoder()
                with suppress(ConnectionError, ValueError):
                    while size := int(self.rfile.readline(), 16):
                        for record in records.feed(self.rfile.read(size)):
                            yield decoder.decode(record)
                        self.rfile.readline()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
