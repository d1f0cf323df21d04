"""The guide's chapter on Docker's repository: an engine on every agent."""

from __future__ import annotations

from testinfra.host import Host

from mesosctl.inventory.model import Cluster, Role
from mesosctl.verify.promises import promise
from mesosctl.verify.services import running, starts_with_host

TITLE = "Docker"


def engine(cluster: Cluster) -> bool:
    return cluster.docker.source != "none"


@promise(Role.AGENT, when=engine)
def test_engine_starts_with_the_host(host: Host) -> None:
    """The Docker engine starts with the host"""
    starts_with_host(host, "docker")


@promise(Role.AGENT, when=engine)
def test_engine_answers(host: Host) -> None:
    """The Docker engine runs and answers"""
    running(host, "docker")
    answer = host.run("docker version --format '{{.Server.Version}}'")
    assert answer.rc == 0, answer.stderr.strip() or "docker does not answer"
