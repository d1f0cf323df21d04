"""Volumes of nested containers that are directories of a sandbox: the parent's or their own (SANDBOX_PATH).

Without a mount namespace of its own a container finds a volume through a symbolic link in its sandbox, as with Apache
Mesos' posix launcher; so the paths in it are relative. Where the parent has a link too, as to a persistent volume, this
one leads to the same place: other users than the parent's cannot pass through its sandbox.
"""

from __future__ import annotations

import os
from pathlib import Path

from mesosctl.runtime.executor.user import identity
from mesosctl.runtime.protocol.containers import ContainerInfo
from mesosctl.runtime.protocol.resources import Volume

SandboxPath = Volume.Source.SandboxPath


def make_volumes(info: ContainerInfo, sandbox: Path, parent: Path | None, owner: str | None) -> None:
    """Make the volumes of a container. Raises ValueError, LookupError and OSError."""
    if info.type is ContainerInfo.Type.DOCKER:
        raise ValueError("A nested container cannot be of type DOCKER")
    if info.mesos and info.mesos.image:
        raise ValueError("This agent has no image provider")
    for volume in info.volumes:
        _link(volume, sandbox, parent, owner)


def _link(volume: Volume, sandbox: Path, parent: Path | None, owner: str | None) -> None:
    target = _target(volume, sandbox, parent)
    link = sandbox / _inside(volume.container_path)
    if not target.exists():
        target.mkdir(parents=True)
        if ids := identity(owner):
            os.chown(target, ids["user"], ids["group"])
    link.parent.mkdir(parents=True, exist_ok=True)
    if link != target:
        link.symlink_to(target.resolve() if target.is_symlink() else target)


def _target(volume: Volume, sandbox: Path, parent: Path | None) -> Path:
    source = volume.source
    path = source.sandbox_path if source else None
    if source and source.type is Volume.Source.Type.SANDBOX_PATH and path:
        if path.type is SandboxPath.Type.SELF:
            return sandbox / _inside(path.path)
        if path.type is SandboxPath.Type.PARENT and parent:
            return parent / _inside(path.path)
        raise ValueError("A SANDBOX_PATH volume must be of type SELF or, in a nested container, PARENT")
    host = source.host_path.path if source and source.host_path else volume.host_path
    if host is None or not os.path.isabs(host):
        raise ValueError(f"Volume '{volume.container_path}' has no source that this agent can mount")
    if not os.path.exists(host):
        raise ValueError(f"Path '{host}' of volume '{volume.container_path}' does not exist")
    return Path(host)


def _inside(path: str) -> str:
    """The path, which must not lead out of the directory that it is in. Raises ValueError."""
    if os.path.isabs(path) or ".." in Path(path).parts or path in ("", "."):
        raise ValueError(f"'{path}' must be a path within the sandbox")
    return path
