"""What the functions that answer operators' calls are given, and what they give."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from mesosctl.runtime.authorization import ANYTHING, Permit
from mesosctl.runtime.http.files import Files
from mesosctl.runtime.http.log_level import LogLevel
from mesosctl.runtime.master.core import Master
from mesosctl.runtime.master.operator.subscribers import Subscribers
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.views.visible import visible
from mesosctl.runtime.protocol.master import Call, Response


@dataclass(frozen=True)
class Context:
    master: Master
    flags: Mapping[str, str]
    """What `/flags` shows."""
    metrics: Callable[[], Mapping[str, float]]
    """What `/metrics/snapshot` shows."""
    subscribers: Subscribers
    log_level: LogLevel
    files: Files
    permit: Permit = ANYTHING
    """What the caller may do."""
    changes: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a change is decided and made durable."""

    @property
    def visible(self) -> State:
        """What the caller may see."""
        return visible(self.master.state, self.permit)

    def of(self, permit: Permit) -> Context:
        """The same for one request of a caller."""
        return replace(self, permit=permit)


Answer = Response | int
"""A message, or the status (200, 202) of an empty answer."""
Function = Callable[[Context, Call], Answer | Awaitable[Answer]]
"""Called with a call whose own field is there, unless its type has none. Raises Refusal."""
