"""Wall time, CPU time and memory of a program with everything it starts.

Run as a program (`python -m tests.bench.measure LOG SECONDS COMMAND…`) it is the reaper of its descendants, so that the
CPU of what a tool leaves in the background (OpenSSH's shared connections) is counted too. It ends those when the tool
has ended.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Sample:
    status: int
    wall: float
    """Seconds."""
    cpu: float
    """Seconds, user and system."""
    memory: int
    """Resident set of the largest process at its largest, bytes."""


def measure(command: Sequence[str], log: Path, *, timeout: float, env: Mapping[str, str] | None = None) -> Sample:
    """Run a command; its output is added to `log`."""
    helper = [sys.executable, "-m", "tests.bench.measure", str(log), str(timeout), *command]
    tree = Path(__file__).parents[2]
    variables = {**os.environ, **(env or {})}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # it makes Python compile this tree anew in every run
    done = subprocess.run(helper, cwd=tree, env=variables, stdout=subprocess.PIPE, check=True, text=True)
    return Sample(**json.loads(done.stdout))


def _reap(log: str, timeout: float, command: Sequence[str]) -> Sample:
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    started = time.monotonic()
    with open(log, "ab") as output, open(os.devnull) as nothing:
        process = subprocess.Popen(command, stdin=nothing, stdout=output, stderr=output)
        # not process.wait(timeout): that polls, up to 50 ms late
        signal.signal(signal.SIGALRM, lambda number, frame: process.kill())
        signal.setitimer(signal.ITIMER_REAL, timeout)
        status = process.wait()
        signal.setitimer(signal.ITIMER_REAL, 0)
    wall = time.monotonic() - started
    me = os.getpid()
    while children := Path(f"/proc/{me}/task/{me}/children").read_text().split():
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Sample(status, wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


if __name__ == "__main__":
    print(json.dumps(asdict(_reap(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))))
