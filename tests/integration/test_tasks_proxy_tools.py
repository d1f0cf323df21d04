"""The rendered proxy files, used by the tools themselves: a proxy on loopback that asks for a password sees who comes
and with which credentials, and a server beside it sees who comes directly."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mesosctl.engine.facts import assumed
from mesosctl.inventory.model import Cluster, Host, NoProxy, Proxy, ProxyUrl, Role, Secret
from mesosctl.resources.types import Block, File
from mesosctl.tasks import proxy

USER = "ann o'hara"
PASSWORD = "p@/%&<'\"$ \\#;`!=,|{x}:"  # socat 1.7 encodes other than ASCII letters wrongly
ELSEWHERE = "elsewhere.invalid"


@dataclass(slots=True)
class Server:
    """A server that answers everything; as a proxy it insists on credentials first."""

    port: int = 0
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Method and target of each request that was let in."""
    credentials: set[str] = field(default_factory=set)


def serve(demand: bool) -> tuple[Server, ThreadingHTTPServer]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            given = self.headers.get("Proxy-Authorization", "")
            if demand and not given:
                self.send_response(407)
                self.send_header("Proxy-Authenticate", 'Basic realm="test"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if given:
                server.credentials.add(base64.b64decode(given.split()[1]).decode())
            server.seen.append((self.command, self.path))
            self.close_connection = True
            self.send_response(200)
            if self.command != "CONNECT":
                self.send_header("Content-Length", "3")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(b"ok\n")

        do_GET = do_HEAD = do_CONNECT = handle_any

        def log_message(self, format: str, *args: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = http.server_address[1]
    threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
    return server, http


@dataclass(frozen=True, slots=True)
class Bench:
    proxy: Server
    direct: Server
    files: Path
    """The rendered files of a host, its root."""

    def run(self, *command: str, **environment: str) -> None:
        """Run a tool with nothing of the caller's settings. Whether it succeeds is not the question."""
        clean = {"PATH": os.environ["PATH"], "HOME": str(self.files / "nobody"), "LC_ALL": "C.UTF-8"}
        subprocess.run(command, env=clean | environment, capture_output=True, timeout=120, check=False)

    def login_shell(self, command: str) -> None:
        self.run("sh", "-c", f". {self.files}/etc/profile.d/proxy.sh; {command}")

    def went_through(self, *requests: tuple[str, str]) -> None:
        """Exactly these reached the proxy, each with the right credentials."""
        assert set(self.proxy.seen) == set(requests)
        assert self.proxy.credentials == {f"{USER}:{PASSWORD}"}
        self.proxy.seen.clear()

    def went_direct(self) -> None:
        assert self.proxy.seen == []
        assert self.direct.seen != []
        self.direct.seen.clear()

    @property
    def url(self) -> str:
        """An address that no_proxy covers."""
        return f"http://127.0.0.1:{self.direct.port}/file"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    through, through_http = serve(demand=True)
    direct, direct_http = serve(demand=False)
    url = ProxyUrl("http", "127.0.0.1", through.port)
    cluster = Cluster(
        name="c",
        path=Path("inventory.yaml"),
        state_dir=Path("state"),
        hosts=(Host(name="h1", address="127.0.0.1", roles=frozenset({Role.AGENT})),),
        proxy=Proxy(
            http=url,
            https=url,
            username=USER,
            password=Secret("env:X", PASSWORD),
            no_proxy=NoProxy(hosts=("localhost",)),
        ),
    )
    for resource in proxy.resources(cluster, cluster.hosts[0], assumed("debian")):
        if isinstance(resource, File | Block) and resource.content:
            path = tmp_path / resource.path.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            content = resource.content
            for moved in ("/usr/bin/gitproxy", "/etc/gitproxy.auth"):
                content = content.replace(moved, f"{tmp_path}{moved}")
            path.write_text(content)
            path.chmod(0o755)
    yield Bench(through, direct, tmp_path)
    through_http.shutdown()
    direct_http.shutdown()


def need(tool: str) -> str:
    found = shutil.which(tool)
    if not found:
        pytest.skip(f"no {tool} here")
    return found


def test_curl_in_a_login_shell(bench: Bench) -> None:
    need("curl")
    bench.login_shell(f"curl -s http://{ELSEWHERE}/a; curl -s https://{ELSEWHERE}/b")
    bench.went_through(("GET", f"http://{ELSEWHERE}/a"), ("CONNECT", f"{ELSEWHERE}:443"))
    bench.login_shell(f"curl -s {bench.url}")
    bench.went_direct()


def test_python_in_a_login_shell(bench: Bench) -> None:
    fetch = f"{sys.executable} -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1])'"
    bench.login_shell(f"{fetch} http://{ELSEWHERE}/a")
    bench.went_through(("GET", f"http://{ELSEWHERE}/a"))
    bench.login_shell(f"{fetch} {bench.url}")
    bench.went_direct()


@pytest.mark.parametrize("path", ["etc/wgetrc", "root/.wgetrc"])
def test_wget(bench: Bench, path: str) -> None:
    wget = need("wget")
    settings = str(bench.files / f"{path}")
    bench.run(wget, "-q", "-t1", "-O-", f"http://{ELSEWHERE}/a", WGETRC=settings)
    bench.went_through(("GET", f"http://{ELSEWHERE}/a"))
    bench.run(wget, "-q", "-t1", "-O-", bench.url, WGETRC=settings)
    bench.went_direct()


def test_git_over_http(bench: Bench) -> None:
    git, settings = need("git"), str(bench.files / "etc/gitconfig")
    bench.run(git, "ls-remote", f"http://{ELSEWHERE}/r.git", GIT_CONFIG_SYSTEM=settings)
    bench.went_through(("GET", f"http://{ELSEWHERE}/r.git/info/refs?service=git-upload-pack"))
    bench.login_shell(f"GIT_CONFIG_SYSTEM={settings} {git} ls-remote http://127.0.0.1:{bench.direct.port}/r.git")
    bench.went_direct()


def test_git_protocol(bench: Bench) -> None:
    need("socat")
    git, settings = need("git"), str(bench.files / "etc/gitconfig")
    bench.run(git, "ls-remote", f"git://{ELSEWHERE}/r.git", GIT_CONFIG_SYSTEM=settings)
    bench.went_through(("CONNECT", f"{ELSEWHERE}:9418"))
    # The server does not speak the protocol: that git has begun to talk to it is all there is to see.
    bench.run(
        "timeout", "3", git, "ls-remote", f"git://127.0.0.1:{bench.direct.port}/r.git", GIT_CONFIG_SYSTEM=settings
    )
    assert bench.proxy.seen == []


def test_apt(bench: Bench, tmp_path: Path) -> None:
    helper = Path("/usr/lib/apt/apt-helper")
    if not helper.exists():
        pytest.skip("no apt here")
    settings = str(bench.files / "etc/apt/apt.conf.d/90mesosctl-proxy")
    bench.run(str(helper), "download-file", f"http://{ELSEWHERE}/a", str(tmp_path / "a"), APT_CONFIG=settings)
    bench.went_through(("GET", f"http://{ELSEWHERE}/a"))
    bench.run(str(helper), "download-file", bench.url, str(tmp_path / "b"), APT_CONFIG=settings)
    bench.went_direct()


def test_maven(bench: Bench) -> None:
    maven, settings = need("mvn"), str(bench.files / "root/.m2/settings.xml")

    def resolve(repository: str) -> None:
        project = bench.files / "project"
        project.mkdir(exist_ok=True)
        (project / "pom.xml").write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>a</artifactId><version>1</version>"
            "<parent><groupId>p</groupId><artifactId>p</artifactId><version>1</version><relativePath/></parent>"
            f"<repositories><repository><id>r</id><url>{repository}</url></repository></repositories></project>"
        )
        # Debian's Maven blocks plain http by a mirror in its own settings, which are left out here.
        empty = project / "empty.xml"
        empty.write_text("<settings/>")
        bench.run(
            *[maven, "-B", "-q", "-f", str(project), "-s", settings, "-gs", str(empty)],
            *[f"-Dmaven.repo.local={project}/{len(repository)}", "validate"],
        )

    resolve(f"http://{ELSEWHERE}/maven")
    paths = {target for _, target in bench.proxy.seen}
    assert f"http://{ELSEWHERE}/maven/p/p/1/p-1.pom" in paths
    assert bench.proxy.credentials == {f"{USER}:{PASSWORD}"}
    bench.proxy.seen.clear()
    resolve(f"http://127.0.0.1:{bench.direct.port}/maven")
    assert ("GET", "/maven/p/p/1/p-1.pom") in bench.direct.seen
    assert not any("127.0.0.1" in target for _, target in bench.proxy.seen)
