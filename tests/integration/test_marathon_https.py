"""Marathons that are reached over HTTPS alone and ask for a password: directly, and by way of each other.

Their keystore is of the kind that Java made before it took to PKCS #12.
"""

from __future__ import annotations

import http.client
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.marathon import Answer, Marathon
from tests.integration.zookeeper import ZooKeeper

PASSWORD = "correct horse"
CREDENTIALS = "Basic bWU6c2VjcmV0"
MASTER = "127.0.0.1:1"
"""There is none: Marathons lead all the same."""


class Secure(Marathon):
    """It serves HTTPS alone."""

    def __init__(self, folder: Path, store: str, keystore: Path) -> None:
        super().__init__(folder, MASTER, store)
        self._keystore = keystore

    def begin(self) -> None:
        self.start(
            *("--disable_http", "--https_address", "127.0.0.1", "--https_port", str(self.port)),
            *("--ssl_keystore_path", str(self._keystore), "--disable_leader_proxy_ssl_ignore_hostname"),
            MARATHON_SSL_KEYSTORE_PASSWORD=PASSWORD,
            MARATHON_HTTP_CREDENTIALS="me:secret",
        )

    def connect(self, timeout: float) -> http.client.HTTPConnection:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        return self.request(method, path, body, Authorization=CREDENTIALS, **headers)


def keystore(folder: Path, name: str) -> Path:
    path = folder / name
    subprocess.run(
        [
            *("keytool", "-genkeypair", "-storetype", "JKS", "-keyalg", "EC", "-alias", "marathon", "-dname", "CN=m"),
            *("-ext", "san=ip:127.0.0.1", "-validity", "2", "-storepass", PASSWORD, "-keypass", PASSWORD),
            *("-keystore", str(path)),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return path


@pytest.fixture
def pair(tmp_path: Path, zookeeper: ZooKeeper) -> Iterator[list[Secure]]:
    """The first leads."""
    store, shared = zookeeper.url(tmp_path.name), keystore(tmp_path, "shared.jks")
    both = [Secure(tmp_path, store, shared) for _ in range(2)]
    leader = both[0]
    with ExitStack() as stack:
        for each in both:
            stack.callback(each.kill, signal.SIGTERM)
            each.begin()
            each.until(lambda each=each: each.ask("GET", "/v2/leader").json == {"leader": leader.address})  # type: ignore[misc]
        yield both
    for each in both:
        assert "Traceback" not in each.log.read_text()


def test_all_is_asked_over_https(pair: list[Secure], tmp_path: Path, zookeeper: ZooKeeper) -> None:
    leader, other = pair
    assert leader.ask("GET", "/ping").body == b"pong"
    for each in pair:
        refused = each.request("POST", "/v2/apps", {"id": "/a", "cmd": "x"})
        assert (refused.status, refused.json) == (401, {"message": "Invalid username or password."})
        assert refused.headers["WWW-Authenticate"] == 'Basic realm="Mesosphere"'
    wrong = leader.request("GET", "/v2/apps", Authorization="Basic bWU6d3Jvbmc=")
    assert wrong.status == 401

    made = other.ask("POST", "/v2/apps", {"id": "/a", "cmd": "x", "instances": 0})
    assert made.status == 201
    assert made.headers["X-Marathon-Via"] == f"1.1 {other.address}"
    assert made.headers["X-Marathon-Leader"] == f"https://{leader.address}"
    missing = other.ask("GET", "/v2/apps/missing")
    assert (missing.status, missing.json) == (404, {"message": "App '/missing' does not exist"})
    assert [app["id"] for app in leader.ask("GET", "/v2/apps").json["apps"]] == ["/a"]
    redirected = other.ask("GET", "/v2/events", Accept="text/event-stream")
    assert redirected.headers["Location"] == f"https://{leader.address}/v2/events"
    with pytest.raises((http.client.HTTPException, OSError)):
        _ask_plainly(leader)

    stranger = Secure(tmp_path, zookeeper.url(tmp_path.name), keystore(tmp_path, "strange.jks"))
    stranger.begin()
    try:
        failed = stranger.until(lambda: (answer := stranger.ask("GET", "/v2/apps")).status == 502 and answer)
        assert failed.json["message"] in (
            "Connection to leader refused.",
            "Failed to successfully establish a connection to the leader.",
        )
    finally:
        stranger.kill(signal.SIGTERM)


def _ask_plainly(marathon: Secure) -> None:
    """Raises where it does not answer over plain HTTP."""
    connection = Marathon.connect(marathon, 20)
    connection.request("GET", "/ping")
    connection.getresponse()


def test_what_it_cannot_start_with(tmp_path: Path) -> None:
    """A port that somebody has; a keystore that it cannot open."""
    path = str(keystore(tmp_path, "m.jks"))
    command = [sys.executable, "-m", "mesosctl.runtime.marathon", "--master", MASTER, "--disable_ha"]
    command += ["--zk", f"file://{tmp_path / 'state'}", "--http_address", "127.0.0.1", "--https_address", "127.0.0.1"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        flags = {
            ("--http_port", str(taken.getsockname()[1])): "address already in use",
            ("--disable_http", "--ssl_keystore_path", path, "--ssl_keystore_password", "wrong"): "Invalid password",
        }
        for each, message in flags.items():
            ended = subprocess.run([*command, *each], capture_output=True, text=True, timeout=120, check=False)
            assert (ended.returncode, message in ended.stderr) == (107, True), ended.stderr
            assert "Traceback" not in ended.stderr
