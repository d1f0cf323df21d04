"""What was measured, as tables: medians, ratios within a round, and the goals."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

REFERENCE = "mesosctl"


@dataclass(frozen=True)
class Measured:
    """Seconds of one run."""

    wall: float
    cpu: float
    """User and system, of the client and all it starts."""


Value = Callable[[tuple[Measured, Measured]], float]
COLUMNS: dict[str, Value] = {
    "wall first": lambda pair: pair[0].wall,
    "wall second": lambda pair: pair[1].wall,
    "cpu first": lambda pair: pair[0].cpu,
    "cpu second": lambda pair: pair[1].cpu,
}


@dataclass
class Results:
    machine: str
    date: str
    rounds: dict[int, dict[str, list[tuple[Measured, Measured]]]] = field(default_factory=dict)
    """By number of hosts and tool, in the order of the rounds: first and second run."""
    startup: dict[str, list[float]] = field(default_factory=dict)
    """CPU seconds by command."""
    crowd: dict[str, Any] = field(default_factory=dict)

    def add(self, hosts: int, tool: str, first: Measured, second: Measured) -> None:
        self.rounds.setdefault(hosts, {}).setdefault(tool, []).append((first, second))

    def ratio(self, hosts: int, tool: str, other: str, column: str) -> float | None:
        """The median of a tool's value divided by another's of the same round; None where there is none."""
        tools = self.rounds.get(hosts, {})
        if tool not in tools or other not in tools:
            return None
        value = COLUMNS[column]
        return median(value(a) / value(b) for a, b in zip(tools[tool], tools[other], strict=False))


def cores() -> int:
    return len(os.sched_getaffinity(0))


def comparison(results: Results, hosts: int) -> str:
    """Medians in seconds, and in brackets how many times mesosctl's."""
    lines = [f"\n{hosts} hosts".ljust(17) + "".join(column.rjust(20) for column in COLUMNS)]
    for tool, pairs in results.rounds.get(hosts, {}).items():
        cells = []
        for column, value in COLUMNS.items():
            ratio = results.ratio(hosts, tool, REFERENCE, column)
            times = f" ({ratio:.2f}x)" if ratio is not None and tool != REFERENCE else ""
            cells.append(f"{median(map(value, pairs)):.2f}{times}".rjust(20))
        lines.append(tool.ljust(16) + "".join(cells))
    return "\n".join(lines)


def startup(results: Results) -> str:
    return "\nstart-up, CPU\n" + "\n".join(
        f"{command.ljust(32)}{1000 * median(values):6.0f} ms" for command, values in results.startup.items()
    )


def crowd(results: Results) -> str:
    found = results.crowd
    return (
        f"\n{found['hosts']} hosts with 50 ms of latency: {found['wall']:.1f} s, "
        f"{found['cpu']:.1f} s of CPU, {found['memory'] / 1e6:.0f} MB"
    )


def goals(results: Results) -> str:
    """Each goal with what was measured; those that were not measured are left out."""
    rows: list[tuple[str, float | None, str, bool]] = []

    def at_least(text: str, hosts: int, tool: str, column: str, goal: float) -> None:
        ratio = results.ratio(hosts, tool, REFERENCE, column)
        rows.append((f"{text}, {column}", ratio, f">= {goal:g}", ratio is not None and ratio >= goal))

    def at_most(text: str, value: float | None, goal: float) -> None:
        rows.append((text, value, f"<= {goal:g}", value is not None and value <= goal))

    for column in ("wall first", "wall second"):
        at_least("50 hosts: ansible-core / mesosctl", 50, "ansible", column, 60)
        at_least("50 hosts: pyinfra / mesosctl", 50, "pyinfra", column, 7)
        at_least("1 host: pyinfra / mesosctl", 1, "pyinfra", column, 5)
    for hosts, wall, cpu in ((50, 1.3, 1.25), (100, 1.0, 1.0)):
        for column in COLUMNS:
            for loop in ("ssh", "ssh default"):
                ratio = results.ratio(hosts, REFERENCE, loop, column)
                at_most(f"{hosts} hosts: mesosctl / {loop}, {column}", ratio, wall if "wall" in column else cpu)
    for command, values in results.startup.items():
        at_most(f"{command}, CPU ms", 1000 * median(values), 200)
    if results.crowd:
        at_most(f"{results.crowd['hosts']} hosts, wall s", results.crowd["wall"], 60)
        at_most(f"{results.crowd['hosts']} hosts, MB", results.crowd["memory"] / 1e6, 500)
    lines = [
        f"{text.ljust(48)}{value:9.2f}  {goal.rjust(8)}  {'reached' if reached else 'NOT REACHED'}"
        for text, value, goal, reached in rows
        if value is not None
    ]
    return "\n".join(["\ngoals", *lines])
