"""What the bundled master and its agents say to each other.

Apache Mesos uses a protocol of its own between the two, which no client sees; so is this. An agent POSTs to
`/internal/agent` of the leading master. The body is a RecordIO stream of `FromAgent` messages (JSON), `Register` first,
and the answer one of `ToAgent` messages; both go on for as long as the agent is connected: it has one connection, and
a message costs no request. The loss of the connection is never the loss of the agent: that is decided by missed
pings (`agent_ping_timeout` times `max_agent_ping_timeouts`).
"""

from __future__ import annotations

import msgspec

from mesosctl.runtime.protocol.basics import AgentID, ExecutorID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo, MasterInfo
from mesosctl.runtime.protocol.containers import KillPolicy
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskStatus

PATH = "/internal/agent"


class Message(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Base of both directions; the JSON field `type` names the class."""


class RunningTask(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task that an agent brings along: what was launched and the newest status, acknowledged or not."""

    framework_id: FrameworkID
    executor_id: ExecutorID | None
    task: TaskInfo
    status: TaskStatus


class RunningExecutor(msgspec.Struct, frozen=True, omit_defaults=True):
    framework_id: FrameworkID
    executor: ExecutorInfo


class Register(Message, frozen=True):
    """First message of a stream. `agent.id` is unset for an agent that is new."""

    agent: AgentInfo
    version: str
    tasks: tuple[RunningTask, ...] = ()
    executors: tuple[RunningExecutor, ...] = ()
    frameworks: tuple[FrameworkInfo, ...] = ()
    checkpointed: tuple[Resource, ...] = ()
    """Dynamic reservations and persistent volumes."""
    capabilities: tuple[AgentInfo.Capability, ...] = ()
    ip: str | None = None
    """Where clients reach the agent's API; unset: the address that this stream comes from."""
    order: tuple[int, int] = (0, 0)
    """Grows from each registration of an agent to its next: how often it was started, and the attempts since then."""


class StatusUpdate(Message, frozen=True):
    """`status.uuid` is set where an acknowledgement is awaited; the agent repeats it from 10 s to 10 min."""

    framework_id: FrameworkID
    status: TaskStatus
    latest: TaskStatus | None = None
    """The newest status, where updates before it still wait."""


class ExecutorExited(Message, frozen=True):
    framework_id: FrameworkID
    executor_id: ExecutorID
    status: int


class ExecutorMessage(Message, frozen=True):
    """Executor to scheduler."""

    framework_id: FrameworkID
    executor_id: ExecutorID
    data: bytes


class History(Message, frozen=True):
    """What ended on the agent, as far as it remembers, in some messages: told once to each master after registering."""

    tasks: tuple[RunningTask, ...] = ()
    """Their ends are acknowledged."""
    over: tuple[FrameworkInfo, ...] = ()
    """Frameworks that a master has ended."""


class Pong(Message, frozen=True):
    pass


class Unregister(Message, frozen=True):
    """The agent stops for good (SIGUSR1): its tasks are gone."""


class Registered(Message, frozen=True):
    """The agent is admitted under this id. Sent after the registry holds it."""

    agent_id: AgentID
    master: MasterInfo
    ping_seconds: float
    """An agent that gets no Ping for five times that long connects anew."""


class Refused(Message, frozen=True):
    """The agent must not run under this id any more (gone, or removed): it stops."""

    reason: str


class Ping(Message, frozen=True):
    pass


class RunTasks(Message, frozen=True):
    """Launch tasks: one for the command executor or a custom executor, several at once as a task group."""

    framework: FrameworkInfo
    tasks: tuple[TaskInfo, ...]
    executor: ExecutorInfo | None = None
    """Set for a custom or the default executor."""
    group: bool = False
    launches_executor: bool = True
    """Whether the master counts what `executor` holds from now on, until an ExecutorExited; else it runs already."""


class KillTask(Message, frozen=True):
    framework_id: FrameworkID
    task_id: TaskID
    kill_policy: KillPolicy | None = None


class Acknowledge(Message, frozen=True):
    framework_id: FrameworkID
    task_id: TaskID
    uuid: bytes


class ShutdownExecutor(Message, frozen=True):
    framework_id: FrameworkID
    executor_id: ExecutorID


class ShutdownFramework(Message, frozen=True):
    framework_id: FrameworkID


class SchedulerMessage(Message, frozen=True):
    """Scheduler to executor."""

    framework_id: FrameworkID
    executor_id: ExecutorID
    data: bytes


class UpdateFramework(Message, frozen=True):
    framework: FrameworkInfo


class Checkpoint(Message, frozen=True):
    """From now on these are the agent's dynamic reservations and persistent volumes."""

    resources: tuple[Resource, ...]


FromAgent = Register | StatusUpdate | ExecutorExited | ExecutorMessage | History | Pong | Unregister
ToAgent = (
    Registered
    | Refused
    | Ping
    | RunTasks
    | KillTask
    | Acknowledge
    | ShutdownExecutor
    | ShutdownFramework
    | SchedulerMessage
    | UpdateFramework
    | Checkpoint
)
