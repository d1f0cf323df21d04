"""Sandbox files read from an agent, and where Marathons, masters and agents are."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from mesosctl.apps import place
from mesosctl.apps.sandbox import CHUNK, Agents, SandboxError, Tail
from mesosctl.apps.state import Instance
from mesosctl.errors import UsageError
from mesosctl.inventory.load import load_inventory
from mesosctl.transport.http import Login, Server
from tests.unit.app_server import serving

TASK = "web.instance-c7357586-8a90-4769-ab5c-96adb30d5f5c._app.1"
MOST = 1000
"""Bytes in one answer of the agent of these tests."""


def instance(task: str = TASK, agent: str = "S1", host: str = "a1") -> Instance:
    return Instance(task, "TASK_RUNNING", host, (), agent, None, False, "", "")


class Agent:
    """Plays an agent with one sandbox."""

    def __init__(self, executor: dict[str, Any] | None = None, group: str = "executors") -> None:
        self.files: dict[str, bytes] = {}
        self._framework = {group: [executor or {"id": TASK, "directory": "/box"}]}

    def __call__(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path == "/state":
            return 200, {"frameworks": [{}], "completed_frameworks": [self._framework]}
        assert (method, path, body["type"]) == ("POST", "/api/v1", "READ_FILE")
        call = body["read_file"]
        if call["path"] not in self.files:
            return 404, b""
        data = self.files[call["path"]]
        piece = data[call["offset"] :][: min(call["length"], MOST)]
        return 200, {
            "type": "READ_FILE",
            "read_file": {"size": len(data), "data": base64.b64encode(piece).decode()},
        }


class TestTail:
    @pytest.mark.parametrize("count", [1, 3, 5000])
    @pytest.mark.parametrize("text", ["a\nb\nc\nd\n", "".join(f"línea {n}\n" for n in range(2 * CHUNK // 9))])
    def test_the_last_lines(self, text: str, count: int) -> None:
        agent = Agent()
        agent.files["/box/stdout"] = text.encode()
        with serving(agent) as asked:
            tail = Tail(Server(asked.url), instance(), "stdout")
            assert tail.last(count) == text.splitlines()[-count:]
            assert tail.more() == tail.end() == []

    def test_what_is_added(self) -> None:
        agent = Agent()
        with serving(agent) as asked:
            tail = Tail(Server(asked.url), instance(), "stdout")
            assert tail.last(10) == []  # it is not there yet
            agent.files["/box/stdout"] = b"one\ntw" + "ö".encode()[:1]
            assert tail.more() == ["one"]
            agent.files["/box/stdout"] += "ö".encode()[1:] + b"\n" + b"x" * (3 * MOST) + b"\nrest\xff"
            assert tail.more() == ["twö", "x" * (3 * MOST)]
            assert tail.end() == ["rest�"]
            agent.files["/box/stdout"] = b"anew\n"
            assert tail.more() == ["anew"]

    @pytest.mark.parametrize(
        ("executor", "path"),
        [
            ({"id": TASK, "directory": "/box"}, "/box/stdout"),
            ({"id": "pod", "directory": "/box", "tasks": [{"id": TASK}]}, f"/box/tasks/{TASK}/stdout"),
            ({"id": "pod", "directory": "/box", "completed_tasks": [{"id": TASK}]}, f"/box/tasks/{TASK}/stdout"),
        ],
    )
    @pytest.mark.parametrize("group", ["executors", "completed_executors"])
    def test_finds_the_sandbox(self, executor: dict[str, Any], path: str, group: str) -> None:
        agent = Agent(executor, group)
        agent.files[path] = b"found\n"
        with serving(agent) as asked:
            assert Tail(Server(asked.url), instance(), "stdout").last(1) == ["found"]

    def test_no_sandbox(self) -> None:
        with serving(Agent()) as asked, pytest.raises(SandboxError, match="no sandbox of other"):
            Tail(Server(asked.url), instance("other"), "stdout").last(1)

    @pytest.mark.parametrize(
        ("status", "body", "said"),
        [(401, b"", "--agent-user"), (200, b"<html>", "as a Mesos agent"), (500, b"", "status 500")],
    )
    def test_an_agent_that_does_not_answer(self, status: int, body: bytes, said: str) -> None:
        with serving(lambda *_: (status, body)) as asked, pytest.raises(SandboxError, match=said):
            Tail(Server(asked.url), instance(), "stdout").last(1)


class TestAgents:
    def test_the_leading_master_tells(self) -> None:
        slaves = {"slaves": [{"id": "S1", "pid": "slave(1)@127.0.0.9:5999"}, {"id": "S2"}]}
        with serving(lambda *_: (307, b"")) as follower, serving(lambda *_: (200, slaves)) as leader:
            agents = Agents(Server, ["http://127.0.0.1:1", follower.url, leader.url])
            assert agents.of(instance()).url == "http://127.0.0.9:5999"
            assert agents.of(instance()) is agents.of(instance())
        assert len(leader.requests) == 1

    def test_without_a_master(self) -> None:
        agents = Agents(Server, [], agent_port=5999)
        assert agents.of(instance(host="::1")).url == "http://[::1]:5999"


class TestPlace:
    def cluster(self, folder: Path, marathon: str, roles: str = "zookeeper, master, marathon") -> Any:
        path = folder / "inventory.yaml"
        path.write_text(
            f"name: t\nhosts:\n  m1: {{address: 10.0.0.1, roles: [{roles}], zookeeper_id: 1}}\n"
            f"  m2: {{address: 'fd00::2', roles: [agent]}}\nmarathon: {marathon}\n"
        )
        return load_inventory(path)

    @pytest.mark.parametrize(
        ("marathon", "url"),
        [
            ("{}", "http://10.0.0.1:8080"),
            ("{port: 9090}", "http://10.0.0.1:9090"),
            ("{flags: {disable_http: '', ssl_keystore_path: /k}}", "https://10.0.0.1:8443"),
            ("{flags: {disable_http: '', https_port: '9443', ssl_keystore_path: /k}}", "https://10.0.0.1:9443"),
        ],
    )
    def test_marathons(self, tmp_path: Path, marathon: str, url: str) -> None:
        cluster = self.cluster(tmp_path, marathon)
        assert place.urls(cluster) == [url]
        assert place.masters(cluster) == ["http://10.0.0.1:5050"]
        assert place.login(cluster) is None

    def test_the_login_of_the_inventory(self, tmp_path: Path) -> None:
        cluster = self.cluster(tmp_path, "{flags: {http_credentials: 'ops:a:b'}}")
        assert place.login(cluster) == Login("ops", "a:b")

    def test_no_marathon(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="role marathon"):
            place.urls(self.cluster(tmp_path, "{}", roles="zookeeper, master"))
