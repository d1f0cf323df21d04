"""The default executor's decisions: it runs task groups, each task in a nested container of its own.

As Apache Mesos' (src/launcher/default_executor.cpp): a group is launched whole or not at all; a task that fails or is
killed takes the rest of its group along, other groups go on; when nothing runs any more, the executor ends.
Synchronous, no I/O.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from mesosctl.runtime.clock import Clock
from mesosctl.runtime.executor.checks.machine import Prober
from mesosctl.runtime.executor.life import TaskLife, grace_seconds
from mesosctl.runtime.executor.reports import SHUTDOWN_MARGIN_SECONDS, Identity, Reports, has_killing_state
from mesosctl.runtime.protocol.basics import ContainerID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.containers import ContainerStatus, KillPolicy
from mesosctl.runtime.protocol.executor import Call, Event
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskState, TaskStatus

Reason = TaskStatus.Reason
_FAILURES = (TaskState.TASK_FAILED, TaskState.TASK_KILLED)


class Outside(Protocol):
    """What the executor acts on."""

    def send(self, call: Call) -> None: ...

    def launch(self, container_id: ContainerID, task: TaskInfo) -> None:
        """Launch a nested container: `launched` or `launch_failed` follows."""

    def wait(self, container_id: ContainerID) -> None:
        """Wait for its end: `exited` or `lost` follows."""

    def signal(self, container_id: ContainerID, number: int) -> None: ...

    def prober(self, container_id: ContainerID) -> Prober:
        """What tries the targets of checks, commands within that container."""

    def stop(self) -> None:
        """All is done."""


@dataclass(eq=False)
class _Group:
    members: list[_Member] = field(default_factory=list)
    is_ending: bool = False
    """One of its tasks failed: the others are killed."""


@dataclass
class _Member:
    """The command of a task, in its container."""

    container_id: ContainerID
    group: _Group
    outside: Outside
    life: TaskLife = field(init=False)
    is_launched: bool = False
    problem: str | None = None
    """Why it could not be launched."""

    @property
    def is_settled(self) -> bool:
        return self.is_launched or self.problem is not None

    def signal(self, number: int) -> None:
        self.outside.signal(self.container_id, number)

    def prober(self) -> Prober:
        return self.outside.prober(self.container_id)


class DefaultExecutor:
    def __init__(self, identity: Identity, shutdown_grace_seconds: float, clock: Clock, outside: Outside) -> None:
        self._shutdown_grace_seconds = shutdown_grace_seconds
        self._clock = clock
        self._outside = outside
        self._reports = Reports(identity, clock, outside.send)
        self._framework: FrameworkInfo | None = None
        self._container_id: ContainerID | None = None
        """Its own container, the parent of all others."""
        self._members: dict[str, _Member] = {}
        """By the id of the task."""
        self._by_container: dict[str, _Member] = {}
        self._shutting_down = False

    def subscription(self) -> Call:
        """The call to subscribe with, for the first time or again."""
        return self._reports.subscription(member.life.info for member in self._members.values())

    def event(self, event: Event) -> None:
        """All events of the agent."""
        match event.type:
            case Event.Type.SUBSCRIBED if event.subscribed:
                self._framework = event.subscribed.framework_info
                self._container_id = event.subscribed.container_id
                self._reports.subscribed()
                for member in self._members.values():
                    member.life.agent_found()
            case Event.Type.LAUNCH_GROUP if event.launch_group:
                self._launch(event.launch_group.task_group.tasks)
            case Event.Type.KILL if event.kill:
                self._kill(event.kill.task_id.value, event.kill.kill_policy)
            case Event.Type.ACKNOWLEDGED if event.acknowledged:
                self._reports.acknowledged(event.acknowledged.task_id.value, event.acknowledged.uuid)
                self._stop_if_done()
            case Event.Type.SHUTDOWN | Event.Type.ERROR | Event.Type.LAUNCH:  # a single task is not for this executor
                self._shut_down()
            case _:
                pass

    def disconnected(self) -> None:
        """The agent is away, for a while or for good."""
        for member in self._members.values():
            member.life.agent_lost()

    def abandoned(self) -> None:
        """The agent is gone for good, or does not know this executor: only it can end the containers."""
        self._outside.stop()

    def launched(self, container_id: ContainerID) -> None:
        member = self._by_container[container_id.value]
        member.is_launched = True
        self._settle(member.group)

    def launch_failed(self, container_id: ContainerID, problem: str) -> None:
        member = self._by_container[container_id.value]
        member.problem = problem
        self._settle(member.group)

    def exited(self, container_id: ContainerID, status: int) -> None:
        """The container ended. `status` is that of waitpid(2)."""
        member = self._by_container[container_id.value]
        member.life.exited(status)
        self._ended(member)

    def lost(self, container_id: ContainerID) -> None:
        """Nobody knows how the container ended: its agent was another one."""
        member = self._by_container[container_id.value]
        member.life.lost("Command terminated with unknown status")
        self._ended(member)

    def _launch(self, tasks: Iterable[TaskInfo]) -> None:
        group = _Group()
        knows_killing = has_killing_state(self._framework)
        for task in tasks:
            container_id = ContainerID(str(uuid.uuid4()), self._container_id)
            member = _Member(container_id, group, self._outside)
            member.life = TaskLife(task, self._clock, member, self._reports.report, has_killing_state=knows_killing)
            group.members.append(member)
            self._members[task.task_id.value] = self._by_container[container_id.value] = member
        for member in group.members:
            self._outside.launch(member.container_id, member.life.info)

    def _settle(self, group: _Group) -> None:
        """All of a group run, or none."""
        if not all(member.is_settled for member in group.members):
            return
        failed = [member for member in group.members if member.problem is not None]
        group.is_ending = bool(failed)
        for member in group.members:
            if member.problem is not None:
                member.life.failed(member.problem, Reason.REASON_CONTAINER_LAUNCH_FAILED)
                continue
            if failed:
                member.life.kill(member.life.grace_seconds)
            member.life.started(ContainerStatus(container_id=member.container_id))
            self._outside.wait(member.container_id)
        self._stop_if_done()

    def _ended(self, member: _Member) -> None:
        group = member.group
        if member.life.state in _FAILURES and not group.is_ending:
            group.is_ending = True
            for each in group.members:
                each.life.kill(each.life.grace_seconds)
        self._stop_if_done()

    def _kill(self, task_id: str, policy: KillPolicy | None) -> None:
        if member := self._members.get(task_id):
            member.life.kill(grace_seconds(policy) if policy else member.life.grace_seconds)

    def _shut_down(self) -> None:
        self._shutting_down = True
        latest = max(0.0, self._shutdown_grace_seconds - SHUTDOWN_MARGIN_SECONDS)
        for member in self._members.values():
            member.group.is_ending = True
            member.life.kill(min(member.life.grace_seconds, latest))
        self._stop_if_done()

    def _stop_if_done(self) -> None:
        if any(member.life.is_alive for member in self._members.values()) or self._reports.waiting:
            return
        if self._members or self._shutting_down:
            self._outside.stop()
