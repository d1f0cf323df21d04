"""Maintenance: the schedule, inverse offers, machines that are down; against a simulated clock."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.master.operator.messages import framework_message
from mesosctl.runtime.protocol.basics import MachineID
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.maintenance import Schedule
from tests.unit.master_cluster import AGENT, FRAMEWORK, Cluster

HERE = {"hostname": "localhost", "ip": "127.0.0.1"}
ELSEWHERE = {"hostname": "maint.example", "ip": "10.0.0.9"}
START = 4102444800000000000
UNAVAILABILITY = {"start": {"nanoseconds": START}, "duration": {"nanoseconds": 3600000000000}}


@pytest.fixture
def cluster() -> Cluster:
    """One agent and one subscribed framework with a task on it."""
    cluster = Cluster()
    cluster.register()
    cluster.subscribe()
    cluster.launch("t")
    cluster.update("t", "TASK_RUNNING")
    cluster.clock.advance(1)
    cluster.take("s1")
    return cluster


def schedule(*windows: list[dict[str, str]], unavailability: Any = UNAVAILABILITY) -> Schedule:
    body = {"windows": [{"machine_ids": machines, "unavailability": unavailability} for machines in windows]}
    return msgspec.convert(body, Schedule)


def machines(*machines: dict[str, str]) -> tuple[MachineID, ...]:
    return msgspec.convert(machines, tuple[MachineID, ...])


def set_schedule(cluster: Cluster, *windows: list[dict[str, str]]) -> None:
    cluster.master.commit(cluster.master.maintenance.update(schedule(*windows)))


def as_json(message: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(message))


def refusal(make: Any) -> str:
    with pytest.raises(Refusal) as caught:
        make()
    assert caught.value.status == 400
    return caught.value.text


def inverse(cluster: Cluster) -> str:
    """The id of the only new inverse offer."""
    (event,) = cluster.take("s1", "INVERSE_OFFERS")
    assert event.inverse_offers
    (offer,) = event.inverse_offers.inverse_offers
    assert (offer.agent_id.value, offer.unavailability.start.nanoseconds) == (AGENT, START)
    return offer.id.value


def test_from_the_schedule_to_down_and_up_again() -> None:
    maintenance = (cluster := Cluster()).master.maintenance
    set_schedule(cluster, [ELSEWHERE])
    assert as_json(maintenance.schedule()) == {
        "windows": [{"unavailability": UNAVAILABILITY, "machine_ids": [ELSEWHERE]}]
    }
    assert as_json(maintenance.status()) == {"draining_machines": [{"id": ELSEWHERE}]}
    cluster.master.commit(maintenance.start(machines(ELSEWHERE)))
    assert as_json(maintenance.status()) == {"down_machines": [ELSEWHERE]}
    cluster.master.commit(maintenance.stop(machines(ELSEWHERE)))
    assert as_json(maintenance.status()) == as_json(maintenance.schedule()) == {}


def test_the_next_master_knows_the_schedule_and_who_is_down(cluster: Cluster) -> None:
    other = {"hostname": "b"}
    set_schedule(cluster, [ELSEWHERE], [other])
    cluster.master.commit(cluster.master.maintenance.start(machines(ELSEWHERE)))
    after = Cluster(cluster.registry).master.maintenance
    assert after.schedule() == cluster.master.maintenance.schedule()
    assert after.status() == cluster.master.maintenance.status()


def test_whoever_uses_a_machine_is_asked_to_leave(cluster: Cluster) -> None:
    set_schedule(cluster, [HERE])
    cluster.clock.advance(0)
    events = cluster.take("s1")
    assert [event.type for event in events] == ["RESCIND", "INVERSE_OFFERS", "OFFERS"]
    assert events[2].offers.offers[0].unavailability.start.nanoseconds == START
    asked = events[1].inverse_offers.inverse_offers[0]
    assert asked.url.address.port == 5051
    framework = framework_message(cluster.master.state.frameworks[FRAMEWORK], cluster.master.state)
    assert framework.inverse_offers == (asked,)
    answer = {"inverse_offer_ids": [{"value": asked.id.value}], "filters": {"refuse_seconds": 3}}
    assert cluster.call("s1", "DECLINE_INVERSE_OFFERS", **answer) == 202
    (machine,) = as_json(cluster.master.maintenance.status())["draining_machines"]
    (status,) = machine["statuses"]
    assert (status["status"], status["framework_id"]["value"]) == ("DECLINE", FRAMEWORK)
    cluster.clock.advance(2)
    assert not cluster.take("s1", "INVERSE_OFFERS")
    cluster.clock.advance(2)
    again = inverse(cluster)
    cluster.call("s1", "ACCEPT_INVERSE_OFFERS", inverse_offer_ids=[{"value": again}])
    assert cluster.master.inverse_offers.statuses(AGENT)[0].status == "ACCEPT"


def test_hostname_and_address_must_both_agree(cluster: Cluster) -> None:
    set_schedule(cluster, [{"hostname": "localhost"}], [{"ip": "127.0.0.1"}], [HERE | {"ip": "127.0.0.2"}])
    cluster.clock.advance(2)
    assert not cluster.take("s1", "INVERSE_OFFERS")


def test_hostnames_are_the_same_in_whatever_case(cluster: Cluster) -> None:
    set_schedule(cluster, [HERE | {"hostname": "LocalHost"}])
    assert inverse(cluster)


def test_who_holds_nothing_is_not_asked(cluster: Cluster) -> None:
    cluster.subscribe("s2", "other", roles=["x"])
    set_schedule(cluster, [HERE])
    assert inverse(cluster)
    assert not cluster.take("s2", "INVERSE_OFFERS")


def test_an_inverse_offer_is_taken_back_with_the_schedule(cluster: Cluster) -> None:
    set_schedule(cluster, [HERE])
    cluster.take("s1")
    set_schedule(cluster)
    cluster.clock.advance(1)
    events = cluster.take("s1")
    assert "RESCIND_INVERSE_OFFER" in [event.type for event in events]
    assert cluster.master.state.agents[AGENT].unavailability is None


def test_an_inverse_offer_that_is_not_answered_in_time_is_replaced() -> None:
    cluster = Cluster(offer_timeout=5.0)
    cluster.register()
    cluster.subscribe()
    cluster.launch("t")
    set_schedule(cluster, [HERE])
    first = inverse(cluster)
    cluster.clock.advance(7)
    events = cluster.take("s1")
    assert [e.rescind_inverse_offer.inverse_offer_id.value for e in events if e.rescind_inverse_offer] == [first]
    assert [event for event in events if event.type == "INVERSE_OFFERS"]


def test_a_new_scheduler_is_asked_anew(cluster: Cluster) -> None:
    set_schedule(cluster, [HERE])
    cluster.subscribe("s2")
    cluster.clock.advance(1)
    assert [event.type for event in cluster.take("s2")].count("INVERSE_OFFERS") == 1
    assert not cluster.take("s1", "RESCIND_INVERSE_OFFER")


def test_agents_of_a_machine_that_goes_down_are_removed(cluster: Cluster) -> None:
    set_schedule(cluster, [HERE])
    cluster.take("s1")
    cluster.master.commit(cluster.master.maintenance.start(machines(HERE)))
    assert cluster.statuses() == [("t", "TASK_LOST", "REASON_AGENT_REMOVED")]
    assert cluster.messages(internal.Refused)[0].reason == "Operator initiated 'Machine DOWN'"
    cluster.register("a2")
    assert cluster.messages(internal.Refused, "a2")[0].reason == "Machine is `DOWN`"
    assert "a2" in cluster.closed
    cluster.master.commit(cluster.master.maintenance.stop(machines(HERE)))
    cluster.register("a3")
    assert cluster.messages(internal.Registered, "a3")


def test_an_agent_that_comes_later_is_in_its_window() -> None:
    cluster = Cluster()
    set_schedule(cluster, [HERE])
    cluster.register()
    cluster.subscribe()
    cluster.clock.advance(0)
    (event,) = cluster.take("s1", "OFFERS")
    assert event.offers
    assert event.offers.offers[0].unavailability


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (schedule([]), "List of machines in the maintenance window is empty"),
        (schedule([{}]), "Both 'hostname' and 'ip' for a machine are empty"),
        (schedule([{"ip": "nope"}]), "Failed to parse the IP 'nope'"),
        (
            schedule([{"hostname": "a"}], [{"hostname": "A"}]),
            'Machine \'{"hostname":"A"}\' appears more than once in the schedule',
        ),
        (
            schedule([HERE], unavailability={"start": {"nanoseconds": 1}, "duration": {"nanoseconds": -1}}),
            "Unavailability 'duration' is negative",
        ),
    ],
)
def test_schedules_that_are_refused(bad: Schedule, problem: str) -> None:
    maintenance = Cluster().master.maintenance
    assert refusal(lambda: maintenance.update(bad)) == problem


def test_what_machines_cannot_do() -> None:
    maintenance = (cluster := Cluster()).master.maintenance
    nope = machines({"hostname": "nope"})
    assert refusal(lambda: maintenance.start(nope)) == (
        'Machine \'{"hostname":"nope"}\' is not part of a maintenance schedule'
    )
    assert refusal(lambda: maintenance.stop(())) == "List of machines is empty"
    name = '{"hostname":"maint.example","ip":"10.0.0.9"}'
    set_schedule(cluster, [ELSEWHERE])
    assert refusal(lambda: maintenance.stop(machines(ELSEWHERE))) == (
        f"Machine '{name}' is not in DOWN mode and cannot be brought up"
    )
    cluster.master.commit(maintenance.start(machines(ELSEWHERE)))
    assert refusal(lambda: maintenance.start(machines(ELSEWHERE))) == (
        f"Machine '{name}' is not in DRAINING mode and cannot be brought down"
    )
    assert refusal(lambda: maintenance.update(schedule())) == (
        f"Machine '{name}' is deactivated and cannot be removed from the schedule"
    )


def test_a_machine_that_goes_down_while_its_agent_is_admitted() -> None:
    cluster = Cluster()
    set_schedule(cluster, [HERE])
    cluster.holds_writes = True
    cluster.master.commit(cluster.master.maintenance.start(machines(HERE)))
    cluster.register()
    cluster.holds_writes = False
    cluster.write()
    assert not cluster.messages(internal.Registered)
    assert "a1" in cluster.closed
    cluster.register("a2")
    assert cluster.messages(internal.Refused, "a2")
