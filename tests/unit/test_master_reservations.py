"""Dynamic reservations and persistent volumes, by operators and by frameworks; against a simulated clock."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.master.views.agents import full_agent_view
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.offers import Offer
from tests.unit.master_cluster import AGENT, FRAMEWORK, Cluster, task

ON_AGENT = f"on agent {AGENT} at slave(1)@127.0.0.1:5051 (localhost)"
DYNAMIC = {"type": "DYNAMIC", "role": "eng", "principal": "ops"}


@pytest.fixture
def cluster() -> Cluster:
    """One agent with 2 CPUs and a framework in the role eng with an offer of all of it."""
    cluster = Cluster()
    cluster.register()
    cluster.subscribe(roles=["eng"])
    cluster.clock.advance(0)
    cluster.take("s1")
    return cluster


def resource(name: str, amount: float, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "SCALAR", "scalar": {"value": amount}, **more}


def disk(amount: float) -> dict[str, Any]:
    """Reserved to eng."""
    return resource("disk", amount, reservations=[DYNAMIC])


def volume(amount: float, persistence_id: str = "v", **more: Any) -> dict[str, Any]:
    mount = {"container_path": "data", "mode": "RW"}
    return disk(amount) | {"disk": {"persistence": {"id": persistence_id}, "volume": mount}} | more


def operation(kind: str, **fields: Any) -> Offer.Operation:
    return msgspec.convert({"type": kind, kind.lower(): fields}, Offer.Operation)


def perform(cluster: Cluster, kind: str, **fields: Any) -> None:
    cluster.master.reservations.perform(AGENT, operation(kind, **fields))


def refusal(cluster: Cluster, kind: str, **fields: Any) -> tuple[int, str]:
    with pytest.raises(Refusal) as caught:
        perform(cluster, kind, **fields)
    return caught.value.status, caught.value.text


def launch(cluster: Cluster, *tasks: dict[str, Any]) -> None:
    operation = {"type": "LAUNCH", "launch": {"task_infos": tasks}}
    cluster.call("s1", "ACCEPT", FRAMEWORK, offer_ids=[{"value": cluster.offer()}], operations=[operation])


def checkpointed(cluster: Cluster) -> str:
    """What the agent was told last to keep."""
    message = cluster.messages(internal.Checkpoint)[-1]
    return " ".join(
        f"{each.name}:{each.scalar.value:g}{':' + each.disk.persistence.id if each.disk else ''}"
        for each in message.resources
    )


def test_from_reservation_to_volume_and_back(cluster: Cluster) -> None:
    perform(cluster, "RESERVE", resources=[disk(100)])
    assert checkpointed(cluster) == "disk:100"
    perform(cluster, "CREATE", volumes=[volume(60)])
    assert checkpointed(cluster) == "disk:40 disk:60:v"
    perform(cluster, "GROW_VOLUME", volume=volume(60), addition=disk(30))
    assert checkpointed(cluster) == "disk:10 disk:90:v"
    perform(cluster, "SHRINK_VOLUME", volume=volume(90), subtract={"value": 50})
    assert checkpointed(cluster) == "disk:60 disk:40:v"
    perform(cluster, "DESTROY", volumes=[volume(40)])
    perform(cluster, "UNRESERVE", resources=[disk(100)])
    assert checkpointed(cluster) == ""
    assert cluster.master.state.agents[AGENT].total.reserved().scalar("disk") == 0


def test_offers_that_are_in_the_way_are_rescinded_and_filtered(cluster: Cluster) -> None:
    perform(cluster, "RESERVE", resources=[disk(100)])
    cluster.clock.advance(0)
    assert [event.type for event in cluster.take("s1")] == ["RESCIND", "OFFERS"]
    (offer,) = cluster.master.state.offers.values()
    assert offer.resources.reserved("eng").scalar("disk") == 100


def test_a_reservation_for_another_role_is_not_offered(cluster: Cluster) -> None:
    perform(cluster, "RESERVE", resources=[resource("cpus", 1, reservations=[DYNAMIC | {"role": "ops"}])])
    cluster.clock.advance(6)
    (offer,) = cluster.master.state.offers.values()
    assert offer.resources.scalar("cpus") == 1


def test_what_tasks_use_cannot_be_reserved(cluster: Cluster) -> None:
    cluster.launch("t", cpus=1.5)
    status, text = refusal(cluster, "RESERVE", resources=[resource("cpus", 1, reservations=[DYNAMIC])])
    assert status == 409
    assert text.endswith("does not contain cpus:1")
    assert not cluster.messages(internal.Checkpoint)


def part_free_and_part_offered(cluster: Cluster, free: float, **more: Any) -> None:
    """The CPUs of a task that has just ended are in no offer; the others are. `more`: what they are besides."""
    launch(cluster, task("t") | {"resources": [resource("cpus", free, **more), resource("mem", 32)]})
    assert len(cluster.master.state.frameworks[FRAMEWORK].offers) == 0
    cluster.offer()
    uuid = cluster.update("t", "TASK_FINISHED")
    cluster.call("s1", "ACKNOWLEDGE", agent_id={"value": AGENT}, task_id={"value": "t"}, uuid=uuid)
    assert cluster.master.state.allocator.available(AGENT).scalar("cpus") == free
    assert cluster.master.state.offers


@pytest.mark.parametrize("kind", ["RESERVE", "UNRESERVE"])
def test_what_is_free_and_what_is_offered_serve_together(cluster: Cluster, kind: str) -> None:
    reserved = resource("cpus", 2, reservations=[DYNAMIC])
    older: dict[str, Any] = {}
    if kind == "UNRESERVE":
        perform(cluster, "RESERVE", resources=[reserved])
        older = {"role": "eng", "reservation": {"principal": "ops"}}
    part_free_and_part_offered(cluster, 0.5, **older)
    cluster.take("s1")
    perform(cluster, kind, resources=[reserved])
    assert [event.type for event in cluster.take("s1")] == ["RESCIND"]
    left = cluster.master.state.agents[AGENT].total.reserved("eng").scalar("cpus")
    assert left == (2 if kind == "RESERVE" else 0)


def test_reservations_of_one_role_by_two_principals(cluster: Cluster) -> None:
    for principal in ("ops", "dev"):
        perform(cluster, "RESERVE", resources=[resource("cpus", 1, reservations=[DYNAMIC | {"principal": principal}])])
    cluster.clock.advance(6)
    offered = cluster.master.state.offers[cluster.offer()].resources.reserved("eng").messages()
    found = {each.reservations[0].principal: each.scalar.value for each in offered if each.name == "cpus"}
    assert found == {"ops": 1, "dev": 1}
    perform(cluster, "UNRESERVE", resources=[resource("cpus", 1, reservations=[DYNAMIC])])
    (left,) = cluster.messages(internal.Checkpoint)[-1].resources
    assert left.reservations[0].principal == "dev"


def test_reservations_with_labels(cluster: Cluster) -> None:
    labels = {"labels": [{"key": "team", "value": "a"}, {"key": "empty"}]}
    labelled = resource("cpus", 1, reservations=[DYNAMIC | {"labels": labels}])
    perform(cluster, "RESERVE", resources=[labelled])
    cluster.clock.advance(6)
    offered = cluster.master.state.offers[cluster.offer()].resources.reserved("eng").messages()
    assert [each.key for each in offered[0].reservations[0].labels.labels] == ["team", "empty"]
    status, _ = refusal(cluster, "UNRESERVE", resources=[resource("cpus", 1, reservations=[DYNAMIC])])
    assert status == 409
    perform(cluster, "UNRESERVE", resources=[labelled])
    assert checkpointed(cluster) == ""


def test_operators_and_frameworks_destroy_what_the_others_made(cluster: Cluster) -> None:
    older = {"role": "eng", "reservation": {"principal": "ops"}}
    there = resource("disk", 100, **older)
    made = there | {"disk": {"persistence": {"id": "v"}, "volume": {"container_path": "data", "mode": "RW"}}}
    perform(cluster, "RESERVE", resources=[disk(100)])
    perform(cluster, "CREATE", volumes=[volume(100)])
    assert checkpointed(cluster) == "disk:100:v"
    cluster.clock.advance(6)
    accept(cluster, (("DESTROY", {"volumes": [made]}),))
    assert checkpointed(cluster) == "disk:100"
    cluster.clock.advance(6)
    accept(cluster, (("CREATE", {"volumes": [made]}),))
    assert checkpointed(cluster) == "disk:100:v"
    cluster.clock.advance(6)
    cluster.offer()
    perform(cluster, "DESTROY", volumes=[volume(100)])
    assert checkpointed(cluster) == "disk:100"


def test_agents_are_shown_with_their_volumes(cluster: Cluster) -> None:
    perform(cluster, "RESERVE", resources=[disk(100)])
    perform(cluster, "CREATE", volumes=[volume(60)])
    cluster.clock.advance(6)
    view = full_agent_view(cluster.master.state.agents[AGENT])

    def parts(name: str) -> list[tuple[float, str | None]]:
        shown = view[name]["eng"] if name.startswith("reserved") else view[name]
        return [
            (each.scalar.value, each.disk.persistence.id if each.disk else None)
            for each in shown
            if each.name == "disk"
        ]

    assert sorted(parts("reserved_resources_full")) == [(40, None), (60, "v")]
    assert parts("unreserved_resources_full") == [(252799, None)]
    assert parts("used_resources_full") == []
    assert sorted(parts("offered_resources_full")) == [(40, None), (60, "v"), (252799, None)]
    assert view["reserved_resources"]["eng"]["disk"] == 100


def test_an_agent_that_goes_takes_its_reservations_along(cluster: Cluster) -> None:
    cluster.register("a2", port=5052)
    perform(cluster, "RESERVE", resources=[disk(100)])
    perform(cluster, "CREATE", volumes=[volume(60)])
    cluster.clock.advance(6)
    cluster.send("a1", internal.Unregister())
    assert AGENT not in cluster.master.state.agents
    (other,) = cluster.master.state.agents.values()
    status, text = refusal(cluster, "DESTROY", volumes=[volume(60)])
    assert (status, text) == (400, "No agent found with specified ID")
    cluster.clock.advance(6)
    (offer,) = cluster.master.state.offers.values()
    assert (offer.agent_id, bool(offer.resources.reserved())) == (other.id, False)


@pytest.mark.parametrize(
    ("kind", "fields", "problem"),
    [
        (
            "RESERVE",
            {"resources": [resource("cpus", 1)]},
            f"Invalid RESERVE operation {ON_AGENT}: Resource cpus:1 is not dynamically reserved",
        ),
        (
            "RESERVE",
            {"resources": [disk(1) | {"allocation_info": {"role": "eng"}}]},
            f"Invalid RESERVE operation {ON_AGENT}: A reserve operation was attempted with an allocated resource,"
            " but the operator API only allows reservations to be made to unallocated resources",
        ),
        (
            "UNRESERVE",
            {"resources": [resource("cpus", 1)]},
            "Invalid UNRESERVE operation: Resource cpus:1 is not dynamically reserved",
        ),
        (
            "CREATE",
            {"volumes": [disk(1)]},
            f"Invalid CREATE operation {ON_AGENT}: Not a persistent volume:"
            " Resource disk(reservations: [(DYNAMIC,eng,ops)]):1 does not have DiskInfo",
        ),
        ("DESTROY", {"volumes": [volume(1)]}, "Invalid DESTROY operation: Persistent volumes not found"),
        (
            "GROW_VOLUME",
            {"volume": volume(1), "addition": resource("disk", 1)},
            f"Invalid GROW_VOLUME operation {ON_AGENT}: Incompatible resources in the 'GrowVolume.volume' and"
            " 'GrowVolume.addition' fields",
        ),
        (
            "SHRINK_VOLUME",
            {"volume": volume(1), "subtract": {"value": 1}},
            f"Invalid SHRINK_VOLUME operation {ON_AGENT}: Value of 'ShrinkVolume.subtract' must be smaller than"
            " volume's size",
        ),
    ],
)
def test_invalid_operations(cluster: Cluster, kind: str, fields: dict[str, Any], problem: str) -> None:
    assert refusal(cluster, kind, **fields) == (400, problem)


def test_an_agent_that_is_not_there(cluster: Cluster) -> None:
    with pytest.raises(Refusal, match="No agent found with specified ID"):
        cluster.master.reservations.perform("nope", operation("RESERVE", resources=[disk(1)]))


def test_a_framework_makes_and_destroys_a_volume(cluster: Cluster) -> None:
    """A framework without RESERVATION_REFINEMENT writes them in the older form."""
    older = {"role": "eng", "reservation": {"principal": "ops"}}
    there = resource("disk", 100, **older)
    made = there | {"disk": {"persistence": {"id": "v"}, "volume": {"container_path": "data", "mode": "RW"}}}
    steps = (("RESERVE", {"resources": [there]}), ("CREATE", {"volumes": [made]}))
    accept(cluster, steps)
    assert checkpointed(cluster) == "disk:100:v"
    cluster.clock.advance(6)
    (offer,) = [each for event in cluster.take("s1", "OFFERS") for each in event.offers.offers]
    (offered,) = [each for each in offer.resources if each.disk]
    assert (offered.role, offered.disk.persistence.id) == ("eng", "v")
    accept(cluster, (("DESTROY", {"volumes": [made]}), ("UNRESERVE", {"resources": [there]})))
    assert checkpointed(cluster) == ""


def accept(cluster: Cluster, steps: tuple[tuple[str, dict[str, Any]], ...]) -> None:
    operations = [{"type": kind, "id": {"value": kind}, kind.lower(): fields} for kind, fields in steps]
    cluster.call("s1", "ACCEPT", FRAMEWORK, offer_ids=[{"value": cluster.offer()}], operations=operations)
    states = [event.update_operation_status.status for event in cluster.take("s1", "UPDATE_OPERATION_STATUS")]
    assert [(each.operation_id.value, each.state) for each in states] == [
        (kind, "OPERATION_FINISHED") for kind, _ in steps
    ]


def test_a_shared_volume_serves_more_tasks_than_it_was_offered_to() -> None:
    cluster = Cluster()
    cluster.register()
    capabilities = [{"type": each} for each in ("MULTI_ROLE", "SHARED_RESOURCES", "RESERVATION_REFINEMENT")]
    cluster.subscribe(roles=["eng"], capabilities=capabilities)
    cluster.clock.advance(0)
    shared = volume(60, shared={})
    kept = {"resources": [disk(100)]}, {"volumes": [shared]}
    tasks = [task(name) for name in ("a", "b", "c")]
    for each in tasks:
        each["resources"].append(shared)
    accept(cluster, (("RESERVE", kept[0]), ("CREATE", kept[1])))
    cluster.clock.advance(10)
    launch(cluster, *tasks)
    framework = cluster.master.state.frameworks[FRAMEWORK]
    assert list(framework.tasks) == ["a", "b", "c"]
    for each in tasks:
        name = each["task_id"]["value"]
        uuid = cluster.update(name, "TASK_FINISHED")
        cluster.call("s1", "ACKNOWLEDGE", agent_id={"value": AGENT}, task_id={"value": name}, uuid=uuid)
    assert not framework.used
    assert not cluster.master.state.allocator.allocated("eng") or framework.offers
    cluster.clock.advance(10)
    offered = cluster.master.state.offers[cluster.offer()].resources
    assert [amount for _, amount in offered.shared().items()] == [1]
    stray = task("d")
    stray["resources"].append(volume(60, "other", shared={}))
    launch(cluster, stray)
    assert cluster.statuses()[-1] == ("d", "TASK_ERROR", "REASON_TASK_INVALID")


def test_what_did_not_reach_an_agent_is_told_again(cluster: Cluster) -> None:
    cluster.master.agent_disconnected("a1")
    perform(cluster, "RESERVE", resources=[disk(100)])
    cluster.register("a2", AGENT)
    (message,) = cluster.messages(internal.Checkpoint, "a2")
    assert [each.scalar.value for each in message.resources] == [100]
    assert cluster.master.state.agents[AGENT].total.reserved("eng").scalar("disk") == 100


# Operation feedback.


def reserve_with_id(cluster: Cluster) -> Any:
    """The status that the framework is told."""
    wanted = resource("cpus", 1, role="eng", reservation={"principal": "ops"})
    reserve = {"type": "RESERVE", "id": {"value": "op"}, "reserve": {"resources": [wanted]}}
    cluster.call("s1", "ACCEPT", offer_ids=[{"value": cluster.offer()}], operations=[reserve])
    return status_of(cluster)


def status_of(cluster: Cluster) -> Any:
    (event,) = cluster.take("s1", "UPDATE_OPERATION_STATUS")
    assert event.update_operation_status
    return event.update_operation_status.status


def acknowledge(cluster: Cluster, uuid: bytes) -> None:
    fields = {"agent_id": {"value": AGENT}, "operation_id": {"value": "op"}, "uuid": uuid}
    kind = "ACKNOWLEDGE_OPERATION_STATUS"
    body = {"type": kind, "framework_id": {"value": FRAMEWORK}, kind.lower(): fields}
    assert cluster.raw("s1", body) == 202


def test_a_status_is_told_until_it_is_acknowledged(cluster: Cluster) -> None:
    status = reserve_with_id(cluster)
    assert (status.state, status.agent_id.value) == ("OPERATION_FINISHED", AGENT)
    assert [(each.name, each.role) for each in status.converted_resources] == [("cpus", "eng")]
    cluster.pass_with_pongs(10, "a1")
    assert status_of(cluster) == status
    cluster.pass_with_pongs(19, "a1")
    assert not cluster.take("s1", "UPDATE_OPERATION_STATUS")
    cluster.pass_with_pongs(1, "a1")
    assert status_of(cluster).uuid == status.uuid
    acknowledge(cluster, b"0" * 16)
    assert cluster.master.operations.all()
    acknowledge(cluster, status.uuid.value)
    assert not cluster.master.operations.all()
    cluster.pass_with_pongs(100, "a1")
    assert not cluster.take("s1", "UPDATE_OPERATION_STATUS")


def test_a_new_scheduler_is_told_at_once(cluster: Cluster) -> None:
    status = reserve_with_id(cluster)
    cluster.subscribe("s2", roles=["eng"])
    (event,) = cluster.take("s2", "UPDATE_OPERATION_STATUS")
    assert event.update_operation_status
    assert event.update_operation_status.status == status


@pytest.mark.parametrize("named", [True, False])
def test_reconciliation_of_operations(cluster: Cluster, named: bool) -> None:
    status = reserve_with_id(cluster)
    operations = [{"operation_id": {"value": "op"}}] if named else []
    cluster.call("s1", "RECONCILE_OPERATIONS", operations=operations)
    answer = status_of(cluster)
    assert (answer.state, answer.uuid) == ("OPERATION_FINISHED", None)
    acknowledge(cluster, status.uuid.value)
    cluster.call("s1", "RECONCILE_OPERATIONS", operations=operations)
    assert [event.update_operation_status.status.state for event in cluster.take("s1")] == (
        ["OPERATION_UNKNOWN"] if named else []
    )


# What a volume may be made of.


@pytest.mark.parametrize("changes", [{"reservations": [DYNAMIC | {"role": "ops"}]}, {"scalar": {"value": 101.0}}])
def test_a_volume_of_what_is_not_reserved_for_its_role(cluster: Cluster, changes: dict[str, Any]) -> None:
    perform(cluster, "RESERVE", resources=[disk(100)])
    status, text = refusal(cluster, "CREATE", volumes=[volume(60) | changes])
    assert (status, "does not contain" in text) == (409, True)
    assert checkpointed(cluster) == "disk:100"


def test_a_volume_of_a_static_reservation() -> None:
    cluster = Cluster()
    cluster.register(resources="cpus:1;disk(eng):100")
    perform(cluster, "CREATE", volumes=[volume(60, reservations=[{"type": "STATIC", "role": "eng"}])])
    assert checkpointed(cluster) == "disk:60:v"
    assert cluster.master.state.agents[AGENT].total.scalar("disk") == 100


def test_a_volume_keeps_its_reservation(cluster: Cluster) -> None:
    perform(cluster, "RESERVE", resources=[disk(100)])
    perform(cluster, "CREATE", volumes=[volume(60)])
    assert refusal(cluster, "UNRESERVE", resources=[disk(100)])[0] == 409
    status, text = refusal(cluster, "UNRESERVE", resources=[volume(60)])
    assert status == 400
    assert "cannot be unreserved directly" in text
    perform(cluster, "UNRESERVE", resources=[disk(40)])
    assert checkpointed(cluster) == "disk:60:v"
