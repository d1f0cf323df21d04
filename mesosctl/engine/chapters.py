"""Single chapters of the guide as steps, for the commands that carry out one of them."""

from __future__ import annotations

from mesosctl import tasks
from mesosctl.engine.facts import Facts
from mesosctl.engine.workflow import Step
from mesosctl.inventory.model import Cluster, Host
from mesosctl.resources.types import Resource, Service


def proxy() -> Step:
    """The proxy settings of every tool, and the restart of a running Docker that has not read its own."""

    def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
        docker = Service(name="docker", manager=facts.init, only_if_installed=True)
        return [*tasks.chapter("proxy").resources(cluster, host, facts), docker]

    return Step(tasks.Stage("proxy", "Proxy settings", ("proxy",)), resources)


def selinux() -> Step:
    """The SELinux mode."""
    return Step(tasks.Stage("selinux", "SELinux", ("selinux",)), tasks.chapter("selinux").resources)
