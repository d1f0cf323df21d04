"""What a change of a definition means: nothing, another number of instances, or new instances.

A change of nothing but the number of instances keeps the time of the last change of its configuration, which is what
instances are compared with.
"""

from __future__ import annotations

import msgspec

from mesosctl.runtime.marathon.model.app import App
from mesosctl.runtime.marathon.model.pod import Pod

_replace = msgspec.structs.replace


def config_version(item: App | Pod) -> str:
    """When anything but its number of instances last changed."""
    if item.versionInfo is not None:
        return item.versionInfo.lastConfigChangeAt
    return item.version


def same_config(old: App | Pod, new: App | Pod) -> bool:
    """Whether they differ in nothing but the number of instances and their versions."""
    return _config(old) == _config(new)


def only_scales(old: App | Pod, new: App | Pod) -> bool:
    """Whether the change is another number of instances and nothing else."""
    return old.instances != new.instances and not needs_restart(old, new)


def needs_restart(old: App | Pod, new: App | Pod) -> bool:
    """Whether instances of the old definition do not do for the new one: it differs, or a restart was asked for."""
    return not same_config(old, new) or config_version(old) != config_version(new)


def _config(item: App | Pod) -> App | Pod:
    """What counts when instances are compared; the order of constraints and health checks does not."""
    if isinstance(item, Pod):
        return _replace(item, version="", versionInfo=None, scaling=_replace(item.scaling, instances=0))
    return _replace(
        item,
        version="",
        versionInfo=None,
        instances=0,
        constraints=tuple(sorted(item.constraints, key=repr)),
        healthChecks=tuple(sorted(item.healthChecks, key=repr)),
    )
