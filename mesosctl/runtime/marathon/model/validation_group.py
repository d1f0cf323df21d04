"""What is wrong with a tree of groups as a whole. Its apps and pods are for `validate` and `validate_pod`.

The rules are Marathon's: docs/{application-groups,persistent-volumes}.md of 1.5.
"""

from __future__ import annotations

from collections.abc import Iterator

from mesosctl.runtime.marathon.model.dependencies import cycle
from mesosctl.runtime.marathon.model.errors import Violation
from mesosctl.runtime.marathon.model.group import Group, RunSpec, run_specs, walk
from mesosctl.runtime.marathon.model.pod import ExecutorResources, Pod, Resources


def validate_group(root: Group, before: Group | None = None) -> list[Violation]:
    """All that is wrong with the tree, and with the change from the one before it."""
    wrong = [violation for group in walk(root) for violation in _ids(group)]
    if ids := cycle(root):
        wrong.append(Violation("/", f"Dependency graph has cyclic dependencies: {', '.join(ids)}"))
    if before is not None and before is not root:
        old = run_specs(before)
        for id, spec in run_specs(root).items():
            if spec.resident and id in old and spec is not old[id]:
                wrong.extend(_resident_change(old[id], spec))
    return wrong


def _ids(group: Group) -> Iterator[Violation]:
    twice = (group.apps.keys() & group.groups.keys()) | (group.pods.keys() & (group.apps.keys() | group.groups.keys()))
    for id in sorted(twice):
        yield Violation("/", f"there may be only one app, group or pod with the id {id}")


def _resident_change(old: RunSpec, new: RunSpec) -> Iterator[Violation]:
    """Instances keep what is reserved for them: that cannot become something else."""
    if not old.resident:
        return
    if isinstance(old, Pod) or isinstance(new, Pod):
        yield from _resident_pod_change(old, new)
        return
    if set(map(repr, old.volumes)) != set(map(repr, new.volumes)):
        yield Violation("/container/volumes", f"the volumes of {new.id}, which is resident, cannot be changed")
    for name in ("cpus", "mem", "disk", "gpus"):
        if getattr(old, name) != getattr(new, name):
            yield Violation(f"/{name}", f"the resources of {new.id}, which is resident, cannot be changed")


def _resident_pod_change(old: RunSpec, new: RunSpec) -> Iterator[Violation]:
    if not isinstance(old, Pod) or not isinstance(new, Pod):
        yield Violation("/", f"{new.id}, which is resident, cannot become something else")
        return
    if set(map(repr, old.volumes)) != set(map(repr, new.volumes)):
        yield Violation("/volumes", f"the volumes of {new.id}, which is resident, cannot be changed")
    for path, what in (("/executorResources", _executor), ("/containers", _containers)):
        if what(old) != what(new):
            yield Violation(path, f"the resources of {new.id}, which is resident, cannot be changed")


def _executor(pod: Pod) -> ExecutorResources:
    return pod.executorResources


def _containers(pod: Pod) -> list[Resources]:
    return [container.resources for container in pod.containers]
