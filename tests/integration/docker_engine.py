"""A tiny image for tests, made of programs of this host: no registry is needed."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mesosctl.lab.image import discard

IMAGE = f"mesosctl-test-tiny-{os.getpid()}:latest"
PROGRAMS = ("sh", "cat", "sleep", "env", "head", "tail", "ls", "id", "touch")

START_SECONDS = 60.0
BRIDGE = f"tests{os.getpid()}"


@contextmanager
def engine(folder: Path) -> Iterator[None]:
    """The machine's Docker engine; where none answers, one of our own for docker and agents, gone with the block.

    Labs that come and go meanwhile are not on it, for its socket is another, and their engine, which removes docker0,
    leaves its bridge alone. It publishes ports by proxies: the rules of the firewall, and so of labs, stay as they are.
    """
    if _answers():
        yield
        return
    socket = folder / "socket"
    command = ["dockerd", f"--host=unix://{socket}", "--iptables=false", "--ip6tables=false", f"--bridge={BRIDGE}"]
    command += [f"--data-root={folder / 'data'}", f"--exec-root={folder / 'exec'}", f"--pidfile={folder / 'pid'}"]
    with (
        _bridge(),
        pytest.MonkeyPatch.context() as environment,
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        environment.setenv("DOCKER_HOST", f"unix://{socket}")
        environment.setenv("MESOS_DOCKER_SOCKET", str(socket))
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _answers():
                running = process.poll() is None and time.monotonic() < deadline
                assert running, (folder / "log").read_text()
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            process.wait()
            discard(folder)


@contextmanager
def _bridge() -> Iterator[None]:
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", "172.31.250.1/24", "dev", BRIDGE], check=True)
        subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)
        yield
    finally:
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)


def _answers() -> bool:
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


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
