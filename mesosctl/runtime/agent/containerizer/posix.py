"""The isolators that need no control groups: resource limits, volumes, and process ids of one's own."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from pathlib import Path

from mesosctl.runtime.agent.containerizer.base import Holding
from mesosctl.runtime.agent.containerizer.isolator import Isolator, Json
from mesosctl.runtime.agent.records import ExecutorRecord
from mesosctl.runtime.executor.enter import Mount
from mesosctl.runtime.protocol.containers import RLimitInfo
from mesosctl.runtime.protocol.resources import Volume

_RLIMIT_LOCKS = 10
"""Not in Python's module: Linux ignores it."""


class RlimitsIsolator(Isolator):
    """posix/rlimits"""

    def prepare(self, executor: ExecutorRecord, held: Holding) -> Json:
        container = executor.info.container
        wanted = container.rlimit_info.rlimits if container and container.rlimit_info else ()
        return {"rlimits": tuple(_rlimit(each) for each in wanted)}


def _rlimit(wanted: RLimitInfo.RLimit) -> tuple[int, int, int]:
    if wanted.type in (None, RLimitInfo.RLimit.Type.UNKNOWN):
        raise ValueError("A resource limit has no valid type")
    assert wanted.type is not None
    which = getattr(resource, wanted.type.replace("RLMT_", "RLIMIT_"), _RLIMIT_LOCKS)
    if (wanted.soft is None) != (wanted.hard is None):
        raise ValueError(f"{wanted.type} needs both a soft and a hard limit, or none for no limit")
    if wanted.soft is None or wanted.hard is None:
        return which, resource.RLIM_INFINITY, resource.RLIM_INFINITY
    if wanted.soft > wanted.hard:
        raise ValueError(f"The soft limit of {wanted.type} is above the hard one")
    return which, wanted.soft, wanted.hard


class VolumesIsolator(Isolator):
    """filesystem/linux, volume/host_path and volume/sandbox_path: directories and files seen at other paths."""

    def prepare(self, executor: ExecutorRecord, held: Holding) -> Json:
        container = executor.info.container
        volumes = container.volumes if container else ()
        if volumes and os.geteuid() != 0:
            raise ValueError("This agent mounts no volumes, because it does not run as root")
        return {"mounts": tuple(_mount(volume, Path(executor.directory)) for volume in volumes)}


def _mount(volume: Volume, sandbox: Path) -> Mount:
    source = _source(volume, sandbox)
    target = Path(volume.container_path)
    if target.is_absolute():
        if not target.exists():
            raise ValueError(f"Mount point '{target}' is an absolute path that does not exist on this agent")
    else:
        target = _within(sandbox, volume.container_path)
        _make_like(target, source)
    return Mount(str(source), str(target), read_only=volume.mode is Volume.Mode.RO)


def _source(volume: Volume, sandbox: Path) -> Path:
    path = volume.host_path
    if volume.source:
        match volume.source.type:
            case Volume.Source.Type.HOST_PATH if volume.source.host_path:
                path = volume.source.host_path.path
            case Volume.Source.Type.SANDBOX_PATH if volume.source.sandbox_path:
                if volume.source.sandbox_path.type is Volume.Source.SandboxPath.Type.PARENT:
                    raise ValueError("A container without a parent has no volume in its parent's sandbox")
                path = volume.source.sandbox_path.path
                if Path(path).is_absolute():
                    raise ValueError(f"Path '{path}' in a sandbox is absolute")
            case other:
                raise ValueError(f"This agent has no volumes of type {other}")
    if path is None:
        raise ValueError(f"The volume at '{volume.container_path}' has no source")
    if not Path(path).is_absolute():
        source = _within(sandbox, path)
        source.mkdir(parents=True, exist_ok=True)
        _give(source, sandbox)
        return source
    if not Path(path).exists():
        raise ValueError(f"Path '{path}' does not exist on this agent")
    return Path(path)


def _within(sandbox: Path, path: str) -> Path:
    if ".." in Path(path).parts:
        raise ValueError(f"The path '{path}' of a volume leads out of the sandbox")
    found = sandbox / path
    if not found.resolve().is_relative_to(sandbox.resolve()):
        raise ValueError(f"The path '{path}' of a volume leads out of the sandbox")
    return found


def _make_like(target: Path, source: Path) -> None:
    """Make a mount point of the same kind."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()


def _give(path: Path, sandbox: Path) -> None:
    """To the owner of the sandbox."""
    owner = sandbox.stat()
    with suppress(PermissionError):
        os.chown(path, owner.st_uid, owner.st_gid)


class PidNamespaceIsolator(Isolator):
    """namespaces/pid"""

    def prepare(self, executor: ExecutorRecord, held: Holding) -> Json:
        container = executor.info.container
        shared = container.linux_info.share_pid_namespace if container and container.linux_info else None
        return {} if shared else {"pid_namespace": True}
