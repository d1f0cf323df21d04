"""The command executor's decisions: what it tells the agent, and when it signals its task."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from mesosctl.runtime.agent import events
from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.executor.checks.targets import Result, Target
from mesosctl.runtime.executor.core import CommandExecutor
from mesosctl.runtime.executor.life import describe
from mesosctl.runtime.executor.reports import Identity
from mesosctl.runtime.protocol.basics import (
    AgentID,
    ContainerID,
    DurationInfo,
    ExecutorID,
    FrameworkID,
    Label,
    Labels,
    TaskID,
)
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerStatus, KillPolicy
from mesosctl.runtime.protocol.executor import Call
from mesosctl.runtime.protocol.tasks import CheckInfo, ExecutorInfo, HealthCheck, TaskInfo, TaskState, TaskStatus

KILLED_BY_TERM = int(signal.SIGTERM)


def seconds(amount: float) -> DurationInfo:
    return DurationInfo(int(amount * 1e9))


class Bench:
    def __init__(self, *, killing_state: bool = True, fails: Exception | None = None, slow: bool = False) -> None:
        self.clock = SimulatedClock()
        self.calls: list[Call] = []
        self.signals: list[tuple[float, int]] = []
        self.tries: list[Callable[[Result], None]] = []
        self.stopped = False
        self._fails = fails
        self._slow = slow
        self._start = self.clock.now()
        self.executor = CommandExecutor(Identity(FrameworkID("f"), ExecutorID("t")), 5.0, self.clock, self)
        types = FrameworkInfo.Capability.Type
        capabilities = (FrameworkInfo.Capability(types.TASK_KILLING_STATE),) if killing_state else ()
        self._framework = FrameworkInfo(user="root", name="f", capabilities=capabilities)
        self.subscribe()

    def subscribe(self) -> None:
        info = ExecutorInfo(executor_id=ExecutorID("t"))
        self.executor.event(events.subscribed(info, self._framework, AgentInfo(hostname="a"), ContainerID("c")))

    def send(self, call: Call) -> None:
        self.calls.append(call)

    def start(self, task: TaskInfo) -> None:
        if self._fails:
            raise self._fails
        if not self._slow:
            self.executor.started()

    def signal(self, number: int) -> None:
        self.signals.append((self.clock.now() - self._start, number))

    def prober(self) -> Bench:
        return self

    def probe(self, target: Target, done: Callable[[Result], None]) -> Callable[[], None]:
        self.tries.append(done)
        return lambda: self.tries.remove(done)

    def stop(self) -> None:
        self.stopped = True

    def launch(
        self,
        kill_policy: KillPolicy | None = None,
        max_completion_time: DurationInfo | None = None,
        health_check: HealthCheck | None = None,
        check: CheckInfo | None = None,
    ) -> None:
        task = TaskInfo(
            name="t",
            task_id=TaskID("t"),
            agent_id=AgentID("a"),
            command=CommandInfo(value="sleep 1000"),
            kill_policy=kill_policy,
            max_completion_time=max_completion_time,
            health_check=health_check,
            check=check,
        )
        self.executor.event(events.launch(task))

    def kill(self, grace: float | None = None) -> None:
        policy = None if grace is None else KillPolicy(seconds(grace))
        self.executor.event(events.kill(TaskID("t"), policy))

    def statuses(self) -> list[TaskStatus]:
        return [call.update.status for call in self.calls if call.update]

    def states(self) -> list[str]:
        return [status.state.removeprefix("TASK_") for status in self.statuses()]

    def acknowledge(self) -> None:
        for status in self.statuses():
            assert status.uuid is not None
            self.executor.event(events.acknowledged(status.task_id, status.uuid))


def test_a_command_that_finishes() -> None:
    bench = Bench()
    bench.launch()
    assert bench.states() == ["STARTING", "RUNNING"]
    bench.acknowledge()
    assert not bench.stopped
    bench.executor.exited(0)
    assert bench.states()[-1] == "FINISHED"
    assert bench.statuses()[-1].message == "Command exited with status 0"
    assert not bench.stopped
    bench.acknowledge()
    assert bench.stopped
    assert all(status.source is TaskStatus.Source.SOURCE_EXECUTOR for status in bench.statuses())


def test_a_command_that_fails() -> None:
    bench = Bench()
    bench.launch()
    bench.executor.exited(3 << 8)
    assert (bench.states()[-1], bench.statuses()[-1].message) == ("FAILED", "Command exited with status 3")


@pytest.mark.parametrize(
    ("killing_state", "expected"),
    [(True, ["STARTING", "RUNNING", "KILLING", "KILLED"]), (False, ["STARTING", "RUNNING", "KILLED"])],
)
def test_a_kill(killing_state: bool, expected: list[str]) -> None:
    bench = Bench(killing_state=killing_state)
    bench.launch()
    bench.kill()
    bench.executor.exited(KILLED_BY_TERM)
    assert bench.states() == expected
    assert bench.statuses()[-1].message == "Command terminated with signal Terminated"
    bench.clock.advance(100)
    assert bench.signals == [(0, signal.SIGTERM)]


def test_a_kill_escalates_after_the_grace_period_of_the_task() -> None:
    for policy, expected in ((None, 3.0), (KillPolicy(seconds(10)), 10.0)):
        bench = Bench()
        bench.launch(policy)
        bench.kill()
        bench.clock.advance(100)
        assert bench.signals == [(0, signal.SIGTERM), (expected, signal.SIGKILL)]


def test_a_second_kill_moves_the_end_only() -> None:
    bench = Bench()
    bench.launch()
    bench.kill(grace=60)
    bench.clock.advance(5)
    bench.kill(grace=7)
    bench.clock.advance(100)
    assert bench.signals == [(0, signal.SIGTERM), (7, signal.SIGKILL)]
    assert bench.states().count("KILLING") == 1


def test_a_killed_command_that_ends_with_0_is_killed() -> None:
    bench = Bench()
    bench.launch()
    bench.kill()
    bench.executor.exited(0)
    assert bench.states()[-1] == "KILLED"


def test_a_command_that_takes_too_long() -> None:
    bench = Bench()
    bench.launch(max_completion_time=seconds(30))
    bench.clock.advance(30)
    assert bench.signals == [(30, signal.SIGTERM), (30, signal.SIGKILL)]
    assert bench.states() == ["STARTING", "RUNNING"]
    bench.executor.exited(KILLED_BY_TERM)
    status = bench.statuses()[-1]
    assert (status.state, status.reason) == (
        TaskState.TASK_FAILED,
        TaskStatus.Reason.REASON_MAX_COMPLETION_TIME_REACHED,
    )


def test_a_command_that_cannot_be_started() -> None:
    bench = Bench(fails=FileNotFoundError(2, "No such file", "/nope"))
    bench.launch()
    assert bench.states() == ["STARTING", "FAILED"]
    bench.acknowledge()
    assert bench.stopped


def test_a_command_that_takes_its_time_to_start() -> None:
    bench = Bench(slow=True)
    bench.launch()
    assert bench.states() == ["STARTING"]
    status = ContainerStatus(executor_pid=7)
    bench.executor.started(status, b"[{}]", Labels((Label("a", "b"),)))
    bench.executor.exited(3 << 8, "Container exited with status 3")
    running, failed = bench.statuses()[1:]
    assert (running.state, running.data, running.labels) == ("TASK_RUNNING", b"[{}]", Labels((Label("a", "b"),)))
    assert running.container_status == failed.container_status == status
    assert (failed.state, failed.message, failed.data) == ("TASK_FAILED", "Container exited with status 3", None)


def test_a_command_that_is_killed_while_it_starts() -> None:
    bench = Bench(slow=True)
    bench.launch()
    bench.kill()
    assert bench.signals == []
    bench.executor.started()
    assert bench.signals == [(0.0, signal.SIGTERM)], "it may have begun its work before that was told"
    bench.executor.exited(signal.SIGTERM)
    assert bench.states() == ["STARTING", "KILLING", "KILLED"]


def test_a_command_that_is_ended_for_its_memory() -> None:
    bench = Bench()
    bench.launch()
    reason = TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY
    bench.executor.exited(137 << 8, "Memory limit exceeded", reason)
    (*_, status) = bench.statuses()
    assert (status.state, status.message, status.reason) == ("TASK_FAILED", "Memory limit exceeded", reason)


def test_shutdown_kills_in_time() -> None:
    bench = Bench()
    bench.launch(KillPolicy(seconds(60)))
    bench.executor.event(events.shutdown())
    bench.clock.advance(100)
    assert bench.signals == [(0, signal.SIGTERM), (4, signal.SIGKILL)]


def test_shutdown_without_a_task_stops() -> None:
    bench = Bench()
    bench.executor.event(events.shutdown())
    assert bench.stopped


def test_without_an_agent_it_does_not_wait_for_acknowledgements() -> None:
    bench = Bench()
    bench.launch()
    bench.executor.abandoned()
    assert not bench.stopped
    bench.executor.exited(KILLED_BY_TERM)
    assert bench.stopped


def test_a_status_that_overtakes_the_subscription_is_repeated() -> None:
    """The agent refuses it until it has heard the subscription, which was put together before."""
    bench = Bench(slow=True)
    bench.launch()
    (starting,) = bench.executor.subscription().subscribe.unacknowledged_updates  # type: ignore[union-attr]
    bench.executor.started()
    bench.calls.clear()
    bench.subscribe()
    (call,) = bench.calls
    assert call.update
    assert (starting.status.state, call.update.status.state) == (TaskState.TASK_STARTING, TaskState.TASK_RUNNING)


def test_subscribing_again_names_what_is_not_acknowledged() -> None:
    bench = Bench()
    bench.launch()
    subscribe = bench.executor.subscription().subscribe
    assert subscribe is not None
    assert [task.task_id.value for task in subscribe.unacknowledged_tasks] == ["t"]
    assert len(subscribe.unacknowledged_updates) == 2
    bench.acknowledge()
    assert bench.executor.subscription().subscribe == Call.Subscribe()


CHECK = CheckInfo(
    type=CheckInfo.Type.TCP, tcp=CheckInfo.Tcp(80), delay_seconds=1, interval_seconds=10, timeout_seconds=5
)
HEALTH_CHECK = HealthCheck(
    type=HealthCheck.Type.TCP,
    tcp=HealthCheck.TCPCheckInfo(port=80),
    delay_seconds=2,
    interval_seconds=10,
    timeout_seconds=5,
    grace_period_seconds=0,
    consecutive_failures=2,
)


def test_checks_are_reported_without_hiding_each_other() -> None:
    bench = Bench()
    bench.launch(check=CHECK, health_check=HEALTH_CHECK)
    assert [status.check_status and status.check_status.type for status in bench.statuses()] == [
        CheckInfo.Type.TCP,
        CheckInfo.Type.TCP,
    ]
    bench.clock.advance(2)
    check, health_check = bench.tries
    check(True)
    health_check(False)
    seen = bench.statuses()[2:]
    assert [status.state for status in seen] == [TaskState.TASK_RUNNING] * 2
    assert [status.reason for status in seen] == [
        TaskStatus.Reason.REASON_TASK_CHECK_STATUS_UPDATED,
        TaskStatus.Reason.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED,
    ]
    assert [status.healthy for status in seen] == [None, False]
    assert [
        status.check_status and status.check_status.tcp and status.check_status.tcp.succeeded for status in seen
    ] == [
        True,
        True,
    ]
    assert len({status.uuid for status in bench.statuses()}) == 4


def test_a_task_that_fails_its_health_check_too_often_is_killed() -> None:
    bench = Bench()
    bench.launch(health_check=HEALTH_CHECK)
    for until_next in (2, 10):
        bench.clock.advance(until_next)
        bench.tries.pop()(False)
    assert bench.signals == [(12, signal.SIGTERM)]
    bench.executor.exited(KILLED_BY_TERM)
    last = bench.statuses()[-1]
    assert (last.state, last.healthy) == (TaskState.TASK_KILLED, False)
    bench.clock.advance(100)
    assert bench.tries == []


def test_without_an_agent_nothing_is_checked() -> None:
    bench = Bench()
    bench.launch(health_check=HEALTH_CHECK, check=CHECK)
    bench.clock.advance(2)
    bench.executor.disconnected()
    bench.clock.advance(100)
    assert bench.tries == []
    bench.subscribe()
    bench.clock.advance(0)
    assert len(bench.tries) == 2


def test_a_killed_task_is_checked_no_more() -> None:
    bench = Bench()
    bench.launch(health_check=HEALTH_CHECK, check=CHECK)
    bench.clock.advance(2)
    assert len(bench.tries) == 2
    bench.kill(grace=1000)
    bench.clock.advance(100)
    assert bench.tries == []
    assert bench.states() == ["STARTING", "RUNNING", "KILLING"]


def test_ends_in_the_words_of_mesos() -> None:
    def ended(command: str) -> str:
        pid = os.posix_spawn("/bin/sh", ["sh", "-c", command], {})
        return describe(os.waitpid(pid, 0)[1])

    assert ended("exit 7") == "exited with status 7"
    assert ended("kill -KILL $$") == "terminated with signal Killed"
