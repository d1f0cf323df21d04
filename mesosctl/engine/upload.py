"""Which archives have to be sent to a host, and where they are put there until they are unpacked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mesosctl.engine.facts import Facts
from mesosctl.resources.program import STATE_DIR
from mesosctl.resources.types import Archive, Resource


def missing(resources: Sequence[Resource], facts: Facts | None) -> Iterator[Archive]:
    """The archives that a host has neither packed nor unpacked."""
    for each in resources:
        if isinstance(each, Archive) and not (facts and _arrived(each, facts)):
            yield each


def path_of(archive: Archive) -> str:
    """Where the resource looks for its archive on the host."""
    return f"{STATE_DIR}/upload/{archive.sha256}"


def _arrived(archive: Archive, facts: Facts) -> bool:
    return archive.sha256 in facts.uploads or (archive.path, archive.sha256) in facts.releases
