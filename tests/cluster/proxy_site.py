"""A small world behind a proxy for one lab: tinyproxy, a gate before it that asks for a password, web and git servers.

tinyproxy's own configuration takes letters and digits as a password only, so that the gate asks instead and hands what
it lets in to tinyproxy. All of it listens on the controller's addresses in the lab's network.
"""

from __future__ import annotations

import base64
import functools
import ipaddress
import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

from mesosctl.lab import Lab
from tests.cluster.conftest import eventually
from tests.ports import free_port

AnyServer = TypeVar("AnyServer", bound=socketserver.ThreadingTCPServer)

USER = "anna"
PASSWORD = "p@ss: /%&<'\"$"
"""ASCII: socat 1.7 encodes other letters wrongly, of which mesosctl warns."""


@dataclass
class Site:
    """What the tests see of it: `outside` is for the proxy; `inside`, a node, and `network` are reached directly."""

    host: str
    """Address of the lab's host."""
    outside: str
    inside: str
    network: str
    folder: Path
    """What the web and git servers serve."""
    log: Path
    """tinyproxy's."""
    web_port: int = 0
    git_port: int = 0
    gate_port: int = 0
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Client and path of each request to the web servers; the path is "" where the client did not speak http."""
    refused: list[str] = field(default_factory=list)
    """Credentials that the gate did not let in, "" for none."""

    def proxied(self) -> str:
        """What tinyproxy says it was asked for."""
        return "\n".join(line for line in self.log.read_text().splitlines() if "Request (" in line)

    def way(self, token: str) -> str:
        """How requests came whose path has this word: `direct`, `proxy`, `both`, or "" where none came."""
        clients = {client for client, path in self.requests if token in path}
        asked = token in self.proxied()
        if not clients:
            return ""
        if clients == {self.host}:
            return "both" if asked else "direct"
        return "proxy" if asked and self.host not in clients else "both"

    def serve(self, token: str, template: str) -> None:
        """Serve a folder of the site under a name of its own, to tell one request from another."""
        os.symlink(template, self.folder / token)


@contextmanager
def site(lab: Lab, folder: Path) -> Iterator[Site]:
    """Start it all, and stop it."""
    base = ipaddress.IPv4Interface(f"{lab.hosts[0].address}/24").network.network_address
    world = Site(
        lab.hosts[0].address, str(base + 1), str(base + 2), str(base + 3), folder / "files", folder / "tinyproxy.log"
    )
    world.folder.mkdir()
    bridge = f"br-{lab.docker.run('network', 'inspect', '--format', '{{.Id}}', f'mesosctl-{lab.name}')[:12]}"
    for address in (world.inside, world.network):
        subprocess.run(["ip", "address", "add", f"{address}/24", "dev", bridge], check=True)  # goes with the bridge
    with ExitStack() as stack:
        for address in (world.outside, world.inside, world.network):
            world.web_port = stack.enter_context(_web(world, address)).server_address[1]
        world.git_port = free_port(world.outside)
        listen = [f"--listen={address}" for address in (world.outside, world.inside)]
        git = ["git", "daemon", *listen, f"--port={world.git_port}", f"--base-path={world.folder}", "--export-all"]
        stack.enter_context(_running([*git, "--reuseaddr"], world.outside, world.git_port))
        tinyproxy_port = free_port()
        configuration = folder / "tinyproxy.conf"
        configuration.write_text(
            f'Port {tinyproxy_port}\nListen 127.0.0.1\nLogFile "{world.log}"\nLogLevel Info\n'
            + "".join(f"ConnectPort {port}\n" for port in (443, world.web_port, world.git_port))
        )
        stack.enter_context(_running(["tinyproxy", "-d", "-c", str(configuration)], "127.0.0.1", tinyproxy_port))
        world.gate_port = stack.enter_context(_gate(world, tinyproxy_port)).server_address[1]
        yield world


@contextmanager
def _web(world: Site, address: str) -> Iterator[ThreadingHTTPServer]:
    """Serves the folder; the first one chooses the port of all."""

    class Handler(SimpleHTTPRequestHandler):
        def handle(self) -> None:
            self.path = ""
            super().handle()
            world.requests.append((self.client_address[0], self.path))

        def log_message(self, format: str, *args: object) -> None: ...

    handler = functools.partial(Handler, directory=str(world.folder))
    with _served(ThreadingHTTPServer((address, world.web_port), handler)) as server:
        yield server


@contextmanager
def _gate(world: Site, tinyproxy_port: int) -> Iterator[socketserver.ThreadingTCPServer]:
    """Asks for the password, then hands the connection to tinyproxy, which takes one request a connection."""
    wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data = b""
            while b"\r\n\r\n" not in data:
                piece = self.request.recv(65536)
                if not piece:
                    return
                data += piece
            lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").splitlines()
            given = [line.split()[-1] for line in lines if line.lower().startswith("proxy-authorization: basic ")]
            if given != [wanted]:
                world.refused += [base64.b64decode(text).decode() for text in given or [""]]
                self.request.sendall(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=gate\r\n"
                    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
                )
                return
            with socket.create_connection(("127.0.0.1", tinyproxy_port)) as proxy:
                proxy.sendall(data)
                back = threading.Thread(target=_pump, args=(proxy, self.request))
                back.start()
                _pump(self.request, proxy)
                back.join()

    with _served(socketserver.ThreadingTCPServer((world.outside, 0), Handler)) as server:
        yield server


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def _served(server: AnyServer) -> Iterator[AnyServer]:
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    server.daemon_threads = True
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _running(command: list[str], address: str, port: int) -> Iterator[None]:
    """A program, from when it listens."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: _listens(address, port), 20)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True
