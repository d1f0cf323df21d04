"""A persistent volume, from the reservation that a framework makes to what a later task of it finds."""

from __future__ import annotations

from typing import Any

from tests.integration.programs import Programs, Scheduler

ROLE = "store"
RESERVATION = {"type": "DYNAMIC", "role": ROLE}
DISK = {"name": "disk", "type": "SCALAR", "scalar": {"value": 64}, "reservations": [RESERVATION]}
VOLUME = {**DISK, "disk": {"persistence": {"id": "kept"}, "volume": {"mode": "RW", "container_path": "data"}}}
INFO: dict[str, Any] = {
    "name": "volumes",
    "roles": [ROLE],
    "checkpoint": True,
    "capabilities": [{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}],
}


def reserved(offer: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in offer["resources"] if each.get("reservations")]


def offer_of_volume(scheduler: Scheduler) -> dict[str, Any]:
    while True:
        offer: dict[str, Any] = scheduler.event("OFFERS")["offers"][0]
        if reserved(offer):
            return offer
        scheduler.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0})


def launch(scheduler: Scheduler, offer: dict[str, Any], task_id: str, command: str, *before: dict[str, Any]) -> None:
    """Run a command on the volume, after these operations."""
    needs = [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
        {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
        VOLUME,
    ]
    task = {
        "name": task_id,
        "task_id": {"value": task_id},
        "agent_id": offer["agent_id"],
        "resources": needs,
        "command": {"value": command},
    }
    operations = [*before, {"type": "LAUNCH", "launch": {"task_infos": [task]}}]
    scheduler.call("ACCEPT", offer_ids=[offer["id"]], operations=operations, filters={"refuse_seconds": 0})


def test_what_a_task_writes_outlives_it_and_the_agent(programs: Programs) -> None:
    scheduler = Scheduler(programs.master_port, **INFO)
    offer = scheduler.event("OFFERS")["offers"][0]
    assert reserved(offer) == []
    reserve = {"type": "RESERVE", "reserve": {"resources": [DISK]}}
    create = {"type": "CREATE", "create": {"volumes": [VOLUME]}}
    launch(scheduler, offer, "writer", "echo written > data/file", reserve, create)
    assert scheduler.until("TASK_FINISHED")[-1] == "TASK_FINISHED"
    kept = programs.folder / f"agent/volumes/roles/{ROLE}/kept/file"
    assert kept.read_text() == "written\n"

    programs.kill("agent")
    programs.start_agent()
    offer = offer_of_volume(scheduler)
    (volume,) = reserved(offer)
    assert volume["disk"]["persistence"]["id"] == "kept"
    launch(scheduler, offer, "reader", "grep -q written data/file && echo more >> data/file")
    assert scheduler.until("TASK_FINISHED")[-1] == "TASK_FINISHED"
    assert kept.read_text() == "written\nmore\n"

    offer = offer_of_volume(scheduler)
    destroy = {"type": "DESTROY", "destroy": {"volumes": [VOLUME]}}
    unreserve = {"type": "UNRESERVE", "unreserve": {"resources": [DISK]}}
    scheduler.call("ACCEPT", offer_ids=[offer["id"]], operations=[destroy, unreserve])
    programs.wait(lambda: not kept.exists())
    programs.wait(lambda: ROLE not in programs.state()["slaves"][0]["reserved_resources"])
    scheduler.call("TEARDOWN")
