"""The default executor's decisions: what becomes of the tasks of groups, and when the executor ends."""

from __future__ import annotations

import signal
from collections.abc import Callable

from mesosctl.runtime.agent import events
from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.executor.checks.targets import Result, Target
from mesosctl.runtime.executor.default import task_command, task_container
from mesosctl.runtime.executor.default_core import DefaultExecutor
from mesosctl.runtime.executor.reports import Identity
from mesosctl.runtime.protocol.basics import AgentID, ContainerID, DurationInfo, ExecutorID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo, KillPolicy
from mesosctl.runtime.protocol.executor import Call
from mesosctl.runtime.protocol.resources import Resource, Value, Volume
from mesosctl.runtime.protocol.tasks import CheckInfo, ExecutorInfo, HealthCheck, TaskInfo, TaskStatus

OWN = ContainerID("own")
BY_TERM, BY_KILL = int(signal.SIGTERM), int(signal.SIGKILL)


def task(name: str, **fields: object) -> TaskInfo:
    return TaskInfo(name=name, task_id=TaskID(name), agent_id=AgentID("a"), command=CommandInfo(value="run"), **fields)


class Bench:
    def __init__(self, *, killing_state: bool = False) -> None:
        self.clock = SimulatedClock()
        self.calls: list[Call] = []
        self.launches: dict[str, ContainerID] = {}
        self.waits: list[ContainerID] = []
        self.signals: list[tuple[float, str, int]] = []
        self.tries: list[tuple[str, Callable[[Result], None]]] = []
        self.stopped = False
        self._start = self.clock.now()
        self.executor = DefaultExecutor(Identity(FrameworkID("f"), ExecutorID("e")), 5.0, self.clock, self)
        types = FrameworkInfo.Capability.Type
        capabilities = (FrameworkInfo.Capability(types.TASK_KILLING_STATE),) if killing_state else ()
        framework = FrameworkInfo(user="root", name="f", capabilities=capabilities)
        info = ExecutorInfo(executor_id=ExecutorID("e"), type=ExecutorInfo.Type.DEFAULT)
        self.executor.event(events.subscribed(info, framework, AgentInfo(hostname="a"), OWN))

    def send(self, call: Call) -> None:
        self.calls.append(call)

    def launch(self, container_id: ContainerID, task: TaskInfo) -> None:
        self.launches[task.task_id.value] = container_id

    def wait(self, container_id: ContainerID) -> None:
        self.waits.append(container_id)

    def signal(self, container_id: ContainerID, number: int) -> None:
        name = next(name for name, each in self.launches.items() if each == container_id)
        self.signals.append((self.clock.now() - self._start, name, number))

    def prober(self, container_id: ContainerID) -> Prober:
        return Prober(self, container_id)

    def stop(self) -> None:
        self.stopped = True

    # What happens

    def group(self, *tasks: TaskInfo, launched: bool = True) -> None:
        self.executor.event(events.launch_group(tasks))
        if launched:
            for each in tasks:
                self.executor.launched(self.launches[each.task_id.value])

    def exit(self, name: str, status: int) -> None:
        self.executor.exited(self.launches[name], status)

    def kill(self, name: str, policy: KillPolicy | None = None) -> None:
        self.executor.event(events.kill(TaskID(name), policy))

    def statuses(self, name: str) -> list[TaskStatus]:
        found = [call.update.status for call in self.calls if call.update]
        return [status for status in found if status.task_id.value == name]

    def states(self, name: str) -> list[str]:
        return [status.state.removeprefix("TASK_") for status in self.statuses(name)]

    def acknowledge(self) -> None:
        for call in self.calls:
            if call.update and call.update.status.uuid:
                self.executor.event(events.acknowledged(call.update.status.task_id, call.update.status.uuid))


class Prober:
    def __init__(self, bench: Bench, container_id: ContainerID) -> None:
        self._bench = bench
        self._container_id = container_id

    def probe(self, target: Target, done: Callable[[Result], None]) -> Callable[[], None]:
        entry = (self._container_id.value, done)
        self._bench.tries.append(entry)
        return lambda: self._bench.tries.remove(entry)


def test_a_group_runs_when_all_of_it_is_launched() -> None:
    bench = Bench()
    bench.group(task("a"), task("b"), launched=False)
    bench.executor.launched(bench.launches["a"])
    assert bench.states("a") == ["STARTING"]
    bench.executor.launched(bench.launches["b"])
    assert bench.states("a") == bench.states("b") == ["STARTING", "RUNNING"]
    status = bench.statuses("a")[-1].container_status
    assert status is not None
    assert status.container_id == bench.launches["a"]
    assert bench.launches["a"].parent == OWN
    assert bench.waits == [bench.launches["a"], bench.launches["b"]]


def test_a_group_that_cannot_be_launched_whole_is_not_launched() -> None:
    bench = Bench()
    bench.group(task("a"), task("b"), launched=False)
    bench.executor.launched(bench.launches["a"])
    bench.executor.launch_failed(bench.launches["b"], "no such user")
    failure = bench.statuses("b")[-1]
    assert (failure.state, failure.reason) == ("TASK_FAILED", TaskStatus.Reason.REASON_CONTAINER_LAUNCH_FAILED)
    assert "no such user" in (failure.message or "")
    assert bench.signals == [(0, "a", signal.SIGTERM)]
    bench.exit("a", BY_KILL)
    assert bench.states("a") == ["STARTING", "KILLED"]
    bench.acknowledge()
    assert bench.stopped


def test_one_that_finishes_leaves_the_others() -> None:
    bench = Bench()
    bench.group(task("a"), task("b"))
    bench.exit("a", 0)
    assert bench.signals == []
    bench.acknowledge()
    assert not bench.stopped
    bench.exit("b", 0)
    bench.acknowledge()
    assert bench.stopped
    assert bench.states("a") == bench.states("b") == ["STARTING", "RUNNING", "FINISHED"]


def test_one_that_fails_takes_its_group_along_and_no_other() -> None:
    bench = Bench(killing_state=True)
    bench.group(task("a"), task("b"))
    bench.group(task("c"))
    bench.exit("a", 3 << 8)
    assert bench.statuses("a")[-1].message == "Command exited with status 3"
    assert bench.signals == [(0, "b", signal.SIGTERM)]
    bench.clock.advance(3)
    assert bench.signals[1:] == [(3, "b", signal.SIGKILL)]
    bench.exit("b", BY_KILL)
    assert bench.states("b") == ["STARTING", "RUNNING", "KILLING", "KILLED"]
    bench.acknowledge()
    assert not bench.stopped
    assert bench.states("c") == ["STARTING", "RUNNING"]
    bench.exit("c", 0)
    bench.acknowledge()
    assert bench.stopped


def test_one_that_is_killed_takes_its_group_along() -> None:
    bench = Bench()
    bench.group(task("a"), task("b"))
    bench.kill("a", KillPolicy(DurationInfo(10 * 10**9)))
    bench.clock.advance(5)
    assert bench.signals == [(0, "a", signal.SIGTERM)]
    bench.exit("a", BY_TERM)
    assert bench.signals[1:] == [(5, "b", signal.SIGTERM)]
    bench.exit("b", 0)
    assert (bench.states("a")[-1], bench.states("b")[-1]) == ("KILLED", "KILLED")


def test_a_kill_while_it_is_being_launched() -> None:
    bench = Bench(killing_state=True)
    bench.group(task("a"), launched=False)
    bench.kill("a")
    bench.executor.launched(bench.launches["a"])
    bench.exit("a", BY_KILL)
    assert bench.states("a") == ["STARTING", "KILLING", "KILLED"]


def test_shutdown_ends_all_in_time() -> None:
    bench = Bench()
    bench.group(task("a", kill_policy=KillPolicy(DurationInfo(60 * 10**9))), task("b"))
    bench.executor.event(events.shutdown())
    bench.clock.advance(100)
    assert sorted(bench.signals) == [
        (0, "a", signal.SIGTERM),
        (0, "b", signal.SIGTERM),
        (3, "b", signal.SIGKILL),
        (4, "a", signal.SIGKILL),
    ]
    bench.exit("a", BY_KILL)
    bench.exit("b", BY_TERM)
    bench.acknowledge()
    assert bench.stopped


def test_shutdown_before_any_task_stops() -> None:
    bench = Bench()
    bench.executor.event(events.shutdown())
    assert bench.stopped


def test_a_container_that_is_lost_fails_its_task() -> None:
    bench = Bench()
    bench.group(task("a"))
    bench.executor.lost(bench.launches["a"])
    assert bench.states("a")[-1] == "FAILED"


def test_the_time_of_one_task_is_up() -> None:
    bench = Bench()
    bench.group(task("a", max_completion_time=DurationInfo(7 * 10**9)), task("b"))
    bench.clock.advance(7)
    assert bench.signals == [(7, "a", signal.SIGTERM), (7, "a", signal.SIGKILL)]
    bench.exit("a", BY_TERM)
    status = bench.statuses("a")[-1]
    assert (status.state, status.reason) == (
        "TASK_FAILED",
        TaskStatus.Reason.REASON_MAX_COMPLETION_TIME_REACHED,
    )


def test_checks_of_several_tasks() -> None:
    check = CheckInfo(type=CheckInfo.Type.COMMAND, command=CheckInfo.Command(CommandInfo(value="x")), delay_seconds=1)
    health = HealthCheck(
        type=HealthCheck.Type.COMMAND,
        command=CommandInfo(value="x"),
        delay_seconds=1,
        grace_period_seconds=0,
        consecutive_failures=1,
    )
    bench = Bench()
    bench.group(task("a", check=check), task("b", health_check=health))
    bench.clock.advance(1)
    (first, check_done), (second, health_done) = bench.tries
    assert (first, second) == (bench.launches["a"].value, bench.launches["b"].value)
    check_done(5)
    status = bench.statuses("a")[-1].check_status
    assert status is not None
    assert status.command is not None
    assert status.command.exit_code == 5
    health_done(1)
    assert bench.statuses("b")[-1].healthy is False
    assert bench.signals == [(1, "b", signal.SIGTERM)]
    bench.exit("b", BY_TERM)
    last = bench.statuses("b")[-1]
    assert (last.state, last.healthy) == ("TASK_KILLED", False)


def test_subscribing_again_names_what_is_not_acknowledged() -> None:
    bench = Bench()
    bench.group(task("a"), task("b"))
    subscribe = bench.executor.subscription().subscribe
    assert subscribe is not None
    assert [each.task_id.value for each in subscribe.unacknowledged_tasks] == ["a", "b"]
    assert len(subscribe.unacknowledged_updates) == 4
    bench.acknowledge()
    assert bench.executor.subscription().subscribe == Call.Subscribe()


def test_what_the_container_of_a_task_gets() -> None:
    disk = Resource.DiskInfo(
        persistence=Resource.DiskInfo.Persistence("id"), volume=Volume(mode=Volume.Mode.RW, container_path="data")
    )
    resource = Resource(
        name="disk",
        type=Value.Type.SCALAR,
        scalar=Value.Scalar(1.0),
        allocation_info=Resource.AllocationInfo("web"),
        disk=disk,
    )
    info = task("a", resources=(resource,))
    environment = task_command(info).environment
    assert environment is not None
    assert [(each.name, each.value) for each in environment.variables] == [("MESOS_ALLOCATION_ROLE", "web")]
    container = task_container(info)
    assert container is not None
    assert container.type is ContainerInfo.Type.MESOS
    (volume,) = container.volumes
    assert volume.source is not None
    assert volume.source.sandbox_path == Volume.Source.SandboxPath("data", Volume.Source.SandboxPath.Type.PARENT)
    assert task_container(task("b")) is None
    plain = task_command(task("b")).environment
    assert not (plain and plain.variables)
