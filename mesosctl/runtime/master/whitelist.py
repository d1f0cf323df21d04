"""The flag `whitelist`: a file with the hostnames of the agents that are offered, one a line, read again and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger("mesos-master")

SECONDS = 5.0
"""Between two readings."""

Hostnames = frozenset[str] | None
"""None: all."""


def read(path: str) -> Hostnames:
    """Raises OSError. `*` as the path, as in Mesos, is no file: all."""
    if path == "*":
        return None
    lines = Path(path).read_text().splitlines()
    return frozenset(line.strip() for line in lines if line.strip())


async def watch(path: str, changed: Callable[[Hostnames], None], seconds: float = SECONDS) -> None:
    """Call `changed` at first and whenever the file has. Raises OSError where it cannot be read at first."""
    before = read(path)
    changed(before)
    while True:
        await asyncio.sleep(seconds)
        try:
            now = read(path)
        except OSError as error:
            log.warning("The whitelist stays as it was: %s", error)
            continue
        if now != before:
            before = now
            changed(now)
