"""Pods with a real master and a real agent: containers that share a volume, from their creation to their end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.marathon import Marathon, alone, site
from tests.integration.programs import Programs

ROLE = "store"
FLAGS = ("--disable_ha", "--mesos_role", ROLE, "--mesos_authentication_principal", "marathon")
SMALL = {"cpus": 0.05, "mem": 32}
POD: dict[str, Any] = {
    "id": "/shop",
    "environment": {"GREETING": "hello"},
    "containers": [
        {
            "name": "writer",
            "resources": SMALL,
            "exec": {"command": {"shell": 'echo "$GREETING $EP_HOST_WEB" > shared/word && exec sleep 1000'}},
            "volumeMounts": [{"name": "words", "mountPath": "shared"}],
            "endpoints": [{"name": "web", "hostPort": 0}],
        },
        {
            "name": "reader",
            "resources": SMALL,
            "exec": {"command": {"shell": "exec sleep 1000"}},
            "volumeMounts": [{"name": "words", "mountPath": "found"}],
            "healthCheck": {
                "exec": {"command": {"shell": "grep -q hello found/word"}},
                "intervalSeconds": 1,
                "delaySeconds": 0,
                "timeoutSeconds": 10,
            },
        },
    ],
    "volumes": [{"name": "words"}],
    "executorResources": {"cpus": 0.05, "mem": 32},
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    with site(tmp_path_factory.mktemp("cluster")) as it:
        yield it


@pytest.fixture
def marathon(programs: Programs, tmp_path: Path) -> Iterator[Marathon]:
    with alone(tmp_path, programs, *FLAGS) as marathon:
        yield marathon


def status(marathon: Marathon, id: str = "/shop") -> Any:
    return marathon.get(f"/v2/pods{id}::status").json


def stable(marathon: Marathon, count: int = 1) -> list[dict[str, Any]]:
    """The instances, when they are as many and all of them stand."""

    def found() -> list[dict[str, Any]] | None:
        now = status(marathon)
        return now["instances"] if now["status"] == "STABLE" and len(now["instances"]) == count else None

    instances: list[dict[str, Any]] = marathon.until(found)
    return instances


def tasks_of(programs: Programs, state: str = "TASK_RUNNING") -> set[str]:
    frameworks = programs.state()["frameworks"]
    return {task["id"] for each in frameworks for task in each["tasks"] if task["state"] == state}


def words(programs: Programs, instance: str) -> str:
    """What is in the volume that an instance's containers share."""
    (found,) = (programs.folder / "agent").glob(
        f"slaves/*/frameworks/*/executors/{instance}.*/runs/latest/volumes/words/word"
    )
    return found.read_text()


def test_the_life_of_a_pod(marathon: Marathon, programs: Programs) -> None:
    made = marathon.request("POST", "/v2/pods", POD)
    assert made.status == 201, made.body
    assert made.headers["Marathon-Deployment-Id"]
    assert made.headers["Location"] == "/v2/pods/shop"
    assert marathon.request("POST", "/v2/pods", POD).status == 409
    (first,) = stable(marathon)
    marathon.until_deployed()
    assert {each["name"]: each["status"] for each in first["containers"]} == {
        "writer": "TASK_RUNNING",
        "reader": "TASK_RUNNING",
    }
    assert {each["containerId"] for each in first["containers"]} == tasks_of(programs)
    port = first["containers"][0]["endpoints"][0]["allocatedHostPort"]
    assert words(programs, first["id"]) == f"hello {port}\n"
    assert marathon.get("/v2/tasks").json == {"tasks": []}

    versions = marathon.get("/v2/pods/shop::versions").json
    scaled = marathon.request("PUT", "/v2/pods/shop", {**POD, "scaling": {"kind": "fixed", "instances": 2}})
    assert scaled.status == 200
    two = stable(marathon, 2)
    marathon.until_deployed()
    assert first["id"] in {each["id"] for each in two}
    assert marathon.get("/v2/pods/shop::versions").json[1:] == versions

    programs.kill("agent")
    programs.start_agent()
    marathon.kill()
    marathon.start(*FLAGS)
    assert {each["id"] for each in stable(marathon, 2)} == {each["id"] for each in two}

    one = marathon.request("DELETE", f"/v2/pods/shop::instances/{first['id']}")
    assert one.json["id"] == first["id"]
    gone = {each["containerId"] for each in first["containers"]}
    marathon.until(lambda: len(now := tasks_of(programs)) == 4 and not now & gone)
    stable(marathon, 2)

    changed = {**POD, "environment": {"GREETING": "oh, hello"}}
    assert marathon.request("PUT", "/v2/pods/shop?force=true", changed).status == 200
    marathon.until_deployed()
    (last,) = stable(marathon)
    assert words(programs, last["id"]).startswith("oh, hello")

    assert marathon.request("DELETE", "/v2/pods/shop").status == 202
    marathon.until_deployed()
    programs.wait(lambda: not tasks_of(programs))
    assert marathon.get("/v2/pods/shop").status == 404
    assert marathon.get("/v2/pods").json == []


def test_a_container_that_fails_takes_the_pod_along_and_one_that_finishes_does_not(
    marathon: Marathon, programs: Programs
) -> None:
    containers = [
        {"name": "main", "resources": SMALL, "exec": {"command": {"argv": ["sleep", "1000"]}}},
        {"name": "job", "resources": SMALL, "exec": {"command": {"shell": "true"}}},
    ]
    pod = {"id": "/jobs", "containers": containers, "executorResources": POD["executorResources"]}
    assert marathon.request("POST", "/v2/pods", pod).status == 201
    marathon.until(
        lambda: (
            (now := status(marathon, "/jobs")["instances"])
            and [each["status"] for each in now[0]["containers"]] == ["TASK_RUNNING", "TASK_FINISHED"]
        )
    )
    (instance,) = status(marathon, "/jobs")["instances"]
    assert instance["status"] == "STABLE"
    containers[1]["exec"] = {"command": {"shell": "sleep 1; exit 3"}}
    assert marathon.request("PUT", "/v2/pods/jobs?force=true", pod).status == 200
    history = marathon.until(lambda: status(marathon, "/jobs")["terminationHistory"])
    assert "3" in history[0]["message"]
    assert marathon.request("DELETE", "/v2/pods/jobs?force=true").status == 202
    programs.wait(lambda: not tasks_of(programs))


def test_a_network_that_the_agent_has_not_is_refused_with_a_reason(marathon: Marathon, programs: Programs) -> None:
    pod = {
        "id": "/net",
        "networks": [{"mode": "container", "name": "overlay"}],
        "containers": [{"name": "c", "resources": SMALL, "exec": {"command": {"shell": "sleep 1000"}}}],
        "executorResources": POD["executorResources"],
    }
    assert marathon.request("POST", "/v2/pods", pod).status == 201
    history = marathon.until(lambda: status(marathon, "/net")["terminationHistory"])
    assert "Unknown CNI network 'overlay'" in history[0]["message"]
    assert marathon.request("DELETE", "/v2/pods/net?force=true").status == 202
    marathon.until_deployed()


def test_a_persistent_volume_of_a_pod_is_kept_until_it_is_wiped(marathon: Marathon, programs: Programs) -> None:
    container = {
        "name": "c",
        "resources": SMALL,
        "exec": {"command": {"shell": "echo $MESOS_TASK_ID >> data/seen && exec sleep 1000"}},
        "volumeMounts": [{"name": "kept", "mountPath": "data"}],
    }
    pod = {
        "id": "/shop",
        "containers": [container],
        "volumes": [{"name": "kept", "persistent": {"size": 16}}],
        "executorResources": POD["executorResources"],
    }
    volumes = programs.folder / "agent/volumes/roles" / ROLE

    def seen() -> list[str]:
        found = list(volumes.glob("*/seen"))
        return found[0].read_text().split() if len(found) == 1 else []

    assert marathon.request("POST", "/v2/pods", pod).status == 201
    marathon.until(lambda: len(seen()) == 1)
    (first,) = stable(marathon)
    (volume,) = first["localVolumes"]
    assert volume["name"] == "kept"
    marathon.request("DELETE", f"/v2/pods/shop::instances/{first['id']}")
    marathon.until(lambda: len(seen()) == 2)
    (again,) = stable(marathon)
    assert again["localVolumes"] == [volume]
    ids = seen()
    marathon.request("DELETE", f"/v2/pods/shop::instances/{first['id']}?wipe=true")
    marathon.until(lambda: (now := seen()) and len(now) == 1 and now[0] not in ids)
    assert marathon.request("DELETE", "/v2/pods/shop?force=true").status == 202
    programs.wait(lambda: not list(volumes.glob("*")))
