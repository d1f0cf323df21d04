"""The files of a host as plain data, for those who want to read them without touching a host.

A block of a shared file becomes `PATH.block-NAME`, a single line of one `PATH.setting-KEY`: what surrounds them is
known only on the host.
"""

from __future__ import annotations

from dataclasses import dataclass

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host
from mesosctl.resources.types import Block, File, Resource, Setting
from mesosctl.tasks import STAGES, resources_of


@dataclass(frozen=True, slots=True)
class Rendered:
    """One file: its absolute path on the host, its content, and its mode in octal."""

    path: str
    content: str
    mode: str


def files(cluster: Cluster, host: Host, facts: Facts) -> list[Rendered]:
    """All files that the chapters write on a host, in the order of the stages."""
    resources = [resource for stage in STAGES for resource in resources_of(stage, cluster, host, facts)]
    return [file for file in map(_rendered, resources) if file and file.content]


def _rendered(resource: Resource) -> Rendered | None:
    if isinstance(resource, File):
        return Rendered(resource.path, resource.content, resource.mode)
    if isinstance(resource, Block):
        return Rendered(f"{resource.path}.block-{resource.name}", resource.content, resource.mode)
    if isinstance(resource, Setting):
        return Rendered(f"{resource.path}.setting-{resource.key}", f"{resource.key}={resource.value}\n", "0644")
    return None
