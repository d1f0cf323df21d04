"""Persistent volumes, from the reservation that a framework makes to what its tasks and pods find."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

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


def scalar(name: str, amount: float, **fields: object) -> dict[str, Any]:
    return {"name": name, "type": "SCALAR", "scalar": {"value": amount}, "reservations": [RESERVATION], **fields}


def volume(name: str, **fields: object) -> dict[str, Any]:
    disk = {"persistence": {"id": name}, "volume": {"mode": "RW", "container_path": name}}
    return scalar("disk", 16, disk=disk, **fields)


def member(offer: dict[str, Any], name: str, user: str, command: str, *volumes: dict[str, Any]) -> dict[str, Any]:
    """A task of a pod, on reserved resources. It sees the volume of its executor."""
    path = {"type": "SANDBOX_PATH", "sandbox_path": {"type": "PARENT", "path": "pod"}}
    return {
        "name": name,
        "task_id": {"value": name},
        "agent_id": offer["agent_id"],
        "resources": [scalar("cpus", 0.1), scalar("mem", 32), *volumes],
        "command": {"value": command, "user": user},
        "container": {
            "type": "MESOS",
            "volumes": [{"mode": "RW", "container_path": "pod", "source": path}],
        },
    }


@pytest.fixture
def open_programs() -> Iterator[Programs]:
    """In a folder that every user may enter."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        programs = Programs(Path(folder))
        try:
            programs.start_master()
            programs.start_agent()
            yield programs
        finally:
            programs.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="tasks of other users need root")
def test_a_pod_on_reserved_resources_and_volumes(open_programs: Programs) -> None:
    """Its executor has a volume, a task one of its own, and two tasks of two users write in a third."""
    programs = open_programs
    capabilities = [*INFO["capabilities"], {"type": "SHARED_RESOURCES"}]
    scheduler = Scheduler(programs.master_port, **{**INFO, "capabilities": capabilities})
    offer = scheduler.event("OFFERS")["offers"][0]
    pod, own, shared = volume("pod"), volume("own"), volume("shared", shared={})
    first = member(
        offer,
        "first",
        "nobody",
        "echo first >shared/words && echo first >pod/first && echo first >own/words && touch own/ready"
        " && until test -e shared/done && test -e own/twice; do sleep 0.1; done",
        own,
        shared,
    )
    check = "test -e own/ready && if test -e own/once; then touch own/twice; else touch own/once; fi"
    health = {"type": "COMMAND", "command": {"value": check}, "interval_seconds": 0.1}
    first["health_check"] = {**health, "delay_seconds": 0, "grace_period_seconds": 60}
    second = member(
        offer,
        "second",
        "daemon",
        "until grep -q first shared/words; do sleep 0.1; done; until test -e pod/first; do sleep 0.1; done;"
        " test ! -e own && echo second >>shared/words && echo second >>pod/first && touch shared/done",
        shared,
    )
    executor = {
        "type": "DEFAULT",
        "executor_id": {"value": "pod"},
        "framework_id": {"value": scheduler.framework_id},
        "resources": [scalar("cpus", 0.1), scalar("mem", 32), pod],
    }
    group = {"executor": executor, "task_group": {"tasks": [first, second]}}
    reserve = [scalar("cpus", 0.3), scalar("mem", 96), scalar("disk", 48)]
    operations = [
        {"type": "RESERVE", "reserve": {"resources": reserve}},
        {"type": "CREATE", "create": {"volumes": [pod, own, shared]}},
        {"type": "LAUNCH_GROUP", "launch_group": group},
    ]
    scheduler.call("ACCEPT", offer_ids=[offer["id"]], operations=operations, filters={"refuse_seconds": 0})
    ends: dict[str, str] = {}
    healthy = False
    while len(ends) < 2:
        status = scheduler.status()
        healthy = healthy or bool(status.get("healthy"))
        if status["state"] not in ("TASK_STARTING", "TASK_RUNNING"):
            ends[status["task_id"]["value"]] = status["state"]
            assert status["state"] != "TASK_ERROR", status["message"]
    assert ends == {"first": "TASK_FINISHED", "second": "TASK_FINISHED"}, [
        (each, each.read_text()) for each in programs.folder.rglob("stderr")
    ]
    assert healthy
    volumes = programs.folder / f"agent/volumes/roles/{ROLE}"
    assert volumes.joinpath("shared/words").read_text() == "first\nsecond\n"
    assert volumes.joinpath("pod/first").read_text() == "first\nsecond\n"
    assert pwd.getpwuid(volumes.joinpath("own/words").stat().st_uid).pw_name == "nobody"
    scheduler.call("TEARDOWN")
