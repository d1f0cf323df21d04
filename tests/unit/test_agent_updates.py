"""Status updates of an agent: in order, repeated from 10 s to 10 min, until acknowledged."""

from __future__ import annotations

import uuid

from mesosctl.runtime.agent.updates import StatusUpdates
from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.protocol.basics import FrameworkID, TaskID
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus

FRAMEWORK = FrameworkID("f")


class Bench:
    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.sent: list[tuple[float, TaskState, TaskState]] = []
        start = self.clock.now()
        self.updates = StatusUpdates(
            self.clock,
            lambda _, status, latest: self.sent.append((self.clock.now() - start, status.state, latest.state)),
        )
        self.updates.resume()

    def add(self, state: TaskState, task: str = "t") -> TaskStatus:
        status = TaskStatus(task_id=TaskID(task), state=state, uuid=uuid.uuid4().bytes)
        assert self.updates.add(FRAMEWORK, status)
        return status

    def acknowledge(self, status: TaskStatus) -> bool:
        assert status.uuid is not None
        return self.updates.acknowledge(FRAMEWORK, status.task_id, status.uuid) is status


S, R, F = TaskState.TASK_STARTING, TaskState.TASK_RUNNING, TaskState.TASK_FINISHED


def test_repeated_with_growing_intervals() -> None:
    bench = Bench()
    bench.add(S)
    bench.clock.advance(3000)
    times = [time for time, _, _ in bench.sent]
    assert times == [0, 10, 30, 70, 150, 310, 630, 1230, 1830, 2430]


def test_one_at_a_time_and_in_order() -> None:
    bench = Bench()
    starting, running, finished = bench.add(S), bench.add(R), bench.add(F)
    assert bench.sent == [(0, S, S)]
    assert not bench.acknowledge(running)
    assert bench.acknowledge(starting)
    assert bench.sent[1:] == [(0, R, F)]
    assert bench.acknowledge(running)
    assert bench.acknowledge(finished)
    bench.clock.advance(10_000)
    assert [state for _, state, _ in bench.sent] == [S, R, F]


def test_intervals_start_anew_with_every_update() -> None:
    bench = Bench()
    starting = bench.add(S)
    bench.clock.advance(31)
    bench.add(R)
    bench.acknowledge(starting)
    bench.clock.advance(10)
    assert [(time, state) for time, state, _ in bench.sent] == [(0, S), (10, S), (30, S), (31, R), (41, R)]


def test_late_acknowledgement_counts_once() -> None:
    bench = Bench()
    starting = bench.add(S)
    assert bench.acknowledge(starting)
    assert not bench.acknowledge(starting)


def test_repetitions_and_what_follows_the_end_are_dropped() -> None:
    bench = Bench()
    finished = bench.add(F)
    assert not bench.updates.add(FRAMEWORK, finished)
    late = TaskStatus(task_id=TaskID("t"), state=R, uuid=uuid.uuid4().bytes)
    assert not bench.updates.add(FRAMEWORK, late)


def test_paused_without_a_master() -> None:
    bench = Bench()
    bench.add(S)
    bench.updates.pause()
    bench.add(R)
    bench.add(S, task="other")
    bench.clock.advance(1000)
    assert bench.sent == [(0, S, S)]
    bench.updates.resume()
    assert bench.sent[1:] == [(1000, S, R), (1000, S, S)]


def test_a_framework_with_a_new_scheduler_gets_what_waits_at_once() -> None:
    bench = Bench()
    bench.add(S)
    bench.add(R)
    bench.clock.advance(25)
    bench.updates.repeat(FrameworkID("other"))
    bench.updates.repeat(FRAMEWORK)
    bench.clock.advance(10)
    assert [(time, state) for time, state, _ in bench.sent] == [(0, S), (10, S), (25, S), (35, S)]


def test_updates_of_a_dropped_framework_stop() -> None:
    bench = Bench()
    bench.add(S)
    bench.updates.drop_framework(FRAMEWORK)
    bench.clock.advance(1000)
    assert len(bench.sent) == 1
