"""What `check --fix` puts right: findings in, resources out. Nothing here can lose data or stop a service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mesosctl.engine.check import Finding, Severity
from mesosctl.engine.facts import Facts
from mesosctl.engine.workflow import Step
from mesosctl.inventory.model import Cluster, Host, SelinuxMode
from mesosctl.resources.types import Packages, Resource, Service
from mesosctl.tasks import Stage, hosts_file, selinux
from mesosctl.tasks.mesos_python import python_of
from mesosctl.tasks.proxy_url import environment

STAGE = Stage("repair", "What check --fix puts right", ())

TIME_SERVICES = {"debian": ("systemd-timesyncd", "systemd-timesyncd"), "redhat": ("chrony", "chronyd")}
"""Package and unit of each family's usual time service."""


def step(cluster: Cluster, facts: Mapping[str, Facts], findings: Iterable[Finding]) -> Step | None:
    """A step that puts right what can be of these findings; None where nothing can."""
    repairs: dict[str, list[Resource]] = {}
    for finding in findings:
        if finding.severity is not Severity.OK and finding.check in _REPAIRS and finding.host in facts:
            resources = _REPAIRS[finding.check](cluster, cluster.host(finding.host), facts[finding.host])
            repairs.setdefault(finding.host, []).extend(resources)
    if not any(repairs.values()):
        return None
    return Step(STAGE, lambda cluster, host, facts: repairs.get(host.name, []))


def _python(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    python = python_of(facts)
    if not facts.package_manager or not python or not python.package:
        return []
    return [Packages(names=(python.package,), manager=facts.package_manager, proxy=environment(cluster))]


def _time_sync(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    unit, _, state = facts.time_service.partition(" ")
    if facts.init != "systemd" or state == "active":
        return []
    if unit:
        return [Service(name=unit)]
    if facts.family not in TIME_SERVICES:
        return []
    package, unit = TIME_SERVICES[facts.family]
    packages = Packages(names=(package,), manager=facts.package_manager, proxy=environment(cluster))
    return [packages, Service(name=unit)]


def _names(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    return hosts_file.resources(cluster, host, facts) if cluster.hosts_file else []


def _selinux(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    if SelinuxMode.DISABLED in (facts.selinux, cluster.selinux):
        return []  # takes a reboot
    return selinux.resources(cluster, host, facts)


_REPAIRS: Mapping[str, Callable[[Cluster, Host, Facts], list[Resource]]] = {
    "python": _python,
    "time-sync": _time_sync,
    "names": _names,
    "selinux": _selinux,
}
"""By the id of the check; a test holds them and `Check.repairable` together."""
