"""The bench: every tool with the same payload on the same targets, in turn, first and second run; start-up; the crowd.

Prints tables and writes all samples as JSON. It judges nothing: machines differ, ratios are for reading.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench import crowd, payload, report, startup
from tests.bench.contenders import CONTENDERS, Contender
from tests.bench.measure import measure
from tests.bench.targets import Target, Targets, is_possible

MOST_HOSTS = {"pyinfra": 50, "ansible": 50}
"""Beyond this a tool takes longer than it is worth."""
ONCE_BEYOND = {"ansible": 10}
"""With more hosts than this a tool gets one round: it takes minutes."""
LIMIT = 1800.0
"""Seconds after which a run of a tool is ended."""


def main() -> int:
    options = _options()
    if not is_possible():
        print("the targets need root and mount namespaces (unshare --mount)", file=sys.stderr)
        return 1
    results = report.Results(
        machine=f"{platform.machine()}, {report.cores()} cores, {platform.platform()}",
        date=time.strftime("%Y-%m-%d", time.gmtime()),
    )
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        for count in options.hosts:
            _compare(Path(folder, str(count)), count, options, results)
            print(report.comparison(results, count), flush=True)
        if not options.no_startup:
            results.startup = startup.samples(Path(folder, "startup"))
            print(report.startup(results), flush=True)
        if options.crowd:
            results.crowd = asdict(crowd.sample(Path(folder, "crowd"), options.crowd, latency=0.05, timeout=LIMIT))
            results.crowd["hosts"] = options.crowd
            print(report.crowd(results), flush=True)
    print(report.goals(results))
    if options.json:
        options.json.write_text(json.dumps(asdict(results), indent=1) + "\n")
        print(f"all samples: {options.json}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--hosts", type=lambda text: [int(n) for n in text.split(",")], default=[1, 10, 50, 100])
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of first and second run (default: 3)")
    parser.add_argument("--tools", type=lambda text: text.split(","), default=list(CONTENDERS))
    parser.add_argument("--peers", type=Path, default=Path(sys.executable).parent, help="folder of the peers' programs")
    parser.add_argument("--crowd", type=int, default=1000, help="hosts with 50 ms of latency; 0: leave it out")
    parser.add_argument("--no-startup", action="store_true")
    parser.add_argument("--json", type=Path, help="write all samples to this file")
    return parser.parse_args()


def _compare(folder: Path, count: int, options: argparse.Namespace, results: report.Results) -> None:
    folder.mkdir()
    with Targets(folder, count) as targets:
        contenders: dict[str, Contender] = {}
        for name in options.tools:
            if count <= MOST_HOSTS.get(name, count):
                (folder / name).mkdir()
                contenders[name] = CONTENDERS[name](targets, targets.list, folder / name, options.peers.absolute())
        for number in range(options.rounds):
            for name in _rotated(list(contenders), number):
                if number == 0 or count <= ONCE_BEYOND.get(name, count):
                    first, second = one_round(contenders[name], targets.list, folder / name / "log")
                    results.add(count, name, first, second)


def one_round(contender: Contender, hosts: Sequence[Target], log: Path) -> tuple[report.Measured, report.Measured]:
    """A first run on fresh targets, and a second one. RuntimeError where the payload does not hold afterwards."""
    for host in hosts:
        host.reset()
    samples = []
    for _ in ("first", "second"):
        sample = measure(contender.command, log, timeout=LIMIT, env=contender.env)
        wrong = [line for host in hosts for line in payload.wrong(host)]
        if sample.status != 0 or wrong:
            tail = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{contender.name} ended with {sample.status}; {wrong[:3]}\n{tail}")
        samples.append(report.Measured(wall=sample.wall, cpu=sample.cpu))
    return samples[0], samples[1]


def _rotated(names: list[str], by: int) -> list[str]:
    """Nobody always comes first."""
    by %= len(names) or 1
    return names[by:] + names[:by]


if __name__ == "__main__":
    sys.exit(main())
