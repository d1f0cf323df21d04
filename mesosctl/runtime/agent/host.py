"""What the machine has: resources that are found where `--resources` does not name them, and attributes.

The amounts are those that Apache Mesos offers: all processors, all but 1 GB of the memory, all but 5 GB of the disk
under the work directory, and the ports from 31000 to 32000.
"""

from __future__ import annotations

import os
import shutil

from mesosctl.runtime.protocol.resources import Attribute, Value
from mesosctl.runtime.resources import Resources

_MB = 2**20
_KEPT_MEMORY_MB = 1024
_KEPT_DISK_MB = 5 * 1024
_PORTS = "[31000-32000]"


def resources(given: str | None, work_dir: str) -> Resources:
    """The resources of this agent. `given` is the flag. Raises ResourcesError, and OSError without a work directory."""
    named = Resources.parse(given or "")
    found = {
        "cpus": str(os.cpu_count() or 1),
        "mem": str(_left(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MB, _KEPT_MEMORY_MB)),
        "disk": str(_left(shutil.disk_usage(work_dir).total // _MB, _KEPT_DISK_MB)),
        "ports": _PORTS,
    }
    missing = [f"{name}:{amount}" for name, amount in found.items() if name not in named.names()]
    return named + Resources.parse(";".join(missing))


def _left(total: int, kept: int) -> int:
    """What is offered of `total`: all but what is kept for the system, or the half of a small machine."""
    return total - kept if total >= 2 * kept else total // 2


def attributes(given: str | None) -> tuple[Attribute, ...]:
    """The attributes in `name:value;name:value`: numbers, ranges `[1-5,8-9]`, else texts. Raises ValueError."""
    parts = [part.strip() for part in (given or "").replace("\n", ";").split(";")]
    return tuple(_attribute(part) for part in parts if part)


def _attribute(text: str) -> Attribute:
    name, colon, value = text.partition(":")
    if not colon or not name or not value:
        raise ValueError(f"Invalid attribute key:value pair '{text}'")
    if value.startswith("[") and value.endswith("]"):
        ranges = Value.Ranges(tuple(_range(part) for part in value[1:-1].split(",")))
        return Attribute(name=name, type=Value.Type.RANGES, ranges=ranges)
    try:
        return Attribute(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(float(value)))
    except ValueError:
        return Attribute(name=name, type=Value.Type.TEXT, text=Value.Text(value))


def _range(text: str) -> Value.Range:
    begin, dash, end = text.strip().partition("-")
    if not dash or not begin.isdigit() or not end.isdigit() or int(begin) > int(end):
        raise ValueError(f"Expecting a range such as 1-5, not '{text}'")
    return Value.Range(int(begin), int(end))
