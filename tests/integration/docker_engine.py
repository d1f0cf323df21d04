"""A tiny image for tests, made of programs of this host: no registry is needed."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

IMAGE = f"mesosctl-test-tiny-{os.getpid()}:latest"
PROGRAMS = ("sh", "cat", "sleep", "env", "head", "tail", "ls", "id", "touch")


def engine_answers() -> bool:
    return (
        shutil.which("docker") is not None and subprocess.run(["docker", "info"], capture_output=True).returncode == 0
    )


def make_image(name: str = IMAGE, *changes: str, programs: Iterable[str] = PROGRAMS) -> None:
    """`changes` are instructions of a Dockerfile, e.g. `ENTRYPOINT ["sh"]`."""
    options = [part for change in changes for part in ("--change", change)]
    subprocess.run(["docker", "import", *options, "-", name], input=_root(programs), check=True, capture_output=True)


def _root(programs: Iterable[str]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        libraries: set[str] = set()
        for program in programs:
            path = shutil.which(program)
            assert path is not None
            tar.add(Path(path).resolve(), f"bin/{program}")
            printed = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
            libraries |= set(re.findall(r"(/\S+)", printed))
        for library in sorted(libraries):
            tar.add(Path(library).resolve(), library.lstrip("/"))
        for folder in ("tmp", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(entry)
    return archive.getvalue()
