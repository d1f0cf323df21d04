"""Residency with a real master and a real agent: what a task writes into its volume is there for those after it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.marathon import Marathon, alone, site
from tests.integration.programs import Programs
from tests.ports import TASK_PORTS

ROLE = "store"
FLAGS = ("--disable_ha", "--mesos_role", ROLE, "--mesos_authentication_principal", "marathon")
DATABASE: dict[str, Any] = {
    "id": "/db",
    "cmd": "echo $MESOS_TASK_ID >> data/seen && exec sleep 1000",
    "cpus": 0.1,
    "mem": 32,
    "container": {
        "type": "MESOS",
        "volumes": [{"containerPath": "data", "mode": "RW", "persistent": {"size": 16}}],
    },
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    with site(tmp_path_factory.mktemp("cluster")) as it:
        yield it


@pytest.fixture
def marathon(programs: Programs, tmp_path: Path) -> Iterator[Marathon]:
    with alone(tmp_path, programs, *FLAGS) as marathon:
        yield marathon


def seen(programs: Programs) -> list[str]:
    """The tasks that wrote into the volume, of which there is one."""
    volumes = list((programs.folder / "agent/volumes/roles" / ROLE).glob("*/seen"))
    return volumes[0].read_text().split() if len(volumes) == 1 else []


def reserved(programs: Programs) -> bool:
    return ROLE in programs.state()["slaves"][0]["reserved_resources"]


def another(marathon: Marathon, programs: Programs, before: list[str]) -> list[str]:
    """When one more task has written: all that have, of which the last one runs."""

    def found() -> list[str] | None:
        running = [task["id"] for task in marathon.running("/db")]
        now = seen(programs)
        return now if len(now) == len(before) + 1 and running == now[-1:] else None

    ids: list[str] = marathon.until(found)
    assert ids[:-1] == before
    return ids


def test_a_volume_outlives_tasks_agents_and_leaders(marathon: Marathon, programs: Programs) -> None:
    marathon.change("POST", "/v2/apps", DATABASE)
    ids = another(marathon, programs, [])
    marathon.until_deployed()
    (task,) = marathon.running("/db")
    (volume,) = task["localVolumes"]
    assert volume["containerPath"] == "data"
    assert volume["persistenceId"] == f"db#data#{volume['uuid']}"
    state = programs.state()["slaves"][0]
    assert state["reserved_resources"][ROLE]["cpus"] == 0.1
    assert not state["unreserved_resources"]["ports"].startswith(f"[{TASK_PORTS[0]}-{TASK_PORTS[-1]}]")

    assert marathon.request("DELETE", f"/v2/apps/db/tasks/{ids[-1]}").status == 200
    ids = another(marathon, programs, ids)
    marathon.change("POST", "/v2/apps/db/restart")
    ids = another(marathon, programs, ids)
    marathon.until_deployed()
    marathon.change("PUT", "/v2/apps/db", {"env": {"A": "b"}})
    ids = another(marathon, programs, ids)
    marathon.until_deployed()

    programs.kill("agent")
    programs.start_agent()
    marathon.kill()
    marathon.start(*FLAGS)
    marathon.until(lambda: [task["id"] for task in marathon.running("/db")] == ids[-1:])
    assert marathon.request("DELETE", f"/v2/apps/db/tasks/{ids[-1]}").status == 200
    ids = another(marathon, programs, ids)

    marathon.change("PUT", "/v2/apps/db", {"instances": 0})
    marathon.until_deployed()
    (suspended,) = marathon.tasks("/db")
    assert suspended["localVolumes"] == [volume]
    assert "startedAt" not in suspended
    assert reserved(programs)
    marathon.change("PUT", "/v2/apps/db", {"instances": 1})
    ids = another(marathon, programs, ids)

    answer = marathon.request("POST", "/v2/tasks/delete?wipe=true", {"ids": [ids[-1]]})
    assert [task["id"] for task in answer.json["tasks"]] == [ids[-1]]
    marathon.until(lambda: (now := seen(programs)) and len(now) == 1 and now[0] not in ids)
    marathon.change("DELETE", "/v2/apps/db")
    programs.wait(lambda: not list((programs.folder / "agent/volumes/roles").glob("*/*")))
    programs.wait(lambda: not reserved(programs))


def test_without_a_role_it_is_refused(programs: Programs, tmp_path: Path) -> None:
    marathon = Marathon(tmp_path, f"127.0.0.1:{programs.master_port}", f"file://{tmp_path / 'state'}")
    marathon.start("--disable_ha")
    try:
        answer = marathon.until(lambda: (it := marathon.request("POST", "/v2/apps", DATABASE)).status != 503 and it)
    finally:
        marathon.kill(signal.SIGTERM)
    assert answer.status == 422
    (wrong,) = answer.json["details"]
    assert wrong["path"] == "/container/volumes"
    assert "--mesos_role" in wrong["errors"][0]
