"""The Docker engine that a lab runs on: the one that is there, else one of our own for as long as there are labs.

Our own engine keeps its data, socket and process id away from any other, and is stopped when the last lab goes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from mesosctl.errors import RefusedError
from mesosctl.lab.docker import Docker
from mesosctl.lab.state import MACHINE_STATE, Progress

DATA = MACHINE_STATE / "docker"
RUN = Path("/run/mesosctl-lab")
SOCKET = RUN / "docker.sock"
PID_FILE = RUN / "docker.pid"
OWN = Docker(f"unix://{SOCKET}")

INSTALL = "apt-get install docker.io debootstrap"
START_TIMEOUT = 60.0
"""Seconds for our own engine to answer, and to stop."""


def running_engine() -> Docker | None:
    """The engine that labs are on. None: there is none yet.

    That is our own while it has labs, started again if the machine was rebooted under it; else the one that runs.
    Raises RefusedError where this machine cannot host a lab at all.
    """
    if not sys.platform.startswith("linux"):
        raise RefusedError("a lab needs Linux", fix="run it on a Linux machine, or in a virtual machine")
    if os.geteuid() != 0:
        raise RefusedError("a lab needs root", fix="run it with sudo")
    if not shutil.which("docker"):
        raise RefusedError("a lab needs a Docker engine, and docker is not installed", fix=INSTALL)
    if SOCKET.exists() and OWN.answers():
        return OWN
    if _has_labs():
        return _start(lambda text: None)
    default = Docker()
    return default if default.answers() else None


def engine(progress: Progress) -> Docker:
    """The engine that runs, or our own, started now. Raises RefusedError where neither is possible."""
    return running_engine() or _start(progress)


def stop_own_engine() -> None:
    """Stop our own engine and wait for its end. Its images stay for the next lab."""
    os.kill(int(PID_FILE.read_text()), signal.SIGTERM)
    deadline = time.monotonic() + START_TIMEOUT
    while PID_FILE.exists() and time.monotonic() < deadline:
        time.sleep(0.1)


def _has_labs() -> bool:
    """Whether our own engine, which does not run, was left with containers."""
    containers = DATA / "containers"
    return containers.is_dir() and any(containers.iterdir())


def _start(progress: Progress) -> Docker:
    dockerd = shutil.which("dockerd")
    if not dockerd:
        raise RefusedError("a lab needs a Docker engine, and dockerd is not installed", fix=INSTALL)
    if not Path("/sys/fs/cgroup").is_dir() or not any(Path("/sys/fs/cgroup").iterdir()):
        raise RefusedError("a Docker engine needs control groups, and none are mounted at /sys/fs/cgroup")
    progress("starting a Docker engine for the lab")
    for folder in (DATA, RUN):
        folder.mkdir(parents=True, exist_ok=True)
    log = MACHINE_STATE / "dockerd.log"
    command = [
        dockerd,
        f"--data-root={DATA}",
        f"--exec-root={RUN}/exec",
        f"--host={OWN.socket}",
        f"--pidfile={PID_FILE}",
        "--bridge=none",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        if SOCKET.exists() and OWN.answers():
            return OWN
        time.sleep(0.2)
    process.terminate()
    lines = log.read_text(errors="replace").strip().splitlines()
    raise RefusedError(
        f"the Docker engine does not start on this machine: {lines[-1] if lines else 'it said nothing'}",
        fix=f"its log is {log}",
    )
