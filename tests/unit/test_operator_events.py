"""What operators who subscribed are sent: the recorded events of a real Mesos, and a stream over HTTP."""

from __future__ import annotations

import json
from typing import Any

from mesosctl.runtime import internal
from mesosctl.runtime.master.actions import Change
from mesosctl.runtime.master.operator.subscribers import event_of
from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.master import Event
from mesosctl.runtime.protocol.recordio import RecordDecoder
from tests.unit.master_cluster import AGENT, FRAMEWORK
from tests.unit.mesos_golden import exchanges
from tests.unit.test_master_http import Running, run
from tests.unit.test_master_recorded import CALLS, Session

RECORDED = {each.name: each.events for each in exchanges()}["operator-master/SUBSCRIBE-stream"]
FIRST = "10-accept-launch-short"
"""The first call of the recorded session that the recorded operator could see."""


def test_the_events_of_a_recorded_session() -> None:
    """The order depends on when calls were made. What schedulers did later in the recording is left out."""
    session, seen = Session(), list[Any]()

    def changed(change: Change) -> None:
        seen.append(json.loads(encode(event_of(change))))

    for name, exchange in CALLS.items():
        if name == FIRST:
            session.cluster.master.state.changed = changed
        session.play(name, exchange.request["body"])
    expected = [event for event in RECORDED if event["type"].startswith("TASK_")]
    expected.append(next(event for event in RECORDED if event["type"] == "FRAMEWORK_UPDATED"))
    assert sorted(map(comparable, seen)) == sorted(map(comparable, expected))


def comparable(event: dict[str, Any]) -> str:
    """Without times, and without what the test's scheduler does not tell of itself."""
    event = json.loads(json.dumps(event))
    event.get("task_updated", {}).get("status", {}).pop("timestamp", None)
    framework = event.get("framework_updated", {}).get("framework", {})
    for name in ("registered_time", "reregistered_time", "framework_info"):
        framework.pop(name, None)
    return json.dumps(event, sort_keys=True)


async def events(running: Running, media: MediaType, until: str) -> list[Event]:
    """Subscribe, register an agent and a framework, let both go: the events up to the first of one type."""
    headers = {"Content-Type": "application/json", "Accept": media.value}
    body = b'{"type": "SUBSCRIBE"}'
    async with running.session.post(running.url + "/api/v1", headers=headers, data=body) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, media.value)
        records, found = RecordDecoder(), list[Event]()
        while len(found) < 2:
            chunk, whole = await answer.content.readchunk()
            assert whole
            found += [decode(Event, record, media) for record in records.feed(chunk)]
        await running.register()
        async with running.subscribed():
            pass
        while until not in [event.type for event in found]:
            chunk, _ = await answer.content.readchunk()
            assert chunk
            found += [decode(Event, record, media) for record in records.feed(chunk)]
            if found[-1].type == "FRAMEWORK_ADDED":
                running.server.master.agent_message("agent", internal.Unregister())
    return found


def test_a_stream() -> None:
    async def scenario(running: Running) -> None:
        found = await events(running, MediaType.PROTOBUF, "AGENT_REMOVED")
        assert [event.type for event in found] == [
            "SUBSCRIBED",
            "HEARTBEAT",
            "AGENT_ADDED",
            "FRAMEWORK_ADDED",
            "AGENT_REMOVED",
        ]
        assert found[0].subscribed
        assert found[0].subscribed.get_state
        assert found[0].subscribed.heartbeat_interval_seconds == 15
        assert found[2].agent_added
        assert found[2].agent_added.agent.agent_info.id
        assert found[2].agent_added.agent.agent_info.id.value == AGENT
        assert found[3].framework_added
        assert found[3].framework_added.framework.framework_info.id
        assert found[3].framework_added.framework.framework_info.id.value == FRAMEWORK

    run(scenario)


def test_the_oldest_of_too_many_subscribers_has_to_go() -> None:
    async def scenario(running: Running) -> None:
        headers = {"Content-Type": "application/json"}
        body = b'{"type": "SUBSCRIBE"}'
        async with running.session.post(running.url + "/api/v1", headers=headers, data=body) as first:
            await first.content.readchunk()
            async with (
                running.session.post(running.url + "/api/v1", headers=headers, data=body) as second,
                running.session.post(running.url + "/api/v1", headers=headers, data=body) as third,
            ):
                await second.content.readchunk()
                await third.content.readchunk()
                await first.content.read()  # it ends
                assert not second.content.at_eof()

    run(scenario, "--max_operator_event_stream_subscribers=2")
