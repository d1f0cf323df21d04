"""The preflight check: are the hosts fit for the cluster? Facts in, findings out; nothing here asks a host.

`mesosctl.engine.check.host` looks at one host at a time, `mesosctl.engine.check.network` at the hosts among each
other, `mesosctl.engine.check.repair` says what can be put right. Here is what they share, and the list of all checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from mesosctl.engine.facts import Facts
from mesosctl.engine.report import Failure
from mesosctl.inventory.model import Cluster, Host


class Severity(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """The cluster will work, or bootstrap sees to it, but the operator should know."""
    ERROR = "error"
    """The cluster will not work."""


@dataclass(frozen=True, slots=True)
class Check:
    """A thing that is looked at. Its id never changes: scripts and tickets name it."""

    id: str
    title: str
    repairable: bool = False
    """`check --fix` can put it right."""


CHECKS: tuple[Check, ...] = (
    Check("ssh", "The host is reached over SSH, its host key is known, the login works."),
    Check("sudo", "The login can become root."),
    Check("lock", "No other run of mesosctl works on the host."),
    Check("os", "The operating system is of the Debian or RHEL family, with its package manager."),
    Check("python", "Python is there, for the Mesos components that mesosctl ships.", repairable=True),
    Check("java", "Java 8 or later is there or will be installed, where ZooKeeper or Marathon run."),
    Check("docker", "Docker is there or will be installed, where an agent runs Docker containers."),
    Check("memory", "The memory is enough for the host's roles."),
    Check("disk", "The disks have room for packages, data and logs."),
    Check("cgroups", "The kernel has control groups, where an agent runs."),
    Check("selinux", "SELinux is in the mode that the inventory asks for.", repairable=True),
    Check("clock-skew", "The clock is within `time.max_skew` seconds of the median of all hosts."),
    Check("time-sync", "A service keeps the clock synchronised.", repairable=True),
    Check("names", "The names of all hosts resolve to the inventory's addresses.", repairable=True),
    Check("ports", "The ports that the roles need are free, or held by the cluster's own services."),
    Check("node-ports", "What listens on the other hosts can be connected to: no firewall is in between."),
    Check("package-source", "Packages can be fetched, through the proxy where one is declared."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check found on a host."""

    check: str
    """Id of the check."""
    host: str
    severity: Severity
    message: str
    fix: str = ""
    """What to do about it."""


@dataclass(frozen=True, slots=True)
class View:
    """What a check looks at: one host among all that answered."""

    cluster: Cluster
    host: Host
    everyone: Mapping[str, Facts]

    @property
    def facts(self) -> Facts:
        return self.everyone[self.host.name]

    def ok(self, check: str, message: str) -> Finding:
        return Finding(check=check, host=self.host.name, severity=Severity.OK, message=message)

    def warning(self, check: str, message: str, fix: str = "") -> Finding:
        return Finding(check=check, host=self.host.name, severity=Severity.WARNING, message=message, fix=fix)

    def error(self, check: str, message: str, fix: str = "") -> Finding:
        return Finding(check=check, host=self.host.name, severity=Severity.ERROR, message=message, fix=fix)


def findings(cluster: Cluster, facts: Mapping[str, Facts], failures: Mapping[str, Failure]) -> list[Finding]:
    """All findings, host by host in the inventory's order and in the order of CHECKS.

    `facts` are the deep facts of the hosts that answered, `failures` says why others did not; hosts that are in
    neither were not asked.
    """
    found: list[Finding] = []
    for host in cluster.hosts:
        if host.name in failures:
            found += _unreached(host, failures[host.name])
        elif host.name in facts:
            found += _host(View(cluster, host, facts))
    order = {check.id: place for place, check in enumerate(CHECKS)}
    hosts = {host.name: place for place, host in enumerate(cluster.hosts)}
    return sorted(found, key=lambda finding: (hosts[finding.host], order[finding.check]))


def _unreached(host: Host, failure: Failure) -> Iterator[Finding]:
    sudo = failure.cause.startswith("sudo")
    if sudo:
        yield Finding(check="ssh", host=host.name, severity=Severity.OK, message="logged in")
    yield Finding(
        check="sudo" if sudo else "ssh",
        host=host.name,
        severity=Severity.ERROR,
        message=f"{failure.cause}: {failure.message}",
        fix=failure.fix,
    )


def _host(view: View) -> Iterator[Finding]:
    from mesosctl.engine.check import host, network

    ssh = view.host.ssh
    yield view.ok("ssh", f"logged in as {ssh.user}")
    yield view.ok("sudo", f"{ssh.user} becomes root with sudo" if ssh.sudo else f"{ssh.user} is root")
    yield from host.findings(view)
    yield from network.findings(view)
