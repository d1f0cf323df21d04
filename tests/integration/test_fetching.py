"""The fetcher as an agent uses it: URIs of tasks, as their users, with a cache."""

from __future__ import annotations

import os
import pwd
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.protocol.basics import TaskID
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.tasks import TaskStatus
from tests.integration.agent import TERMINAL, AgentProcess, eventually, running_agent
from tests.integration.fake_master import FRAMEWORK_ID, FakeMaster
from tests.unit.test_fetcher import tar

URI = CommandInfo.URI
Reason = TaskStatus.Reason


class Files(ThreadingHTTPServer):
    """Counts what is asked for. `/slow` is answered when `released` is set."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), FilesHandler)
        self.folder = folder
        self.asked: list[str] = []
        self.released = threading.Event()

    def uri(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class FilesHandler(BaseHTTPRequestHandler):
    server: Files

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path == "/slow":
            self.server.released.wait(60)
        file = self.server.folder / self.path.lstrip("/")
        if not file.is_file():
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(file.read_bytes())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    folder = tmp_path / "files"
    folder.mkdir()
    tar(folder / "a.tgz", "w:gz", ("inside", b"unpacked\n"))
    folder.joinpath("tool").write_text("#!/bin/sh\necho ran as $(id -un)\n")
    folder.joinpath("slow").write_text("slow")
    with Files(folder) as files:
        threading.Thread(target=files.serve_forever, daemon=True).start()
        yield files
        files.released.set()
        files.shutdown()


@pytest.fixture
def agent(master: FakeMaster, tmp_path: Path) -> Iterator[AgentProcess]:
    flags = f"--fetcher_cache_dir={tmp_path / 'cache'}", "--fetcher_cache_size=10KB"
    with running_agent(master, tmp_path, *flags) as agent:
        yield agent


def ended(master: FakeMaster) -> TaskStatus:
    return master.statuses_until(lambda status: status.state in TERMINAL)[-1]


@pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")
def test_fetches_as_the_user_of_the_task(master: FakeMaster, agent: AgentProcess, files: Files) -> None:
    secret = Path("/etc/shadow")
    uris = (URI(files.uri("a.tgz")), URI(files.uri("tool"), executable=True, output_file="bin/tool"))
    master.run("a", CommandInfo(value="cat inside; bin/tool", uris=uris, user="nobody"))
    assert ended(master).state == "TASK_FINISHED"
    sandbox = agent.sandbox("a")
    assert sandbox.joinpath("stdout").read_text() == "unpacked\nran as nobody\n"
    assert "Fetching URI 'http://" in sandbox.joinpath("stderr").read_text()
    for name in ("inside", "bin/tool", "a.tgz"):
        assert sandbox.joinpath(name).stat().st_uid == pwd.getpwnam("nobody").pw_uid
    master.run("b", CommandInfo(value="cat shadow", uris=(URI(str(secret)),), user="nobody"))
    status = ended(master)
    assert (status.state, status.reason) == ("TASK_FAILED", Reason.REASON_CONTAINER_LAUNCH_FAILED)
    assert "Permission denied" in (status.message or "")
    assert not agent.sandbox("b").joinpath("shadow").exists()


def test_what_cannot_be_fetched_fails_the_task(master: FakeMaster, agent: AgentProcess, files: Files) -> None:
    master.run("a", CommandInfo(value="true", uris=(URI(files.uri("missing")),)))
    status = ended(master)
    assert (status.state, status.reason) == ("TASK_FAILED", Reason.REASON_CONTAINER_LAUNCH_FAILED)
    assert "Failed to fetch all URIs for container" in (status.message or "")
    assert "HTTP status 404" in (status.message or "")


def test_the_cache_downloads_once_and_makes_room(master: FakeMaster, agent: AgentProcess, files: Files) -> None:
    files.folder.joinpath("big").write_bytes(b"x" * 9000)
    files.folder.joinpath("huge").write_bytes(b"x" * 20_000)

    def run(name: str, file: str) -> None:
        master.run(name, CommandInfo(value=f"cat {file}", uris=(URI(files.uri(file), cache=True, extract=False),)))
        assert ended(master).state == "TASK_FINISHED"
        assert agent.sandbox(name).joinpath("stdout").read_bytes() == files.folder.joinpath(file).read_bytes()

    for name in ("a", "b", "c"):
        run(name, "tool")
    assert files.asked == ["/tool"]
    run("d", "big")
    run("e", "huge")
    run("f", "tool")
    assert files.asked == ["/tool", "/big", "/huge", "/tool"]
    cached = [path for path in agent.work_dir.parent.joinpath("cache").rglob("*") if path.is_file()]
    assert [path.name.partition("-")[2] for path in cached] == ["tool"]
    metrics = agent.get("/metrics/snapshot")
    assert metrics["containerizer/fetcher/task_fetches_succeeded"] == 6
    assert metrics["containerizer/fetcher/cache_size_used_bytes"] == cached[0].stat().st_size
    assert stat.S_IMODE(cached[0].parent.stat().st_mode) == 0o700


def test_a_task_that_is_killed_while_it_is_fetched(master: FakeMaster, agent: AgentProcess, files: Files) -> None:
    master.run("a", CommandInfo(value="true", uris=(URI(files.uri("slow")),)))
    eventually(lambda: files.asked == ["/slow"])
    master.send(internal.KillTask(FRAMEWORK_ID, TaskID("a")))
    status = ended(master)
    assert (status.state, status.reason) == ("TASK_KILLED", Reason.REASON_TASK_KILLED_DURING_LAUNCH)
    eventually(lambda: agent.get("/state")["frameworks"] == [])
    master.run("b", "true")
    assert ended(master).state == "TASK_FINISHED"
