"""What an agent does with tasks and executors: from the master's messages, the executors' calls and the ends of
containers to what is sent and started. Synchronous, no I/O: effects go through `Outside`, time through the clock.

The behaviour is Apache Mesos' (src/slave/slave.cpp): what comes too early waits, what comes too late is dropped, and
every task that was accepted ends with a terminal status.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from mesosctl.runtime import internal
from mesosctl.runtime.agent import events
from mesosctl.runtime.agent.adopted import UNKNOWN_STATUS
from mesosctl.runtime.agent.checkpoint import Checkpoint, NoStore, Store
from mesosctl.runtime.agent.command_task import command_executor
from mesosctl.runtime.agent.history import history
from mesosctl.runtime.agent.ledger import Ledger
from mesosctl.runtime.agent.limits import refusal, unauthorized
from mesosctl.runtime.agent.outside import Outside
from mesosctl.runtime.agent.records import Ending, ExecutorRecord, ExecutorState, FrameworkRecord
from mesosctl.runtime.agent.recovery import Found
from mesosctl.runtime.agent.restore import restore
from mesosctl.runtime.authorization import Acls
from mesosctl.runtime.clock import Clock
from mesosctl.runtime.flags.kinds import format_duration
from mesosctl.runtime.protocol import executor as api
from mesosctl.runtime.protocol.basics import AgentID, ContainerID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import AgentInfo, MasterInfo
from mesosctl.runtime.protocol.containers import KillPolicy
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.states import TERMINAL
from mesosctl.runtime.version import VERSION

log = logging.getLogger(__name__)

Reason = TaskStatus.Reason
_Capability = AgentInfo.Capability
CAPABILITIES = (
    _Capability(_Capability.Type.MULTI_ROLE),
    _Capability(_Capability.Type.HIERARCHICAL_ROLE),
    _Capability(_Capability.Type.RESERVATION_REFINEMENT),
    _Capability(_Capability.Type.RESIZE_VOLUME),
    _Capability(_Capability.Type.AGENT_OPERATION_FEEDBACK),
    _Capability(_Capability.Type.AGENT_DRAINING),
)


@dataclass(frozen=True)
class Settings:
    """What the flags say. Times in seconds."""

    ip: str
    """Reported as the address of containers."""
    registration_timeout: float = 60.0
    reregistration_timeout: float = 2.0
    """How long executors that are recovered may take to subscribe."""
    shutdown_grace_period: float = 5.0
    max_completed_executors: int = 150
    switch_user: bool = True
    acls: Acls | None = None
    """Who may run tasks, as whom. None: everybody, as anybody."""


class Agent:
    def __init__(
        self, info: AgentInfo, settings: Settings, clock: Clock, outside: Outside, store: Store | None = None
    ) -> None:
        self.info = info
        self.master: MasterInfo | None = None
        """Set while registered."""
        self._informed: str | None = None
        """The master that was told last of what ended here."""
        self._checkpoint = Checkpoint(store or NoStore())
        self.ledger = Ledger(clock, self._forward, settings.ip, settings.max_completed_executors, self._checkpoint)
        self.checkpointed: tuple[Resource, ...] = ()
        """Dynamic reservations and persistent volumes."""
        self.starts = 0
        """How many agents there were before this one on its work directory."""
        self._registrations = 0
        self.missing: set[str] = set()
        """The containers that are recovered and whose executors have not subscribed again."""
        self._settings = settings
        self._clock = clock
        self._outside = outside

    # The master

    def registration(self) -> internal.Register:
        """What to register with: everything that runs here."""
        self._registrations += 1
        running = [
            (framework, executor) for framework, executor in self.ledger.executors() if not framework.terminating
        ]
        return internal.Register(
            agent=self.info,
            version=VERSION,
            tasks=tuple(
                internal.RunningTask(
                    framework_id=framework.info_id,
                    executor_id=None if executor.is_command else executor.info.executor_id,
                    task=task.info,
                    status=task.status(),
                )
                for framework, executor in running
                for task in (*executor.tasks(), *executor.terminated.values())
            ),
            executors=tuple(
                internal.RunningExecutor(framework.info_id, executor.info)
                for framework, executor in running
                if not executor.is_command and executor.state is not ExecutorState.TERMINATED
            ),
            checkpointed=self.checkpointed,
            capabilities=CAPABILITIES,
            ip=self._settings.ip,
            order=(self.starts, self._registrations),
            frameworks=tuple(
                framework.info for framework in self.ledger.frameworks.values() if not framework.terminating
            ),
        )

    def registered(self, agent_id: AgentID, master: MasterInfo) -> None:
        """Raises OSError where this cannot be written down."""
        self.info = replace(self.info, id=agent_id)
        self.ledger.agent_id = agent_id
        self._checkpoint.agent(self.info)
        self.master = master
        self.ledger.updates.resume()
        if master.id != self._informed:
            self._informed = master.id
            for message in history(self.ledger):
                self._outside.to_master(message)

    def disconnected(self) -> None:
        self.master = None
        self.ledger.updates.pause()

    def from_master(self, message: internal.ToAgent) -> None:
        """All messages but those of the connection itself: Registered, Refused, Ping."""
        match message:
            case internal.RunTasks():
                self._run(message)
            case internal.KillTask():
                self._kill(message.framework_id, message.task_id, message.kill_policy)
            case internal.Acknowledge():
                self.ledger.acknowledge(message.framework_id, message.task_id, message.uuid)
            case internal.ShutdownExecutor():
                if found := self.ledger.find(message.framework_id, message.executor_id):
                    self._shutdown(found[1])
            case internal.ShutdownFramework():
                self._shutdown_framework(message.framework_id)
            case internal.SchedulerMessage():
                self._deliver_message(message)
            case internal.Checkpoint():
                self._checkpoint.resources(message.resources)
                before, self.checkpointed = self.checkpointed, message.resources
                self._outside.keep_volumes(before, self.checkpointed)
            case internal.UpdateFramework():
                if message.framework.id and message.framework.id.value in self.ledger.frameworks:
                    self.ledger.framework(message.framework)
                    self.ledger.updates.repeat(message.framework.id)
            case _:
                log.warning("Ignoring a %s of the master", type(message).__name__)

    def _run(self, message: internal.RunTasks) -> None:
        framework = self.ledger.framework(message.framework)
        if message.group:
            self._run_on(framework, message.executor, message.tasks, message)
        else:
            for task in message.tasks:
                self._run_on(framework, message.executor or task.executor, (task,), message)
        self.ledger.retire_framework_if_idle(framework)

    def _run_on(
        self, framework: FrameworkRecord, info: ExecutorInfo | None, tasks: tuple[TaskInfo, ...], run: internal.RunTasks
    ) -> None:
        wanted = replace(info or command_executor(framework.info_id, tasks[0]), framework_id=framework.info_id)
        executor = framework.executors.get(wanted.executor_id.value)
        expected = info is not None and not run.launches_executor
        forbidden = unauthorized(framework.info, tasks, self._settings.acls, group=run.group)
        if refused := forbidden or refusal(framework, executor, wanted, tasks, expected=expected):
            for task in tasks:
                self.ledger.report_rejected(framework, task, wanted, *refused)
            if info and run.launches_executor and (not executor or executor.state is ExecutorState.TERMINATED):
                self._outside.to_master(internal.ExecutorExited(framework.info_id, wanted.executor_id, UNKNOWN_STATUS))
        elif executor:
            self._enqueue(framework, executor, tasks, group=run.group)
            self._outside.show_volumes(executor)
            if executor.state is ExecutorState.RUNNING:
                self._deliver(executor)
        else:
            executor = self._new_executor(framework, wanted, is_command=info is None)
            self.ledger.add_executor(framework, executor)
            self._enqueue(framework, executor, tasks, group=run.group)
            self._launch(framework, executor)

    def _enqueue(
        self, framework: FrameworkRecord, executor: ExecutorRecord, tasks: tuple[TaskInfo, ...], *, group: bool
    ) -> None:
        executor.enqueue(tasks, group=group)
        for task in tasks:
            self._checkpoint.task(framework, executor, task)

    def _new_executor(self, framework: FrameworkRecord, info: ExecutorInfo, *, is_command: bool) -> ExecutorRecord:
        assert self.info.id is not None
        container_id = str(uuid.uuid4())
        user = (info.command.user if info.command else None) or framework.info.user
        return ExecutorRecord(
            info=info,
            container_id=container_id,
            directory=self._outside.sandbox(self.info.id, framework.id, info.executor_id.value, container_id),
            user=user if self._settings.switch_user else None,
            is_command=is_command,
            launched_at=self._clock.now(),
        )

    def _launch(self, framework: FrameworkRecord, executor: ExecutorRecord) -> None:
        seconds = self._settings.registration_timeout
        executor.timer = self._clock.after(seconds, lambda: self._registration_timed_out(executor))
        self._outside.launch(framework.info, executor)

    def _deliver(self, executor: ExecutorRecord) -> None:
        """Hand the queued tasks to an executor that is subscribed."""
        self._outside.hold(executor)
        for tasks, is_group in executor.dequeue():
            event = events.launch_group(task.info for task in tasks) if is_group else events.launch(tasks[0].info)
            self._outside.to_executor(executor.container_id, event)

    def _deliver_message(self, message: internal.SchedulerMessage) -> None:
        found = self.ledger.find(message.framework_id, message.executor_id)
        if found and found[1].state is ExecutorState.RUNNING:
            self.ledger.counters["valid_framework_messages"] += 1
            self._outside.to_executor(found[1].container_id, events.message(message.data))
        else:
            self.ledger.counters["invalid_framework_messages"] += 1

    def _kill(self, framework_id: FrameworkID, task_id: TaskID, kill_policy: KillPolicy | None) -> None:
        found = self.ledger.find_task(framework_id, task_id)
        if found is None:
            log.warning("Ignoring the kill of task %s, which is not here", task_id.value)
            return
        framework, executor = found
        if executor.state is ExecutorState.RUNNING:
            self._outside.to_executor(executor.container_id, events.kill(task_id, kill_policy))
        elif executor.state is ExecutorState.REGISTERING:
            ending = Ending(Reason.REASON_TASK_KILLED_DURING_LAUNCH, "Killed before delivery to the executor")
            for task in executor.unqueue(task_id.value):
                self.ledger.end_task(framework, executor, task, TaskState.TASK_KILLED, ending)
            if not executor.queued:
                self._shutdown(executor)

    def _shutdown(self, executor: ExecutorRecord) -> None:
        """Ask an executor to end, and destroy its container when it has not after its grace period."""
        if executor.state is ExecutorState.RUNNING:
            self._outside.to_executor(executor.container_id, events.shutdown())
            grace = executor.info.shutdown_grace_period
            seconds = grace.nanoseconds / 1e9 if grace else self._settings.shutdown_grace_period
            executor.state = ExecutorState.TERMINATING
            executor.stop_timer()
            executor.timer = self._clock.after(seconds, lambda: self._outside.destroy(executor))
        elif executor.state is ExecutorState.REGISTERING:
            executor.state = ExecutorState.TERMINATING
            executor.stop_timer()
            self._outside.destroy(executor)

    def _shutdown_framework(self, framework_id: FrameworkID) -> None:
        framework = self.ledger.frameworks.get(framework_id.value)
        self.ledger.updates.drop_framework(framework_id)
        if framework is None or framework.terminating:
            if framework := self.ledger.completed_frameworks.get(framework_id.value):
                framework.terminating = True
            return
        framework.terminating = True
        for executor in list(framework.executors.values()):
            self._shutdown(executor)
            self.ledger.retire_if_done(framework, executor)

    def _forward(self, framework_id: FrameworkID, status: TaskStatus, latest: TaskStatus) -> None:
        newest = latest if latest is not status else None
        self._outside.to_master(internal.StatusUpdate(framework_id, status, newest))

    # Executors

    def subscribed(self, framework: FrameworkRecord, executor: ExecutorRecord, subscribe: api.Call.Subscribe) -> None:
        """An executor's stream is open, for the first time or again."""
        if framework.terminating or executor.state in (ExecutorState.TERMINATING, ExecutorState.TERMINATED):
            self._outside.to_executor(executor.container_id, events.shutdown())
            return
        executor.state = ExecutorState.RUNNING
        executor.stop_timer()
        container_id = ContainerID(executor.container_id)
        self._outside.to_executor(
            executor.container_id, events.subscribed(executor.info, framework.info, self.info, container_id)
        )
        for update in subscribe.unacknowledged_updates:
            self.update(framework, executor, update.status)
        known = {task.task_id.value for task in subscribe.unacknowledged_tasks}
        message = "Task launched while the executor was disconnected"
        if self.ledger.drop(framework, executor, known, message) and executor.is_command:
            self._shutdown(executor)
        self._deliver(executor)
        self.missing.discard(executor.container_id)

    def update(self, framework: FrameworkRecord, executor: ExecutorRecord, status: TaskStatus) -> None:
        """A status of an executor (validated; its `uuid` is set), acknowledged to it in any case."""
        task = executor.find(status.task_id.value)
        if task is None or framework.terminating:
            log.warning("Ignoring %s of task %s, which is not here", status.state, status.task_id.value)
            self.ledger.counters["invalid_status_updates"] += 1
        else:
            self.ledger.counters["valid_status_updates"] += 1
            if status.state is TaskState.TASK_FAILED and (ending := self._outside.limitation(executor)):
                status = replace(status, reason=ending.reason, message=ending.message, limitation=ending.limitation)
            self.ledger.record(framework, executor, task, status)
            if status.state in TERMINAL and not executor.is_command:
                self._outside.hold(executor)
        assert status.uuid is not None
        self._outside.to_executor(executor.container_id, events.acknowledged(status.task_id, status.uuid))

    def message(self, framework: FrameworkRecord, executor: ExecutorRecord, data: bytes) -> None:
        self._outside.to_master(internal.ExecutorMessage(framework.info_id, executor.info.executor_id, data))

    # The agent before this one

    def recover(self, found: Found) -> None:
        """Take over what an agent before this one left, before anything else happens. The executors whose containers
        live are `missing` until they have subscribed, or their time is up."""
        assert found.info is not None
        assert found.info.id is not None
        self.info = replace(self.info, id=found.info.id)
        self.ledger.agent_id = found.info.id
        self._checkpoint.agent(self.info)
        executors = restore(self.ledger, found)
        log.info("Taking over as agent %s, with %d executors", found.info.id.value, len(executors))
        for framework, executor in executors:
            self.missing.add(executor.container_id)
            seconds = self._settings.reregistration_timeout
            executor.timer = self._clock.after(seconds, partial(self._reregistration_timed_out, executor))
            if found.rebooted or executor.pid is None:
                if not found.rebooted:
                    self.ledger.drop(framework, executor, set(), "The agent ended before the executor was started")
                self._ended(framework, executor, status=UNKNOWN_STATUS)
            else:
                self._outside.adopt(executor)

    # Containers

    def container_launched(self, container_id: str, pid: int) -> None:
        if found := self.ledger.find_container(container_id):
            found[1].pid = pid
            self._checkpoint.forked(*found, pid)

    def container_failed(self, container_id: str, message: str) -> None:
        """The container never ran."""
        if found := self.ledger.find_container(container_id):
            self.ledger.counters["container_launch_errors"] += 1
            found[1].ending = Ending(Reason.REASON_CONTAINER_LAUNCH_FAILED, message)
            self._ended(*found, status=1 << 8)

    def container_exited(self, container_id: str, status: int) -> None:
        """The executor's process ended, and nothing of it runs any more. `status` is that of waitpid(2)."""
        if found := self.ledger.find_container(container_id):
            self._ended(*found, status=status)

    def _ended(self, framework: FrameworkRecord, executor: ExecutorRecord, status: int) -> None:
        executor.stop_timer()
        self.missing.discard(executor.container_id)
        executor.state = ExecutorState.TERMINATED
        self.ledger.counters["executors_terminated"] += 1
        ending = executor.ending or Ending(Reason.REASON_EXECUTOR_TERMINATED, "Abnormal executor termination")
        if not framework.terminating:
            for task in list(executor.tasks()):
                self.ledger.end_task(framework, executor, task, TaskState.TASK_FAILED, ending)
            if not executor.is_command:
                self._outside.to_master(internal.ExecutorExited(framework.info_id, executor.info.executor_id, status))
        self.ledger.retire_if_done(framework, executor)

    def _registration_timed_out(self, executor: ExecutorRecord) -> None:
        text = f"Executor did not register within {format_duration(self._settings.registration_timeout)}"
        self._destroy(executor, Ending(Reason.REASON_EXECUTOR_REGISTRATION_TIMEOUT, text))

    def _reregistration_timed_out(self, executor: ExecutorRecord) -> None:
        text = f"Executor did not reregister within {format_duration(self._settings.reregistration_timeout)}"
        self._destroy(executor, Ending(Reason.REASON_EXECUTOR_REREGISTRATION_TIMEOUT, text))

    def _destroy(self, executor: ExecutorRecord, ending: Ending) -> None:
        executor.ending = ending
        executor.state = ExecutorState.TERMINATING
        executor.timer = None
        self._outside.destroy(executor)
