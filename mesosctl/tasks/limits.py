"""Limits of open files and processes for login sessions, and so for what the start scripts start over ssh.

The wildcard does not apply to root, which has lines of its own. Format: limits.conf(5).
"""

from __future__ import annotations

from typing import NamedTuple

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host
from mesosctl.resources.types import File, Resource
from mesosctl.templates import render

TITLE = "Limits"

PATH = "/etc/security/limits.d/mesosctl.conf"


class Lines(NamedTuple):
    nofile: int
    nproc: int


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    return [File(path=PATH, content=render(PATH[1:], Lines(cluster.limits.nofile, cluster.limits.nproc)))]
