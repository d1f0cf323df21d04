"""Asking the cluster's programs over HTTP, from the host that they run on."""

from __future__ import annotations

import http.client
import io
import shlex
import socket
from collections.abc import Callable
from typing import cast

from testinfra.host import Host

from mesosctl.inventory.model import Cluster, Role
from mesosctl.inventory.model import Host as Node
from mesosctl.transport.http import Answer

Ask = Callable[[Node, Role, str], Answer]
"""Asks for a path of the program that a host runs in a role. Raises AssertionError where nothing answers."""

SECONDS = 20


def get(host: Host, cluster: Cluster, node: Node, role: Role, path: str) -> Answer:
    """What `Ask` does, with testinfra's host for the node."""
    port = {
        Role.MASTER: cluster.mesos.master.port,
        Role.AGENT: cluster.mesos.agent.port,
        Role.MARATHON: cluster.marathon.port,
    }[role]
    request = f"GET {path} HTTP/1.0\r\nHost: {node.address}:{port}\r\n\r\n"
    script = f"exec 3<>/dev/tcp/{node.address}/{port} && printf %s {shlex.quote(request)} >&3 && cat <&3"
    said = host.run(f"timeout {SECONDS} bash -c %s", script)
    assert said.stdout.startswith("HTTP/"), f"nothing answers at {node.address}:{port}"
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
        except AssertionError:
            continue
    return found
