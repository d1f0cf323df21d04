"""The services of the cluster: which there are, and how all of them are started and stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mesosctl import tasks
from mesosctl.engine.facts import Facts
from mesosctl.engine.workflow import Step
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Command, Resource, Service
from mesosctl.tasks import marathon, mesos_service
from mesosctl.templates.filters import sh


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterService:
    """A service that runs on all hosts of a role."""

    name: str
    """Of its unit or script."""
    title: str
    role: Role
    stage: str
    """The stage of bootstrap that starts it."""
    log: Callable[[Cluster], str]
    """The path of its log on a host."""


SERVICES: tuple[ClusterService, ...] = (
    ClusterService(
        name="zookeeper",
        title="ZooKeeper",
        role=Role.ZOOKEEPER,
        stage="zookeeper",
        log=lambda cluster: f"{cluster.zookeeper.log_dir}/zookeeper.log",
    ),
    ClusterService(
        name=mesos_service.MASTER,
        title="Masters",
        role=Role.MASTER,
        stage="masters",
        log=lambda cluster: mesos_service.log_file(cluster, mesos_service.MASTER),
    ),
    ClusterService(
        name=mesos_service.AGENT,
        title="Agents",
        role=Role.AGENT,
        stage="agents",
        log=lambda cluster: mesos_service.log_file(cluster, mesos_service.AGENT),
    ),
    ClusterService(name=marathon.NAME, title="Marathon", role=Role.MARATHON, stage="marathons", log=marathon.log_file),
)
"""In the order in which they are started; they are stopped in the opposite one."""


def of(host: Host) -> tuple[ClusterService, ...]:
    """The services of a host."""
    return tuple(service for service in SERVICES if host.has(service.role))


def start_steps() -> list[Step]:
    """What start-cluster does: each service's stage as in bootstrap, but that it starts what does not run and waits
    until it does its work."""
    return [_start(tasks.stage(service.stage)) for service in SERVICES]


def _start(stage: tasks.Stage) -> Step:
    def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
        found = tasks.resources_of(stage, cluster, host, facts)
        return [replace(item, start=True) if isinstance(item, Service) else item for item in found]

    return Step(stage, resources)


def stop_steps() -> list[Step]:
    """What stop-cluster does. The services stay enabled: after a reboot they run again."""
    return [_stop(service) for service in reversed(SERVICES)]


def _stop(service: ClusterService) -> Step:
    def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
        if not host.has(service.role):
            return []
        if facts.init == "systemd":
            runs = f"systemctl is-active --quiet {sh(f'{service.name}.service')}"
            stop = f"systemctl stop {sh(f'{service.name}.service')}"
        else:
            script = sh(f"/etc/init.d/{service.name}")
            runs, stop = f"[ -x {script} ] && {script} status", f"{script} stop"
        return [Command(name=f"{service.name} is stopped", check=f"! {{ {runs}; }}", apply=stop)]

    return Step(tasks.Stage(service.name, f"{service.title} is stopped", ()), resources)
