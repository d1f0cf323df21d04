"""What the master wants done: messages on the streams of schedulers and agents, to be carried out in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mesosctl.runtime import internal
from mesosctl.runtime.coordination.registry import Changes
from mesosctl.runtime.master.records import Agent, Framework, Task
from mesosctl.runtime.protocol.scheduler import Event
from mesosctl.runtime.protocol.tasks import TaskStatus


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


class Abort(NamedTuple):
    """The master must not go on: it stops, and its service starts it again."""

    reason: str


Action = ToScheduler | CloseScheduler | ToAgent | CloseAgent | Persist | Abort
Emit = Callable[[Action], None]


class TaskAdded(NamedTuple):
    task: Task


class TaskUpdated(NamedTuple):
    """The task is in a new state, as the status says."""

    task: Task
    status: TaskStatus


class AgentAdded(NamedTuple):
    agent: Agent


class AgentRemoved(NamedTuple):
    agent: Agent


class FrameworkAdded(NamedTuple):
    framework: Framework


class FrameworkUpdated(NamedTuple):
    framework: Framework


class FrameworkRemoved(NamedTuple):
    framework: Framework


Change = TaskAdded | TaskUpdated | AgentAdded | AgentRemoved | FrameworkAdded | FrameworkUpdated | FrameworkRemoved
"""What operators who subscribed hear of. The records go on changing: they are to be read at once."""
