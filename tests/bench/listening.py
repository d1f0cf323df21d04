"""How long master and agent take until they listen: `python -m tests.bench.listening [rounds]`.

Milliseconds of wall time and of the processor up to the first connection that is taken, medians; beside a Python that
does nothing.
"""

from __future__ import annotations

import contextlib
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.measure import measure as measure_process
from tests.bench.processes import cpu_seconds
from tests.ports import free_port

LIMIT = 60.0


def measure(folder: Path, rounds: int) -> dict[str, dict[str, float]]:
    samples: dict[str, list[tuple[float, float]]] = {}
    for number in range(rounds):
        for name in ("master", "agent"):
            port = free_port()
            flags = ["--ip=127.0.0.1", f"--port={port}", f"--work_dir={folder / name}-{number}"]
            flags += ["--master=127.0.0.1:1"] if name == "agent" else []
            samples.setdefault(f"mesos-{name}", []).append(_until_it_listens(name, flags, port, folder / "log"))
        nothing = measure_process([sys.executable, "-c", "pass"], folder / "log", timeout=60)
        samples.setdefault("python -c pass", []).append((nothing.wall, nothing.cpu))
    return {
        name: {
            "wall": round(statistics.median(wall for wall, _ in values) * 1000),
            "cpu": round(statistics.median(cpu for _, cpu in values) * 1000),
        }
        for name, values in samples.items()
    }


def _until_it_listens(name: str, flags: list[str], port: int, log: Path) -> tuple[float, float]:
    """Seconds of wall time and of the processor. TimeoutError where it does not."""
    start = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", f"mesosctl.runtime.{name}", *flags], stdout=output, stderr=output
        )
    try:
        while True:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            if time.monotonic() > start + LIMIT:
                raise TimeoutError(log.read_text(errors="replace")[-2000:])
            time.sleep(0.002)
        wall = time.monotonic() - start
        return wall, cpu_seconds(process.pid)
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    asked = [int(text) for text in sys.argv[1:2]] or [7]
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as made:
        print(json.dumps(measure(Path(made), *asked), indent=1))
