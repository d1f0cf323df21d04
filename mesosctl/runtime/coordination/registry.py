"""Where the registry is kept: what a master must not forget, as values by key. The keys' meaning is the master's.

One interface, `Storage`; in ZooKeeper (`registry_zookeeper`) for masters that are elected, in a file
(`registry_file`) for a master alone, in memory for one that may forget.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

Changes = Mapping[str, bytes | None]
"""New values by key; None removes one."""

MAX_VALUE_BYTES = 512 * 1024
"""Of one value: ZooKeeper takes no message above 1 MB."""


class DeposedError(Exception):
    """Another master has taken the registry over: nothing of the change was done, and nothing ever will be."""


class Storage(Protocol):
    """One master uses it, one call at a time: first `take_over`, then any number of `apply`."""

    async def take_over(self) -> dict[str, bytes]:
        """All there is, once no earlier master can change it any more. Raises OSError, KazooException."""
        ...

    async def apply(self, changes: Changes) -> None:
        """Make changes; they are durable when it returns. Each value changes wholly or not at all.

        Raises DeposedError, and OSError where it cannot write.
        """
        ...

    async def close(self) -> None: ...


class MemoryStorage:
    """Forgets all when the program ends."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    async def take_over(self) -> dict[str, bytes]:
        return dict(self._values)

    async def apply(self, changes: Changes) -> None:
        update(self._values, changes)

    async def close(self) -> None:
        pass


def update(values: dict[str, bytes], changes: Changes) -> None:
    """Make changes to what is in memory."""
    for key, value in changes.items():
        if value is None:
            values.pop(key, None)
        else:
            values[key] = value
