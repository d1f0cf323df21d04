"""An agent without sockets and processes, on a simulated clock, for tests."""

from __future__ import annotations

import uuid

from mesosctl.runtime import internal
from mesosctl.runtime.agent.checkpoint import Store
from mesosctl.runtime.agent.core import Agent, Settings
from mesosctl.runtime.agent.records import Ending, ExecutorRecord, FrameworkRecord
from mesosctl.runtime.agent.recovery import Found
from mesosctl.runtime.agent.statistics import usage_of_process
from mesosctl.runtime.authorization import Acls
from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.protocol.basics import AgentID, ExecutorID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo, MasterInfo
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.executor import Call, Event
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.protocol.statistics import ResourceStatistics
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Resources

AGENT_ID = AgentID("agent-S0")
FRAMEWORK_ID = FrameworkID("framework-0000")
MASTER = MasterInfo(id="m", ip=0, port=5050, hostname="master.corp")


def scalar(name: str, amount: float) -> Resource:
    return Resource(
        name=name,
        type=Value.Type.SCALAR,
        scalar=Value.Scalar(amount),
        allocation_info=Resource.AllocationInfo("*"),
    )


def task(name: str, command: str = "sleep 1000") -> TaskInfo:
    return TaskInfo(
        name=f"name-{name}",
        task_id=TaskID(name),
        agent_id=AGENT_ID,
        resources=(scalar("cpus", 0.1), scalar("mem", 32)),
        command=CommandInfo(value=command),
    )


CUSTOM = ExecutorInfo(executor_id=ExecutorID("custom"), command=CommandInfo(value="./executor"))


class Bench:
    """What the agent does is collected: `to_master`, `to_executor`, `launched`, `destroyed`."""

    def __init__(
        self,
        *,
        partition_aware: bool = True,
        checkpoint: bool = False,
        store: Store | None = None,
        found: Found | None = None,
        acls: Acls | None = None,
    ) -> None:
        types = FrameworkInfo.Capability.Type
        capabilities = [types.MULTI_ROLE, *([types.PARTITION_AWARE] if partition_aware else [])]
        self.framework = FrameworkInfo(
            user="root",
            name="fw",
            id=FRAMEWORK_ID,
            checkpoint=checkpoint,
            roles=("*",),
            capabilities=tuple(FrameworkInfo.Capability(each) for each in capabilities),
        )
        self.clock = SimulatedClock()
        self.sent: list[internal.FromAgent] = []
        self.events: list[tuple[str, Event]] = []
        self.launched: list[ExecutorRecord] = []
        self.destroyed: list[ExecutorRecord] = []
        self.adopted: list[ExecutorRecord] = []
        self.kept: tuple[Resource, ...] = ()
        self.updated: list[tuple[str, float]] = []
        """Executors with the memory that they hold."""
        self.exceeded: Ending | None = None
        info = AgentInfo(hostname="agent.corp", resources=(scalar("cpus", 2.0), scalar("mem", 1024)))
        self.agent = Agent(info, Settings(ip="10.0.0.1", acls=acls), self.clock, self, store)
        if found:
            self.agent.recover(found)
        else:
            self.agent.registered(AGENT_ID, MASTER)

    # The agent's Outside

    def to_master(self, message: internal.FromAgent) -> None:
        self.sent.append(message)

    def to_executor(self, container_id: str, event: Event) -> None:
        self.events.append((container_id, event))

    def launch(self, framework: FrameworkInfo, executor: ExecutorRecord) -> None:
        self.launched.append(executor)
        self.agent.container_launched(executor.container_id, 4711)

    def hold(self, executor: ExecutorRecord) -> None:
        self.updated.append((executor.id, Resources.of(executor.resources()).scalar("mem")))

    def limitation(self, executor: ExecutorRecord) -> Ending | None:
        return self.exceeded

    def destroy(self, executor: ExecutorRecord) -> None:
        self.destroyed.append(executor)

    def adopt(self, executor: ExecutorRecord) -> None:
        self.adopted.append(executor)

    def keep_volumes(self, before: tuple[Resource, ...], now: tuple[Resource, ...]) -> None:
        self.kept = now

    def show_volumes(self, executor: ExecutorRecord) -> None:
        pass

    def sandbox(self, agent_id: AgentID, framework_id: str, executor_id: str, container_id: str) -> str:
        return f"/w/{agent_id.value}/{framework_id}/{executor_id}/{container_id}"

    # What tests do

    def run(self, *tasks: TaskInfo, executor: ExecutorInfo | None = None, group: bool = False) -> None:
        self.agent.from_master(internal.RunTasks(self.framework, tasks, executor, group))

    def kill(self, name: str) -> None:
        self.agent.from_master(internal.KillTask(FRAMEWORK_ID, TaskID(name)))

    def subscribe(self, index: int = -1, call: Call.Subscribe | None = None) -> None:
        framework, executor = self.records(index)
        self.agent.subscribed(framework, executor, call or Call.Subscribe())

    def update(self, name: str, state: TaskState, index: int = -1) -> TaskStatus:
        status = TaskStatus(
            task_id=TaskID(name),
            state=state,
            uuid=uuid.uuid4().bytes,
            source=TaskStatus.Source.SOURCE_EXECUTOR,
        )
        self.agent.update(*self.records(index), status)
        return status

    def exit(self, index: int = -1, status: int = 0) -> None:
        self.agent.container_exited(self.launched[index].container_id, status)

    def records(self, index: int = -1) -> tuple[FrameworkRecord, ExecutorRecord]:
        found = self.agent.ledger.find(FRAMEWORK_ID, self.launched[index].info.executor_id)
        assert found is not None
        return found

    def acknowledge_all(self) -> list[TaskStatus]:
        """Acknowledge what was sent, and what is sent then. All the statuses, in order."""
        seen = []
        while updates := [message for message in self.sent if isinstance(message, internal.StatusUpdate)]:
            self.sent = [message for message in self.sent if not isinstance(message, internal.StatusUpdate)]
            for update in updates:
                seen.append(update.status)
                assert update.status.uuid is not None
                self.agent.from_master(internal.Acknowledge(FRAMEWORK_ID, update.status.task_id, update.status.uuid))
        return seen

    def event_types(self) -> list[str]:
        return [str(event.type) for _, event in self.events]


async def usage(executor: ExecutorRecord) -> ResourceStatistics:
    """What the process of an executor uses."""
    assert executor.pid is not None
    return usage_of_process(executor.pid)
