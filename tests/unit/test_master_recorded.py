"""A whole session recorded with a real Mesos, played again: the same calls get the same statuses and events.

The agent is played from the recording: what its executors said is said again before the call that acknowledges it.
Left out: OFFERS, RESCIND and HEARTBEAT (they depend on the time calls took), times, and the repetition of an update.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.protocol.basics import ExecutorID, FrameworkID
from mesosctl.runtime.protocol.codec import decode
from mesosctl.runtime.protocol.errors import DecodeError, Refusal
from mesosctl.runtime.protocol.scheduler import Call
from mesosctl.runtime.protocol.tasks import TaskStatus
from tests.unit.master_cluster import FRAMEWORK, Cluster
from tests.unit.mesos_golden import exchanges

Event = dict[str, Any]
PASSED_OVER = {"OFFERS", "RESCIND", "HEARTBEAT", "SUBSCRIBED"}
STALE = "20-accept-used-offer"

SESSION = {each.name.partition("/")[2]: each for each in exchanges() if each.name.startswith("scheduler/")}
CALLS = {name: each for name, each in sorted(SESSION.items()) if not each.events}


def recorded_events() -> list[Event]:
    """Of the whole session, each update once."""
    found: list[Event] = []
    for event in SESSION["00-stream-main"].events:
        if event["type"] not in PASSED_OVER and event not in found:
            found.append(event)
    return found[:-1]  # the last says that another scheduler took over


def is_agents(event: Event) -> bool:
    status = event.get("update", {}).get("status", {})
    return "failure" in event or status.get("source") == "SOURCE_EXECUTOR"


class Session:
    """A cluster with the agent of the recording, and what its executors have still to say."""

    def __init__(self) -> None:
        self.cluster = Cluster()
        self.cluster.register()
        self.cluster.subscribe(framework_id=None)
        self.seen: list[Event] = []
        self.to_say = [event for event in recorded_events() if is_agents(event)]

    def say_until(self, uuid: str | None) -> None:
        """Let the agent say all up to the update with this uuid."""
        if uuid not in [event["update"]["status"]["uuid"] for event in self.to_say if "update" in event]:
            return
        while self.say_one() != uuid:
            pass

    def say_one(self) -> str | None:
        event = self.to_say.pop(0)
        framework_id = FrameworkID(FRAMEWORK)
        if "failure" in event:
            executor = ExecutorID(event["failure"]["executor_id"]["value"])
            self.cluster.send("a1", internal.ExecutorExited(framework_id, executor, event["failure"]["status"]))
            return None
        status = decode(TaskStatus, json.dumps(event["update"]["status"]).encode())
        self.cluster.send("a1", internal.StatusUpdate(framework_id, status))
        uuid: str = event["update"]["status"]["uuid"]
        return uuid

    def play(self, name: str, body: Event) -> int:
        """A recorded call, with the offer that is outstanding now; gives the HTTP status."""
        body = json.loads(json.dumps(body))
        self.say_until(body.get("acknowledge", {}).get("uuid"))
        used = body.get("accept", body.get("decline", {}))
        if used.get("offer_ids") != [{"value": "no-such-offer"}] and used and name != STALE:
            used["offer_ids"] = [{"value": self.cluster.offer()}]
        try:
            call = decode(Call, json.dumps(body).encode())
            status = self.cluster.raw("s1", msgspec.to_builtins(call, builtin_types=(bytes,)))
        except (Refusal, DecodeError):
            return 400
        self.collect()
        return status

    def collect(self) -> None:
        for event in self.cluster.take("s1"):
            if event.type not in PASSED_OVER:
                self.seen.append(json.loads(msgspec.json.encode(event)))


@pytest.fixture(scope="module")
def played() -> tuple[Session, dict[str, int]]:
    session = Session()
    statuses = {name: session.play(name, exchange.request["body"]) for name, exchange in CALLS.items()}
    session.collect()
    return session, statuses


@pytest.mark.parametrize("name", CALLS)
def test_status(played: tuple[Session, dict[str, int]], name: str) -> None:
    assert played[1][name] == CALLS[name].response["status"]


def test_the_agent_said_all(played: tuple[Session, dict[str, int]]) -> None:
    assert not played[0].to_say


def test_events(played: tuple[Session, dict[str, int]]) -> None:
    assert sorted(map(comparable, played[0].seen)) == sorted(map(comparable, recorded_events()))


def comparable(event: Event) -> str:
    """The event as text, without its time. Offers have other numbers than in the recording."""
    status = dict(event.get("update", {}).get("status", {}))
    status.pop("timestamp", None)
    if status.get("reason") == "REASON_INVALID_OFFERS":
        status["message"] = (
            "Offer is no longer valid" if "is no longer valid" in status["message"] else status["message"]
        )
    return json.dumps({**event, "update": {"status": status}} if status else event, sort_keys=True)
