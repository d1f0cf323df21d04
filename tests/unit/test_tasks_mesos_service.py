"""The questions that hosts put to masters and agents, asked of a small server here."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mesosctl.engine.causes import why_failed
from mesosctl.engine.facts import assumed
from mesosctl.engine.report import Result, Status
from mesosctl.inventory.model import Cluster, Host, Mesos, MesosMaster, Role
from mesosctl.tasks import mesos_service


class Master(BaseHTTPRequestHandler):
    status, head = 503, ""

    def do_GET(self) -> None:
        self.send_response(self.status)
        if self.head:
            self.send_header("Location", self.head)
        self.end_headers()

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def master() -> Iterator[tuple[type[Master], Cluster]]:
    """A server that answers as the class says, and the cluster whose only master it is."""
    handler = type("Handler", (Master,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = Host(name="m1", address="127.0.0.1", roles=frozenset({Role.MASTER, Role.AGENT}))
    mesos = Mesos(master=MesosMaster(port=server.server_port))
    yield handler, Cluster(name="c", hosts=(host,), path=Path("i"), state_dir=Path("s"), mesos=mesos)
    server.shutdown()
    server.server_close()


def needs(cluster: Cluster) -> str:
    """What the agent of a cluster says that it waits for."""
    service = mesos_service.agent(cluster, cluster.hosts[0], assumed("debian"))
    return subprocess.run(["sh", "-c", service.needs], capture_output=True, text=True, check=True).stdout.strip()


def test_an_agent_that_no_master_leads(master: tuple[type[Master], Cluster]) -> None:
    handler, cluster = master
    assert needs(cluster) == "not ready: no master leads"
    handler.status, handler.head = 307, "//127.0.0.1:5050"
    assert needs(cluster) == ""


def test_an_agent_that_reaches_no_master(master: tuple[type[Master], Cluster]) -> None:
    _, cluster = master
    deaf = Cluster(
        name="c", hosts=cluster.hosts, path=Path("i"), state_dir=Path("s"), mesos=Mesos(master=MesosMaster(port=1))
    )
    said = needs(deaf)
    assert said == "not ready: no master answers at 127.0.0.1:1"
    error = why_failed("a1", Result(resource="service mesos-agent", status=Status.FAILED, message=said))
    assert (error.cause, "--limit zookeeper,master" in str(error.fix)) == ("no-master", True)
