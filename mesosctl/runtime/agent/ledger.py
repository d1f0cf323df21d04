"""The book of frameworks, executors and tasks on an agent, and of what is reported of them.

Every change of a task's state goes through here: it is noted, counted and given to the reliable updates. Executors stay
until their container is gone and all their tasks' updates are acknowledged, frameworks until their executors are gone.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter, deque
from collections.abc import Iterator, Set

from msgspec.structs import replace

from mesosctl.runtime.agent.checkpoint import Checkpoint
from mesosctl.runtime.agent.records import Ending, ExecutorRecord, ExecutorState, FrameworkRecord, TaskRecord
from mesosctl.runtime.agent.states import dropped_state
from mesosctl.runtime.agent.updates import Forward, StatusUpdates
from mesosctl.runtime.clock import Clock
from mesosctl.runtime.protocol.basics import AgentID, ContainerID, ExecutorID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.containers import ContainerStatus, NetworkInfo
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.states import TERMINAL

log = logging.getLogger(__name__)

MAX_COMPLETED_FRAMEWORKS = 50


class Ledger:
    def __init__(
        self, clock: Clock, forward: Forward, ip: str, max_completed_executors: int, checkpoint: Checkpoint
    ) -> None:
        self.agent_id: AgentID | None = None
        """Set by the first registration, before any task."""
        self.frameworks: dict[str, FrameworkRecord] = {}
        self.completed_frameworks: dict[str, FrameworkRecord] = {}
        self.counters: Counter[str] = Counter()
        """Since the start, by the name after `slave/` in `/metrics/snapshot`."""
        self.updates = StatusUpdates(clock, forward)
        self._clock = clock
        self._networks = (NetworkInfo(ip_addresses=(NetworkInfo.IPAddress(ip_address=ip),)),)
        self._max_completed_executors = max_completed_executors
        self._checkpoint = checkpoint
        self._by_container: dict[str, tuple[FrameworkRecord, ExecutorRecord]] = {}

    # What is there

    def framework(self, info: FrameworkInfo) -> FrameworkRecord:
        """The record of a framework, made if it is new, with its newest info unless it is going away."""
        assert info.id is not None
        framework = self.frameworks.get(info.id.value)
        if framework is None:
            before = self.completed_frameworks.pop(info.id.value, None)
            framework = FrameworkRecord(
                info, before.completed if before else deque(maxlen=self._max_completed_executors)
            )
            self.frameworks[framework.id] = framework
            self._checkpoint.framework(info)
        if not framework.terminating and framework.info != info:
            framework.info = info
            self._checkpoint.framework(info)
        return framework

    def add_executor(self, framework: FrameworkRecord, executor: ExecutorRecord) -> None:
        self._checkpoint.executor(framework, executor)
        self.enter(framework, executor)

    def enter(self, framework: FrameworkRecord, executor: ExecutorRecord) -> None:
        """Take an executor that is written down already."""
        framework.executors[executor.id] = executor
        self._by_container[executor.container_id] = (framework, executor)

    def find(self, framework_id: FrameworkID, executor_id: ExecutorID) -> tuple[FrameworkRecord, ExecutorRecord] | None:
        framework = self.frameworks.get(framework_id.value)
        executor = framework.executors.get(executor_id.value) if framework else None
        return (framework, executor) if framework and executor else None

    def find_task(self, framework_id: FrameworkID, task_id: TaskID) -> tuple[FrameworkRecord, ExecutorRecord] | None:
        """Where a task is that has not ended or whose end is not acknowledged."""
        framework = self.frameworks.get(framework_id.value)
        for executor in framework.executors.values() if framework else ():
            if executor.find(task_id.value):
                assert framework is not None
                return framework, executor
        return None

    def find_container(self, container_id: str) -> tuple[FrameworkRecord, ExecutorRecord] | None:
        return self._by_container.get(container_id)

    def executors(self) -> Iterator[tuple[FrameworkRecord, ExecutorRecord]]:
        """Those whose container or updates are not gone."""
        for framework in self.frameworks.values():
            for executor in framework.executors.values():
                yield framework, executor

    def directories(self) -> list[str]:
        """The sandboxes of those."""
        return [executor.directory for _, executor in self.executors()]

    # What happens

    def record(
        self, framework: FrameworkRecord, executor: ExecutorRecord, task: TaskRecord, status: TaskStatus
    ) -> None:
        """Note and report a status that an executor or the agent gives a task."""
        status = replace(
            status,
            agent_id=self.agent_id,
            executor_id=executor.info.executor_id,
            timestamp=self._clock.now() if status.timestamp is None else status.timestamp,
            container_status=self._container_status(executor, status.container_status),
        )
        if not self.updates.is_new(framework.info_id, status):
            return
        reason = f" ({status.message})" if status.message else ""
        log.info("Task %s of framework %s: %s%s", task.id, framework.id, status.state, reason)
        self._checkpoint.update(framework, executor, status)
        self.updates.add(framework.info_id, status)
        task.add(status)
        if status.state in TERMINAL:
            executor.queued.pop(task.id, None)
            executor.launched.pop(task.id, None)
            executor.terminated[task.id] = task
            self.counters[status.state.lower().replace("task_", "tasks_")] += 1

    def end_task(
        self, framework: FrameworkRecord, executor: ExecutorRecord, task: TaskRecord, state: TaskState, ending: Ending
    ) -> None:
        """End a task in the agent's own name."""
        self.record(framework, executor, task, self._agent_status(task.info, state, ending))

    def drop(self, framework: FrameworkRecord, executor: ExecutorRecord, known: Set[str], message: str) -> bool:
        """End the tasks that were sent to an executor and never reached it: nothing was told of them, and it does not
        know them. Whether there are any."""
        lost = [task for task in executor.launched.values() if not task.statuses and task.id not in known]
        ending = Ending(TaskStatus.Reason.REASON_AGENT_RESTARTED, message)
        for task in lost:
            self.end_task(framework, executor, task, dropped_state(framework.info), ending)
        return bool(lost)

    def report_rejected(
        self, framework: FrameworkRecord, task: TaskInfo, executor: ExecutorInfo, state: TaskState, ending: Ending
    ) -> None:
        """Report the end of a task that never got an executor. Nothing is noted of it."""
        status = self._agent_status(task, state, ending)
        executor_id = executor.executor_id
        status = replace(status, agent_id=self.agent_id, executor_id=executor_id, timestamp=self._clock.now())
        self.updates.add(framework.info_id, status)
        self.counters[state.lower().replace("task_", "tasks_")] += 1

    def acknowledge(self, framework_id: FrameworkID, task_id: TaskID, acknowledged: bytes) -> None:
        found = self.find_task(framework_id, task_id)
        if found and self.updates.awaits(framework_id, task_id, acknowledged):
            self._checkpoint.acknowledged(*found, task_id.value, acknowledged)
        status = self.updates.acknowledge(framework_id, task_id, acknowledged)
        if status is None or status.state not in TERMINAL or found is None:
            return
        framework, executor = found
        executor.completed.append(executor.terminated.pop(task_id.value))
        self.retire_if_done(framework, executor)

    def retire_if_done(self, framework: FrameworkRecord, executor: ExecutorRecord) -> None:
        """Make an executor a completed one where nothing of it is left to be done."""
        if executor.state is not ExecutorState.TERMINATED:
            return
        if framework.terminating:
            self._end_unreported(framework, executor)
        if executor.terminated:
            return
        del framework.executors[executor.id]
        del self._by_container[executor.container_id]
        self._checkpoint.completed(framework, executor)
        framework.completed.append(executor)
        self.retire_framework_if_idle(framework)

    def retire_framework_if_idle(self, framework: FrameworkRecord) -> None:
        if not framework.executors and framework.id in self.frameworks:
            del self.frameworks[framework.id]
            self.completed_frameworks[framework.id] = framework
            if len(self.completed_frameworks) > MAX_COMPLETED_FRAMEWORKS:
                del self.completed_frameworks[next(iter(self.completed_frameworks))]

    def _end_unreported(self, framework: FrameworkRecord, executor: ExecutorRecord) -> None:
        """The tasks of an executor whose framework a master has ended."""
        ending = Ending(TaskStatus.Reason.REASON_FRAMEWORK_REMOVED, f"Framework {framework.id} removed")
        for task in executor.tasks():
            status = self._agent_status(task.info, TaskState.TASK_KILLED, ending)
            task.add(replace(status, agent_id=self.agent_id, timestamp=self._clock.now()))
        executor.completed += (*executor.terminated.values(), *executor.tasks())
        for tasks in (executor.terminated, executor.launched, executor.queued):
            tasks.clear()

    def _agent_status(self, task: TaskInfo, state: TaskState, ending: Ending) -> TaskStatus:
        return TaskStatus(
            task_id=task.task_id,
            state=state,
            message=ending.message,
            source=TaskStatus.Source.SOURCE_AGENT,
            reason=ending.reason,
            limitation=ending.limitation,
            uuid=uuid.uuid4().bytes,
        )

    def _container_status(self, executor: ExecutorRecord, given: ContainerStatus | None) -> ContainerStatus:
        """What an executor says of its container, with what it leaves out."""
        status = given or ContainerStatus()
        return ContainerStatus(
            container_id=status.container_id or ContainerID(executor.container_id),
            network_infos=status.network_infos or self._networks,
            cgroup_info=status.cgroup_info,
            executor_pid=status.executor_pid or executor.pid,
        )
