"""What the master wants done: messages on the streams of schedulers and agents, to be carried out in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mesosctl.runtime import internal
from mesosctl.runtime.coordination.registry import Changes
from mesosctl.runtime.protocol.scheduler import Event


class ToScheduler(NamedTuple):
    """Write an event to the stream of a scheduler."""

    stream: str
    event: Event


class CloseScheduler(NamedTuple):
    """End the stream of a scheduler after what was written to it."""

    stream: str


class ToAgent(NamedTuple):
    """Write a message to the stream of an agent."""

    stream: str
    message: internal.ToAgent


class CloseAgent(NamedTuple):
    """End the stream of an agent after what was written to it."""

    stream: str


class Persist(NamedTuple):
    """Make these changes of the registry durable, then call `Master.persisted`. One is on its way at a time."""

    changes: Changes


Action = ToScheduler | CloseScheduler | ToAgent | CloseAgent | Persist
Emit = Callable[[Action], None]
