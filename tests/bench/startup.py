"""What commands cost that contact no host."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.measure import measure

ROUNDS = 7


def samples(folder: Path) -> dict[str, list[float]]:
    """CPU seconds of each command, several times."""
    folder.mkdir()
    program = str(Path(sys.executable).with_name("mesosctl"))
    inventory = folder / "inventory.yaml"
    inventory.write_text(five_hosts())
    commands = {
        "mesosctl --help": [program, "--help"],
        "mesosctl validate, five hosts": [program, "validate", str(inventory)],
        # --force: over what the round before has written
        "mesosctl render, five hosts": [program, "render", str(folder / "out"), "--force", "-i", str(inventory)],
    }
    found: dict[str, list[float]] = {}
    for name, command in commands.items():
        for _ in range(ROUNDS):
            sample = measure(command, folder / "log", timeout=60)
            if sample.status != 0:
                raise RuntimeError(f"{name} ended with {sample.status}\n{(folder / 'log').read_text()[-2000:]}")
            found.setdefault(name, []).append(sample.cpu)
    return found


def five_hosts() -> str:
    """The inventory of the README's cluster: three servers and two agents."""
    lines = ["name: five", "hosts:"]
    for number in range(1, 6):
        server = number <= 3
        lines += [
            f"  h{number}:",
            f"    address: 192.0.2.{number}",
            f"    roles: [{'zookeeper, master, marathon' if server else 'agent'}]",
            *([f"    zookeeper_id: {number}"] if server else []),
        ]
    return "\n".join(lines) + "\n"
