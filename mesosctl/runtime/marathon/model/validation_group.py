"""What is wrong with a tree of groups as a whole. Its apps and pods are for `validate` and `validate_pod`.

The rules are Marathon's: docs/{application-groups,persistent-volumes}.md of 1.5.
"""

from __future__ import annotations

from collections.abc import Iterator

from mesosctl.runtime.marathon.model.app import App
from mesosctl.runtime.marathon.model.dependencies import cycle
from mesosctl.runtime.marathon.model.errors import Violation
from mesosctl.runtime.marathon.model.group import Group, apps, walk


def validate_group(root: Group, before: Group | None = None) -> list[Violation]:
    """All that is wrong with the tree, and with the change from the one before it."""
    wrong = [violation for group in walk(root) for violation in _ids(group)]
    if ids := cycle(root):
        wrong.append(Violation("/", f"Dependency graph has cyclic dependencies: {', '.join(ids)}"))
    if before is not None and before is not root:
        old = apps(before)
        for id, app in apps(root).items():
            if app.resident and id in old and app is not old[id]:
                wrong.extend(_resident_change(old[id], app))
    return wrong


def _ids(group: Group) -> Iterator[Violation]:
    twice = (group.apps.keys() & group.groups.keys()) | (group.pods.keys() & (group.apps.keys() | group.groups.keys()))
    for id in sorted(twice):
        yield Violation("/", f"there may be only one app, group or pod with the id {id}")


def _resident_change(old: App, new: App) -> Iterator[Violation]:
    """Instances keep what is reserved for them: that cannot become something else."""
    if not old.resident:
        return
    if set(map(repr, old.volumes)) != set(map(repr, new.volumes)):
        yield Violation("/container/volumes", f"the volumes of {new.id}, which is resident, cannot be changed")
    for name in ("cpus", "mem", "disk", "gpus"):
        if getattr(old, name) != getattr(new, name):
            yield Violation(f"/{name}", f"the resources of {new.id}, which is resident, cannot be changed")
