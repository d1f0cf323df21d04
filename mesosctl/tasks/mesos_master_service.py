"""The masters themselves: enabled, and started by `start-cluster`."""

from __future__ import annotations

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Resource
from mesosctl.tasks import mesos_service

TITLE = "Masters"


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    return [mesos_service.master(cluster, host, facts)] if host.has(Role.MASTER) else []
