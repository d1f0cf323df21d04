"""How a test of the suite says what it is about.

    @promise(Role.MASTER)
    def test_unit(host: Host) -> None:
        \"\"\"The master starts with the host\"\"\"

The docstring is the promise, in the words of the report. Such a test runs once for each host with the role: `node` is
the inventory's host, `host` is testinfra's. With `once=True` it runs once for the whole cluster, and reaches hosts
through the fixture `on`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pytest

from mesosctl.inventory.model import Cluster, Host, Role

Test = TypeVar("Test", bound=Callable[..., None])
When = Callable[[Cluster], bool]

MARK = "promise"
CHAPTERS = ("SSH", "Proxy", "SELinux", "Docker", "ZooKeeper", "Mesos", "HA", "Marathon")
"""In the order in which they build on each other, and are reported."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What a test is about."""

    role: Role | None
    """Hosts with it; None: all hosts."""
    when: When | None
    """Clusters for which there is such a promise; None: all."""
    once: bool

    def applies(self, cluster: Cluster, host: Host | None, role: Role | None) -> bool:
        """Whether it is to be checked on a host (None: on the whole), `role` being the only one asked for, if any."""
        if self.when and not self.when(cluster):
            return False
        if role and self.role is not role:
            return False
        if host is None:
            return self.role is None or bool(cluster.with_role(self.role))
        return self.role is None or host.has(self.role)


def promise(role: Role | None = None, *, when: When | None = None, once: bool = False) -> Callable[[Test], Test]:
    """Marks a test of the suite."""
    return pytest.mark.promise(Promise(role, when, once))
