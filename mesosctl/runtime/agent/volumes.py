"""Persistent volumes on the disk, and in the sandboxes of the tasks that use them.

A volume is a directory `work_dir/volumes/roles/ROLE/ID`, below the root of its disk where it has a source, as in Apache
Mesos (src/slave/paths.cpp); a disk of its own (MOUNT) is the volume. In sandboxes it is a symbolic link.
"""

from __future__ import annotations

import logging
import os
import pwd
import shutil
from collections.abc import Iterable
from pathlib import Path

from mesosctl.runtime.agent.access import admit
from mesosctl.runtime.protocol.resources import Resource, Volume
from mesosctl.runtime.resources import Resources

log = logging.getLogger(__name__)

_Source = Resource.DiskInfo.Source


def volume_path(work_dir: str, volume: Resource) -> Path:
    """Where a persistent volume is."""
    assert volume.disk is not None
    assert volume.disk.persistence is not None
    root = work_dir
    source = volume.disk.source
    if source and source.type is _Source.Type.MOUNT and source.mount and source.mount.root:
        return Path(work_dir, source.mount.root)
    if source and source.path and source.path.root:
        root = str(Path(work_dir, source.path.root))
    (role,) = Resources.of([volume]).reservations()
    return Path(root, "volumes", "roles", role.replace("/", " "), volume.disk.persistence.id)


def keep_volumes(work_dir: str, before: Iterable[Resource], now: Iterable[Resource]) -> None:
    """Make the directories of the volumes that are there now, and remove those of the others that were before.

    Raises OSError.
    """
    wanted = {volume_path(work_dir, each) for each in now if _is_volume(each)}
    for path in wanted:
        path.mkdir(parents=True, exist_ok=True)
    for path in {volume_path(work_dir, each) for each in before if _is_volume(each)} - wanted:
        log.info("Removing the persistent volume %s", path)
        if path.is_mount():
            for each in path.iterdir():
                shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
        elif path.exists():
            shutil.rmtree(path)


def link_volumes(work_dir: str, sandbox: str, resources: Iterable[Resource], user: str | None) -> None:
    """Let a sandbox show the volumes among the resources, which belong to their first user `user`; later ones may
    work in them too.

    Raises OSError, LookupError, and ValueError where the path in the container is not one within the sandbox.
    """
    for resource in resources:
        if resource.disk is None or resource.disk.volume is None or not _is_volume(resource):
            continue
        name = resource.disk.volume.container_path
        if os.path.isabs(name) or ".." in Path(name).parts or not Path(name).parts:
            raise ValueError(f"The path '{name}' of a persistent volume is not one within the sandbox")
        source = _hand_over(volume_path(work_dir, resource), user)
        link = Path(sandbox, name)
        if link.is_symlink() and link.readlink() == source:
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source)


def bind_volumes(work_dir: str, sandbox: str, resources: Iterable[Resource], user: str | None) -> list[str]:
    """The volumes as a container engine mounts them: `source:target:mode`, relative targets within `sandbox`.

    Raises OSError, LookupError, and ValueError where a volume is not there.
    """
    binds = []
    for resource in resources:
        if resource.disk is None or resource.disk.volume is None or not _is_volume(resource):
            continue
        volume = resource.disk.volume
        source = _hand_over(volume_path(work_dir, resource), user)
        mode = "ro" if volume.mode is Volume.Mode.RO else "rw"
        binds.append(f"{source}:{os.path.join(sandbox, volume.container_path)}:{mode}")
    return binds


def _hand_over(volume: Path, user: str | None) -> Path:
    """Give a volume to its first user, and let others in."""
    if not volume.is_dir():
        raise ValueError(f"The persistent volume {volume} is not there")
    if user is None:
        return volume
    found, owner = pwd.getpwnam(user), volume.stat().st_uid
    if owner == os.geteuid():
        shutil.chown(volume, found.pw_uid, found.pw_gid)
    elif found.pw_uid not in (owner, 0):
        admit(volume, found.pw_uid)
    return volume


def _is_volume(resource: Resource) -> bool:
    return resource.disk is not None and resource.disk.persistence is not None
