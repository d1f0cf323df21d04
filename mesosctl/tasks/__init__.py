"""The chapters of the guide as code, and the stages in which they are carried out.

Each module here is a chapter: a pure function `resources(cluster, host, facts)` that says which states must hold on a
host. It asks nothing and changes nothing. A stage must hold on all its hosts before the next begins.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Protocol, cast

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Resource


class Chapter(Protocol):
    """What a module of this package offers."""

    TITLE: str

    def resources(self, cluster: Cluster, host: Host, facts: Facts) -> list[Resource]: ...


@dataclass(frozen=True, slots=True)
class Stage:
    """Chapters that are brought about together, by the names of their modules, in this order."""

    name: str
    title: str
    tasks: tuple[str, ...]
    voters: Role | None = None
    """The role whose hosts are members of one voting service; they are restarted one at a time."""
    in_turn: Role | None = None
    """The role whose hosts are restarted one at a time, the leader last, though one of them is enough."""
    canary: bool = False
    """Of the hosts whose service is restarted, one goes first; the others only if it comes up."""


STAGES: tuple[Stage, ...] = (
    Stage("access", "SSH access among the nodes", ("ssh_keys",)),
    Stage("prepare", "Names, limits, SELinux and proxies", ("hosts_file", "limits", "selinux", "proxy")),
    Stage(
        "packages", "Software", ("docker_repository", "docker", "java", "socat", "zookeeper_package", "mesos_package")
    ),
    Stage(
        "configure",
        "Configuration of ZooKeeper, Mesos and Marathon",
        ("zookeeper", "mesos", "mesos_service", "marathon"),
    ),
    Stage("zookeeper", "The ZooKeeper ensemble", ("zookeeper_service",), voters=Role.ZOOKEEPER),
    Stage("masters", "The masters", ("mesos_master_service",), voters=Role.MASTER),
    Stage("agents", "The agents", ("mesos_agent_service", "mesos_releases"), canary=True),
    Stage("marathons", "Marathon", ("marathon_service",), in_turn=Role.MARATHON),
)


def stage(name: str) -> Stage:
    """The stage of that name; KeyError when there is none."""
    for item in STAGES:
        if item.name == name:
            return item
    raise KeyError(name)


def chapter(name: str) -> Chapter:
    """The chapter of that module name."""
    return cast(Chapter, importlib.import_module(f"{__name__}.{name}"))


def resources_of(stage: Stage, cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    """All resources of a stage on a host, in the order in which they are reached."""
    return [resource for name in stage.tasks for resource in chapter(name).resources(cluster, host, facts)]
