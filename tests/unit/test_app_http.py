"""The toolkit's HTTP client, and Marathon's answers as errors."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mesosctl.apps.client import Marathon
from mesosctl.apps.errors import Exists, Locked, MarathonError, NotFound, Unavailable
from mesosctl.errors import ExitCode, MesosctlError, UsageError
from mesosctl.transport.errors import TransportError
from mesosctl.transport.http import Login, Server
from tests.ports import free_port
from tests.unit.app_server import serving


def fine(*_: Any) -> tuple[int, Any]:
    return 200, {"fine": True}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate for 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "marathon")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "marathon.pem"
    encoding = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(encoding)
    )
    return path


class TestServer:
    def test_asks_with_body_query_and_login(self) -> None:
        with serving(fine) as asked:
            server = Server(f"{asked.url}/base/", login=Login("ops", "p@ss:word"))
            answer = server.request("POST", "/v2/apps", {"id": "ü"}, query={"force": "true", "embed": ["a", "b c"]})
            server.close()
        assert (answer.status, answer.json) == (200, {"fine": True})
        assert asked.requests == [("POST", "/base/v2/apps?force=true&embed=a&embed=b+c", {"id": "ü"})]
        assert asked.headers[0]["Authorization"] == "Basic b3BzOnBAc3M6d29yZA=="
        assert "p@ss" not in repr(Login("ops", "p@ss:word"))

    def test_proxies_of_the_environment_do_not_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
        with serving(fine) as asked:
            assert Server(asked.url).get("/").status == 200

    def test_a_connection_that_ended_is_made_anew_for_questions(self) -> None:
        with serving(fine, hang_up=True) as asked:
            server = Server(asked.url)
            assert [server.get("/").status for _ in range(3)] == [200, 200, 200]
            assert server.request("POST", "/", {}).status == 200
        assert len(asked.requests) == 4

    def test_a_change_is_sent_once(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        server = Server(f"http://127.0.0.1:{listener.getsockname()[1]}")
        taken = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                taken.append(connection.recv(65536))
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(TransportError) as raised:
            server.request("POST", "/", {})
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)
        assert raised.value.cause == "connection-lost"
        assert len(taken) == 1

    @pytest.mark.parametrize(
        ("address", "cause"),
        [(f"http://127.0.0.1:{free_port()}", "refused"), ("http://no-such-name.invalid:1", "unresolvable")],
        ids=["refused", "unresolvable"],
    )
    def test_failures_have_causes(self, address: str, cause: str) -> None:
        with pytest.raises(TransportError) as raised:
            Server(address).get("/")
        assert raised.value.cause == cause

    def test_a_certificate_is_verified(self, certificate: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with serving(fine, tls=context) as asked:
            with pytest.raises(TransportError) as raised:
                Server(asked.url).get("/")
            assert raised.value.cause == "certificate"
            with pytest.raises(TransportError) as raised:
                Server(asked.url.replace("127.0.0.1", "localhost"), ca_file=certificate).get("/")
            assert raised.value.cause == "certificate"
            trusting = Server(asked.url, ca_file=certificate)
            assert trusting.get("/").json == {"fine": True}
            trusting.close()

    def test_tls_with_a_server_that_speaks_none(self) -> None:
        with serving(fine) as asked, pytest.raises(TransportError, match="https://"):
            Server(asked.url.replace("http", "https")).get("/")

    @pytest.mark.parametrize("address", ["host:8080", "ftp://host", "http://", "http://host:port", "http://a:b@host"])
    def test_refuses_what_is_no_address(self, address: str) -> None:
        with pytest.raises(UsageError):
            Server(address)

    def test_says_what_is_wrong_with_the_authorities(self, tmp_path: Path) -> None:
        empty = tmp_path / "empty.pem"
        empty.write_text("")
        with pytest.raises(MesosctlError, match="--ca-file"):
            Server("https://host", ca_file=empty)


class TestMarathon:
    @pytest.mark.parametrize(
        ("status", "body", "kind", "said"),
        [
            (404, {"message": "App '/x' does not exist"}, NotFound, ["App '/x' does not exist"]),
            (404, b"<html>", NotFound, ["--marathon"]),
            (409, {"message": "An app with id [/x] already exists."}, Exists, ["already exists"]),
            (409, {"message": "App is locked", "deployments": [{"id": "d-1"}]}, Locked, ["d-1", "--force"]),
            (
                422,
                {"message": "Object is not valid", "details": [{"path": "/cpus", "errors": ["too few", "odd"]}]},
                MarathonError,
                ["Object is not valid", "  /cpus: too few; odd"],
            ),
            (400, {"message": "Invalid JSON", "details": "at 3"}, MarathonError, ["at 3"]),
            (
                400,
                {"message": "Invalid JSON", "details": [{"path": "/a", "errors": [{"error": "missing"}]}]},
                MarathonError,
                ["  /a: missing"],
            ),
            (401, b"", MarathonError, ["--user"]),
            (503, {"message": "Could not determine the current leader"}, Unavailable, ["try again"]),
            (500, b"", MarathonError, ["status 500"]),
        ],
    )
    def test_refusals(self, status: int, body: Any, kind: type[Exception], said: list[str]) -> None:
        with serving(lambda *_: (status, body)) as asked, pytest.raises(kind) as raised:
            Marathon([Server(asked.url)]).create({"id": "/x"})
        assert all(words in str(raised.value) for words in said), str(raised.value)

    def test_a_refusal_has_its_exit_code(self) -> None:
        assert Exists("x").exit_code == Locked("x").exit_code == ExitCode.REFUSED

    def test_asks_the_next_where_one_is_down_or_none_leads(self) -> None:
        with (
            serving(lambda *_: (503, {"message": "Could not determine the current leader"})) as lost,
            serving(lambda *_: (200, {"apps": [{"id": "/a"}]})) as good,
        ):
            down = f"http://127.0.0.1:{free_port()}"
            marathon = Marathon([Server(down), Server(lost.url), Server(good.url)])
            assert marathon.apps() == [{"id": "/a"}]
            assert marathon.url == good.url
            marathon.apps(id="a", label="x==y", embed=["tasks"])
            marathon.close()
        assert len(lost.requests) == 1
        assert good.requests[-1][1] == "/v2/apps?id=a&label=x%3D%3Dy&embed=apps.tasks"

    def test_tells_of_the_first_where_all_are_down(self) -> None:
        servers = [Server(f"http://127.0.0.1:{free_port()}") for _ in range(2)]
        with pytest.raises(TransportError, match=servers[0].name):
            Marathon(servers).apps()

    def test_changes(self) -> None:
        def route(method: str, path: str, body: Any) -> tuple[int, Any]:
            if method == "POST" and path.startswith("/v2/apps?"):
                return 201, {"id": "/a", "version": "v1", "deployments": [{"id": "d1"}]}
            return 200, {"version": "v2", "deploymentId": "d2"}

        with serving(route) as asked:
            marathon = Marathon([Server(asked.url)])
            made = marathon.create({"id": "/a"})
            assert (made.id, made.version) == ("d1", "v1")
            assert marathon.update("/a b", {"cpus": 1}, force=True).id == "d2"
            marathon.restart("a")
            marathon.destroy_group("/g/", force=True)
        assert asked.requests == [
            ("POST", "/v2/apps?force=false", {"id": "/a"}),
            ("PUT", "/v2/apps/a%20b?force=true&partialUpdate=true", {"cpus": 1, "id": "/a b"}),
            ("POST", "/v2/apps/a/restart?force=false", None),
            ("DELETE", "/v2/groups/g?force=true", None),
        ]

    def test_something_else_than_a_marathon(self) -> None:
        with serving(lambda *_: (200, b"<html>")) as asked, pytest.raises(MarathonError, match="is it a Marathon"):
            Marathon([Server(asked.url)]).apps()
