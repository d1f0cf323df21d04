"""Operators at a real master and agent: what they change outlives the master, and reaches real tasks."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.request import urlopen

from tests.integration.programs import Programs, Scheduler

RESERVED = {
    "name": "disk",
    "type": "SCALAR",
    "scalar": {"value": 64},
    "role": "eng",
    "reservation": {"principal": "ops"},
}


def ask(programs: Programs, kind: str, **fields: Any) -> Any:
    """The answer to an operator's call, as JSON; None where it is empty."""
    connection = http.client.HTTPConnection("127.0.0.1", programs.master_port, timeout=20)
    body = json.dumps({"type": kind, kind.lower(): fields} if fields else {"type": kind})
    connection.request("POST", "/api/v1", body, {"Content-Type": "application/json", "Accept": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status in (200, 202), text
    return json.loads(text) if text else None


def agent(programs: Programs) -> dict[str, Any]:
    (found,) = ask(programs, "GET_AGENTS")["get_agents"]["agents"]
    assert isinstance(found, dict)
    return found


def agent_state(programs: Programs) -> dict[str, Any]:
    with urlopen(f"http://127.0.0.1:{programs.agent_port}/state", timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def test_what_operators_set_outlives_a_killed_master(programs: Programs) -> None:
    start = {"nanoseconds": 4102444800000000000}
    window = {"machine_ids": [{"hostname": "elsewhere", "ip": "10.0.0.9"}], "unavailability": {"start": start}}
    ask(programs, "UPDATE_QUOTA", quota_configs=[{"role": "eng", "limits": {"cpus": {"value": 1}}}])
    ask(programs, "UPDATE_WEIGHTS", weight_infos=[{"role": "eng/web", "weight": 2.5}])
    ask(programs, "UPDATE_MAINTENANCE_SCHEDULE", schedule={"windows": [window]})
    agent_id = agent(programs)["agent_info"]["id"]
    ask(programs, "DEACTIVATE_AGENT", agent_id=agent_id)
    reads = ("GET_QUOTA", "GET_WEIGHTS", "GET_MAINTENANCE_SCHEDULE", "GET_MAINTENANCE_STATUS")
    before = [ask(programs, kind) for kind in reads]
    programs.kill("master")
    programs.start_master()
    programs.wait(programs.state)
    assert [ask(programs, kind) for kind in reads] == before
    programs.wait(lambda: ask(programs, "GET_AGENTS")["get_agents"]["agents"])
    assert agent(programs)["deactivated"]
    ask(programs, "REACTIVATE_AGENT", agent_id=agent_id)
    assert agent(programs)["active"]


def test_a_drained_agent_ends_its_task(programs: Programs) -> None:
    scheduler = Scheduler(programs.master_port)
    scheduler.launch("long", "sleep 1000")
    scheduler.until("TASK_RUNNING")
    ask(programs, "DRAIN_AGENT", agent_id=agent(programs)["agent_info"]["id"], max_grace_period={"seconds": 1})
    while (status := scheduler.status())["state"] != "TASK_KILLED":
        pass
    assert status["reason"] == "REASON_AGENT_DRAINING"
    programs.wait(lambda: agent(programs)["drain_info"]["state"] == "DRAINED")
    scheduler.call("TEARDOWN")


def test_a_machine_goes_down_and_its_agent_stops(programs: Programs) -> None:
    scheduler = Scheduler(programs.master_port)
    scheduler.launch("long", "sleep 1000")
    scheduler.until("TASK_RUNNING")
    hostname = agent(programs)["agent_info"]["hostname"]
    machine = {"hostname": hostname, "ip": "127.0.0.1"}
    window = {"machine_ids": [machine], "unavailability": {"start": {"nanoseconds": 4102444800000000000}}}
    ask(programs, "UPDATE_MAINTENANCE_SCHEDULE", schedule={"windows": [window]})
    asked = scheduler.event("INVERSE_OFFERS")["inverse_offers"][0]
    scheduler.call("ACCEPT_INVERSE_OFFERS", inverse_offer_ids=[asked["id"]])
    (draining,) = ask(programs, "GET_MAINTENANCE_STATUS")["get_maintenance_status"]["status"]["draining_machines"]
    assert [each["status"] for each in draining["statuses"]] == ["ACCEPT"]
    ask(programs, "START_MAINTENANCE", machines=[machine])
    assert scheduler.status()["state"] == "TASK_LOST"
    programs.wait(lambda: not programs.runs("agent"))
    ask(programs, "STOP_MAINTENANCE", machines=[machine])
    assert ask(programs, "GET_MAINTENANCE_STATUS")["get_maintenance_status"]["status"] == {}
    scheduler.call("TEARDOWN")


def test_a_reservation_reaches_the_agent_and_stays(programs: Programs) -> None:
    agent_id = agent(programs)["agent_info"]["id"]
    ask(programs, "RESERVE_RESOURCES", agent_id=agent_id, resources=[RESERVED])
    programs.wait(lambda: "eng" in agent_state(programs)["reserved_resources"])
    programs.kill("master")
    programs.start_master()
    programs.wait(programs.state)
    programs.wait(lambda: ask(programs, "GET_AGENTS")["get_agents"]["agents"])
    reserved = [each for each in agent(programs)["total_resources"] if each.get("reservations")]
    assert [(each["name"], each["scalar"]["value"], each["role"]) for each in reserved] == [("disk", 64.0, "eng")]
    programs.kill("agent")
    programs.start_agent()
    programs.wait(lambda: agent(programs)["active"])
    assert [each for each in agent(programs)["total_resources"] if each.get("reservations")] == reserved
    ask(programs, "UNRESERVE_RESOURCES", agent_id=agent_id, resources=[RESERVED])
    assert not [each for each in agent(programs)["total_resources"] if each.get("reservations")]
