"""What operators change over HTTP: the recorded session of a real master once more, and the older forms."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.unit.master_cluster import AGENT, FRAMEWORK
from tests.unit.mesos_golden import FOLDER
from tests.unit.test_master_http import Running, body_of, run
from tests.unit.test_operator_master import JSON, ask

SESSION = (
    "operator-master/GET_QUOTA",
    "operator-master/GET_WEIGHTS",
    "operator-master/GET_MAINTENANCE_SCHEDULE",
    "operator-master/GET_MAINTENANCE_STATUS",
    "endpoints/master/GET_quota",
    "endpoints/master/GET_weights",
    "endpoints/master/GET_maintenance_schedule",
    "endpoints/master/GET_maintenance_status",
    "operator-master/MARK_AGENT_GONE-missing",
    "operator-master/MARK_AGENT_GONE-unknown",
    "operator-master/UPDATE_WEIGHTS",
    "operator-master/GET_WEIGHTS-after",
    "endpoints/master/GET_weights-after",
    "operator-master/UPDATE_QUOTA",
    "operator-master/GET_QUOTA-after",
    "endpoints/master/GET_quota-after",
    "operator-master/UPDATE_MAINTENANCE_SCHEDULE",
    "operator-master/GET_MAINTENANCE_SCHEDULE-after",
    "operator-master/GET_MAINTENANCE_STATUS-after",
    "endpoints/master/GET_maintenance_schedule-after",
    "endpoints/master/GET_maintenance_status-after",
    "operator-master/START_MAINTENANCE",
    "endpoints/master/GET_maintenance_status-down",
    "operator-master/STOP_MAINTENANCE",
    "operator-master/STOP_MAINTENANCE-again",
    "operator-master/UPDATE_QUOTA-clear",
    "endpoints/master/POST_maintenance_schedule-bad",
    "endpoints/master/POST_maintenance_schedule-empty",
    "endpoints/master/POST_machine_down-unknown",
    "endpoints/master/PUT_weights",
    "endpoints/master/POST_quota",
    "endpoints/master/DELETE_quota",
    "endpoints/master/DELETE_quota-unknown",
    "endpoints/master/GET_teardown",
    "endpoints/master/GET_master_reserve",
    "endpoints/master/POST_teardown-missing",
    "endpoints/master/POST_teardown-unknown",
)
"""In the order of the recording."""


async def register(running: Running) -> None:
    """An agent that is admitted, after the registry holds it."""
    await running.register()
    while AGENT not in running.server.master.state.agents:
        await asyncio.sleep(0.01)


def recorded(name: str) -> dict[str, Any]:
    file, _, wanted = name.rpartition("/")
    lines = (FOLDER / f"{file}.jsonl").read_text().splitlines()
    found: dict[str, Any] = next(each for each in map(json.loads, lines) if each["name"] == wanted)
    return found


def test_the_recorded_session() -> None:
    async def scenario(running: Running) -> None:
        await register(running)
        for name in SESSION:
            exchange = recorded(name)
            request, expected = exchange["request"], exchange["response"]
            answer, body = await running.request(
                request["method"], request["path"], dict(request["headers"]), body_of(request)
            )
            assert answer.status == expected["status"], (name, body)
            is_json = answer.headers.get("Content-Type") == "application/json"
            got = json.loads(body) if is_json else body.decode() or None
            assert got == expected["body"], name
            assert answer.headers.get("Content-Type") == expected["headers"].get("Content-Type"), name

    run(scenario)


def form(**values: Any) -> bytes:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    return urlencode(texts).encode()


async def post(running: Running, path: str, body: bytes) -> tuple[int, str]:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer, text = await running.request("POST", path, headers, body)
    return answer.status, text.decode()


def test_reservations_and_volumes_in_the_older_form() -> None:
    reserved = {
        "name": "disk",
        "type": "SCALAR",
        "scalar": {"value": 64},
        "role": "eng",
        "reservation": {"principal": "ops"},
    }
    volume = reserved | {"disk": {"persistence": {"id": "v"}, "volume": {"container_path": "d", "mode": "RW"}}}

    async def scenario(running: Running) -> None:
        await register(running)
        agent = running.server.master.state.agents[AGENT]
        for path, values in (
            ("/master/reserve", {"resources": [reserved]}),
            ("/master/create-volumes", {"volumes": [volume]}),
        ):
            assert await post(running, path, form(slaveId=AGENT, **values)) == (202, "")
        assert agent.checkpointed[0].disk
        assert (await ask(running, "GET_AGENTS"))["get_agents"]["agents"][0]["total_resources"]
        await ask(running, "DESTROY_VOLUMES", agent_id={"value": AGENT}, volumes=[volume])
        await ask(running, "UNRESERVE_RESOURCES", agent_id={"value": AGENT}, resources=[reserved])
        assert not agent.checkpointed
        assert await post(running, "/reserve", form(slaveId=AGENT)) == (
            400,
            "Missing 'resources' query parameter in the request body",
        )
        for path in ("/reserve", "/unreserve", "/create-volumes", "/destroy-volumes"):
            assert await post(running, path, form(resources=[reserved], volumes=[volume])) == (
                400,
                "Missing 'slaveId' query parameter in the request body",
            )
        for path in ("/create-volumes", "/destroy-volumes"):
            assert await post(running, path, form(slaveId=AGENT)) == (
                400,
                "Missing 'volumes' query parameter in the request body",
            )
        assert await post(running, "/unreserve", form(slaveId=AGENT, resources="{")) == (
            400,
            "Error in parsing 'resources' query parameter in the request body: syntax error at line 1 near: ",
        )
        assert await post(running, "/destroy-volumes", form(slaveId="nope", volumes=[volume])) == (
            400,
            "No agent found with specified ID",
        )
        unknown = {**reserved, "scalar": {"value": 1e9}}
        status, text = await post(running, "/reserve", form(slaveId=AGENT, resources=[unknown]))
        assert status == 409, text

    run(scenario)


def test_quota_that_two_remove_at_once() -> None:
    async def scenario(running: Running) -> None:
        config = {"role": "eng", "limits": {"cpus": {"value": 1}}}
        await ask(running, "UPDATE_QUOTA", quota_configs=[config])
        answers = await asyncio.gather(*(running.request("DELETE", "/quota/eng") for _ in range(2)))
        assert sorted(answer.status for answer, _ in answers) == [200, 400]
        assert (await ask(running, "GET_QUOTA"))["get_quota"]["status"].get("configs", []) == []

    run(scenario)


def test_an_agent_from_deactivated_to_gone() -> None:
    async def scenario(running: Running) -> None:
        await register(running)
        agent_id = {"value": AGENT}
        await ask(running, "DEACTIVATE_AGENT", agent_id=agent_id)
        (agent,) = (await ask(running, "GET_AGENTS"))["get_agents"]["agents"]
        assert (agent["active"], agent["deactivated"]) == (False, True)
        await ask(running, "REACTIVATE_AGENT", agent_id=agent_id)
        await ask(running, "DRAIN_AGENT", agent_id=agent_id, max_grace_period={"seconds": 10})
        _, body = await running.request("GET", "/slaves")
        (agent,) = json.loads(body)["slaves"]
        config = {"max_grace_period": {"nanoseconds": 10**10}, "mark_gone": False}
        assert agent["drain_info"] == {"state": "DRAINED", "config": config}
        assert agent["deactivated"]
        await ask(running, "MARK_AGENT_GONE", agent_id=agent_id)
        assert (await ask(running, "GET_AGENTS"))["get_agents"]["agents"] == []

    run(scenario)


def test_the_older_teardown() -> None:
    async def scenario(running: Running) -> None:
        async with running.subscribed() as (_, read):
            await read()
            assert await post(running, "/teardown", form(frameworkId=FRAMEWORK)) == (200, "")
            assert FRAMEWORK in running.server.master.state.completed

    run(scenario)


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("POST", "/quota", b"{", "Failed to parse set quota request JSON '{': syntax error at line 1 near: "),
        (
            "POST",
            "/quota",
            b'{"role":"a","guarantee":[]}',
            "Failed to validate set quota request: QuotaInfo with empty 'guarantee'",
        ),
        (
            "PUT",
            "/weights",
            b'[{"role":"a"}]',
            'Failed to convert weights JSON array to protobuf (\'[{"role":"a"}]\'): Missing required fields: weight',
        ),
        (
            "PUT",
            "/weights",
            b'[{"role":"a","weight":"heavy"}]',
            'Failed to convert weights JSON array to protobuf (\'[{"role":"a","weight":"heavy"}]\'):'
            " Failed to parse 'heavy' as a JSON number for field 'weight': syntax error at line 1 near: heavy",
        ),
        ("POST", "/machine/up", b"{}", "Unexpected JSON type parsed"),
        ("POST", "/maintenance/schedule", b'{"windows":[{}]}', "Missing required fields: windows[0].unavailability"),
    ],
)
def test_bodies_that_are_refused(method: str, path: str, body: bytes, problem: str) -> None:
    async def scenario(running: Running) -> None:
        answer, text = await running.request(method, path, JSON, body)
        assert (answer.status, text.decode()) == (400, problem)

    run(scenario)
