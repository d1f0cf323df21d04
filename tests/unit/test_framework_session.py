"""What a scheduler of the framework library remembers and does, on a turned clock."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.framework.backoff import Backoff
from mesosctl.runtime.framework.reconciliation import FIRST_SECONDS, MAX_SECONDS
from mesosctl.runtime.framework.session import Session
from mesosctl.runtime.protocol.basics import AgentID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.scheduler import Call, Event

SUBSCRIBED = {"type": "SUBSCRIBED", "subscribed": {"framework_id": {"value": "f1"}, "heartbeat_interval_seconds": 15.0}}


class Played:
    """A session whose clock and master are the test's."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.session = Session(FrameworkInfo(user="u", name="n", roles=("a", "b")), self.clock, self)
        self.calls: list[Call] = []
        self.reasons: list[str] = []

    def send(self, call: Call) -> None:
        self.calls.append(call)

    def reconnect(self, reason: str) -> None:
        self.reasons.append(reason)

    def receive(self, event: dict[str, Any]) -> object:
        return self.session.received(msgspec.convert(event, Event))

    def subscribe(self) -> Call:
        call = self.session.connecting()
        self.receive(SUBSCRIBED)
        return call

    def update(self, task_id: str) -> None:
        self.receive({"type": "UPDATE", "update": {"status": {"task_id": {"value": task_id}, "state": "TASK_RUNNING"}}})

    def asked(self) -> list[list[str]]:
        """The tasks of each RECONCILE since the last time."""
        asked = [[task.task_id.value for task in call.reconcile.tasks] for call in self.calls if call.reconcile]
        self.calls.clear()
        return asked


@pytest.fixture
def played() -> Played:
    return Played()


def test_the_framework_id_is_kept_for_the_next_subscription(played: Played) -> None:
    first = played.subscribe()
    assert first.type is Call.Type.SUBSCRIBE
    assert first.framework_id is None
    played.session.disconnected()
    again = played.session.connecting()
    assert again.subscribe
    assert again.framework_id == again.subscribe.framework_info.id == FrameworkID("f1")


def test_suppressed_roles_stay_suppressed(played: Played) -> None:
    played.subscribe()
    played.session.called(Call(type=Call.Type.SUPPRESS, suppress=Call.Suppress(("a",))))
    assert played.session.connecting().subscribe.suppressed_roles == ("a",)  # type: ignore[union-attr]
    played.session.called(Call(type=Call.Type.SUPPRESS))
    assert played.session.connecting().subscribe.suppressed_roles == ("a", "b")  # type: ignore[union-attr]
    played.session.called(Call(type=Call.Type.REVIVE, revive=Call.Revive(("b",))))
    assert played.session.connecting().subscribe.suppressed_roles == ("a",)  # type: ignore[union-attr]
    played.session.called(Call(type=Call.Type.REVIVE))
    assert played.session.connecting().subscribe.suppressed_roles == ()  # type: ignore[union-attr]


def test_a_silent_master_is_given_up(played: Played) -> None:
    played.subscribe()
    for _ in range(10):
        played.clock.advance(15)
        assert played.receive({"type": "HEARTBEAT"}) is None
    played.clock.advance(44)
    assert not played.reasons
    played.clock.advance(2)
    assert played.reasons == ["The master was silent for 45 s"]


def test_a_master_that_never_answers_is_given_up(played: Played) -> None:
    played.session.connecting()
    played.clock.advance(46)
    assert len(played.reasons) == 1


def test_nobody_watches_a_connection_that_is_no_more(played: Played) -> None:
    played.subscribe()
    played.session.disconnected()
    played.clock.advance(1000)
    assert not played.reasons


def test_tasks_are_asked_for_until_there_is_news_of_each(played: Played) -> None:
    played.subscribe()
    played.session.reconcile([(TaskID("t1"), AgentID("a1")), (TaskID("t2"), None)])
    assert played.asked() == [["t1", "t2"]]
    played.update("t1")
    played.clock.advance(FIRST_SECONDS)
    assert played.asked() == [["t2"]]
    played.clock.advance(FIRST_SECONDS)
    assert played.asked() == []
    played.clock.advance(FIRST_SECONDS)
    assert played.asked() == [["t2"]]
    played.update("t2")
    assert not played.session.reconciling
    for _ in range(100):
        played.clock.advance(15)
        played.receive({"type": "HEARTBEAT"})
    assert played.asked() == []


def test_the_time_between_questions_has_a_limit(played: Played) -> None:
    played.subscribe()
    played.session.reconcile([(TaskID("t1"), None)])
    for _ in range(100):
        played.clock.advance(MAX_SECONDS)
    assert 95 < len(played.asked()) < 110


def test_a_new_master_is_asked_at_once_and_no_master_is_not_asked(played: Played) -> None:
    played.session.reconcile([(TaskID("t1"), None)])
    assert played.asked() == []
    played.subscribe()
    assert played.asked() == [["t1"]]
    played.session.disconnected()
    played.clock.advance(1000)
    assert played.asked() == []
    played.subscribe()
    assert played.asked() == [["t1"]]


def test_waits_are_random_below_a_limit_that_doubles() -> None:
    backoff = Backoff(1.0, 8.0)
    waits = [max(_waits(backoff, attempts)) for attempts in (1, 2, 3, 4, 5, 6)]
    assert [limit >= wait > limit / 2 for limit, wait in zip((1, 2, 4, 8, 8, 8), waits, strict=True)] == [True] * 6


def _waits(backoff: Backoff, attempts: int) -> list[float]:
    """The last wait of so many attempts, often."""
    found = []
    for _ in range(200):
        backoff.reset()
        found.append([backoff.next() for _ in range(attempts)][-1])
    return found
