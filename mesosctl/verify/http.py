"""Asking the cluster's programs over HTTP, from its hosts."""

from __future__ import annotations

import http.client
import io
import shlex
import socket
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from testinfra.host import Host

from mesosctl.apps import place
from mesosctl.inventory.model import Cluster, Role
from mesosctl.inventory.model import Host as Node
from mesosctl.transport.errors import TransportError
from mesosctl.transport.http import Answer

Ask = Callable[[Node, Role, str], Answer]
"""Asks for a path of the program that a host runs in a role. Raises AssertionError where nothing answers."""

SECONDS = 20
MARK = "END-OF-SCRIPT"


def get(host: Host, cluster: Cluster, node: Node, role: Role, path: str) -> Answer:
    """What `Ask` does; `host` is testinfra's for the one that asks."""
    server = urlsplit(place.url(cluster, node, role))
    login = place.login(cluster, role)
    lines = [f"GET {path} HTTP/1.0", f"Host: {server.netloc}", *([f"Authorization: {login.header}"] if login else [])]
    say = f"printf '%s\\r\\n' {' '.join(map(shlex.quote, lines))} ''"
    if server.scheme == "https":
        script = (
            f"{{ {say}; sleep {SECONDS}; }} | openssl s_client -quiet -no_ign_eof -connect {server.netloc} 2>/dev/null"
        )
    else:
        script = f"exec 3<>/dev/tcp/{server.hostname}/{server.port} && {say} >&3 && cat <&3"
    # The script is read, not given as an argument, so that no list of processes shows a login.
    said = host.run(f"timeout {SECONDS} bash <<'{MARK}'\n{script}\n{MARK}\n")
    assert said.stdout.startswith("HTTP/"), f"nothing answers at {server.netloc}"
    answer = http.client.HTTPResponse(cast(socket.socket, _Said(said.stdout.encode())))
    answer.begin()
    return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


class _Said(io.BytesIO):
    """What was read, as the socket that http.client reads from."""

    def makefile(self, *_: object) -> io.BytesIO:
        return self


def answering(ask: Ask, cluster: Cluster, role: Role, path: str) -> dict[str, Answer]:
    """The answers of all hosts with a role where something answers, by name."""
    found = {}
    for node in cluster.with_role(role):
        try:
            found[node.name] = ask(node, role, path)
        except (AssertionError, TransportError):
            continue
    return found
