"""The guide's chapter on Docker's repository: an engine on every agent."""

from __future__ import annotations

import configparser
import re

import pytest
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


@promise(Role.AGENT, when=lambda cluster: cluster.docker.source in ("auto", "docker"))
def test_docker_repository(host: Host, cluster: Cluster) -> None:
    """The engine's packages come from Docker's repository, and are checked"""
    address = f"{cluster.docker.repository.rstrip('/')}/linux/"
    if not host.file("/etc/debian_version").exists:
        enabled_and_checked(host, address)
    elif cluster.docker.source == "auto":
        pytest.skip("the engine is the distribution's own")
    else:
        lines = host.check_output("cat /etc/apt/sources.list.d/*.list").splitlines()
        keys = [
            found[1] for line in lines if (found := re.match(rf"deb \[.*signed-by=(\S+)\] {re.escape(address)}", line))
        ]
        assert keys, f"no source of apt with a key is {address}"
        assert host.run("test -s %s", keys[0]).rc == 0, f"{keys[0]} is missing"


def enabled_and_checked(host: Host, address: str) -> None:
    """Fails where dnf takes nothing from an address, or without a look at the signatures (dnf.conf(5))."""
    settings = configparser.ConfigParser(strict=False, interpolation=None)
    settings.read_string(host.check_output("cat /etc/yum.repos.d/*.repo"))
    found = [section for section in settings.values() if section.get("baseurl", "").startswith(address)]
    assert found, f"no repository of dnf is {address}"
    true = ("1", "yes", "true", "on")
    enabled = [section for section in found if section.get("enabled", "1").lower() in true]
    assert enabled, f"{', '.join(section.name for section in found)} is not enabled"
    unchecked = [section.name for section in enabled if section.get("gpgcheck", "0").lower() not in true]
    assert not unchecked, f"the signatures of {', '.join(unchecked)} are not checked"
