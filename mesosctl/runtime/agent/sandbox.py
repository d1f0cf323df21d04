"""The directories of an agent: `work_dir/slaves/AGENT/frameworks/FRAMEWORK/executors/EXECUTOR/runs/CONTAINER`.

The layout is Apache Mesos' (docs/sandbox.md), with `runs/latest` leading to the newest run.
"""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path
from typing import BinaryIO

LATEST = "latest"
_MODE = 0o750


def sandbox_path(work_dir: str, agent_id: str, framework_id: str, executor_id: str, container_id: str) -> str:
    """Where the sandbox of a container is. The ids must be valid file names."""
    return str(
        Path(work_dir, "slaves", agent_id, "frameworks", framework_id, "executors", executor_id, "runs", container_id)
    )


def create_sandbox(path: str, owner: str | None) -> None:
    """Make the directory, owned by the user `owner` where one is named, and let `latest` lead to it.

    Raises OSError, and LookupError where there is no such user.
    """
    directory = Path(path)
    directory.mkdir(parents=True)
    directory.chmod(_MODE)
    if owner is not None:
        shutil.chown(directory, owner, pwd.getpwnam(owner).pw_gid)
    link = directory.parent / f".{LATEST}.{directory.name}"
    link.symlink_to(directory)
    os.replace(link, directory.parent / LATEST)


def open_output(directory: str, name: str, owner: str | None) -> BinaryIO:
    """Open a file for what a task writes, owned by the user `owner`. Raises OSError and LookupError."""
    path = Path(directory, name)
    file = path.open("ab")
    if owner is not None:
        shutil.chown(path, owner, pwd.getpwnam(owner).pw_gid)
    return file
