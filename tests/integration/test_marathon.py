"""Marathon with a real master, a real agent, a real ZooKeeper and a real Docker engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient
from kazoo.security import OPEN_ACL_UNSAFE

from tests.integration.docker_engine import IMAGE, make_image
from tests.integration.marathon import Marathon, site
from tests.integration.programs import Programs
from tests.integration.zookeeper import ZooKeeper

WEB_IMAGE = f"{IMAGE.partition(':')[0]}:web"
SERVER = r"""
$SIG{TERM} = sub { exit };
socket(S, 2, 1, 6) and bind(S, pack("S n a4 x8", 2, 80, "\0" x 4)) and listen(S, 5) or die $!;
while (accept(C, S)) {
    sysread(C, $_, 65536);
    syswrite(C, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    close(C);
}
"""
"""For a perl without any module."""
SERVE = f"CMD {json.dumps(['perl', '-e', SERVER])}"
NGINX: dict[str, Any] = {
    "id": "nginx",
    "cpus": 0.1,
    "mem": 10,
    "instances": 1,
    "constraints": [["hostname", "UNIQUE", ""]],
    "container": {
        "type": "DOCKER",
        "docker": {
            "image": WEB_IMAGE,
            "network": "BRIDGE",
            "portMappings": [{"containerPort": 80, "hostPort": 0, "servicePort": 0, "protocol": "tcp"}],
        },
    },
}
"""The install guide's app, with an image of ours."""


def sleeper(id: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "cmd": "sleep 1000", "cpus": 0.01, "mem": 16, **fields}


@pytest.fixture(scope="module")
def programs(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    flags = ("--containerizers=docker,mesos", "--docker_remove_delay=0secs")
    with site(tmp_path_factory.mktemp("cluster"), *flags) as it:
        yield it


@pytest.fixture
def master(programs: Programs) -> str:
    return f"127.0.0.1:{programs.master_port}"


@pytest.fixture
def marathon(master: str, tmp_path: Path) -> Iterator[Marathon]:
    """One alone. What runs is ended."""
    marathon = Marathon(tmp_path, master, f"file://{tmp_path / 'state'}")
    marathon.start("--disable_ha")
    marathon.until(lambda: marathon.get("/v2/info").json["frameworkId"])
    yield marathon
    marathon.change("DELETE", "/v2/groups?force=true")
    marathon.until_deployed()
    marathon.kill(signal.SIGTERM)
    assert "Traceback" not in marathon.log.read_text()


@pytest.fixture
def pair(master: str, tmp_path: Path, zookeeper: ZooKeeper) -> Iterator[list[Marathon]]:
    """Two on one ZooKeeper; the first leads."""
    store = zookeeper.url(tmp_path.name)
    both = [Marathon(tmp_path, master, store) for _ in range(2)]
    leader, other = both
    with ExitStack() as stack:
        for each in both:
            stack.callback(each.kill)
            each.start()
            leader.until(lambda: leader.get("/v2/leader").status == 200)
        other.until(lambda: other.get("/v2/leader").status == 200)
        yield both
        last = next(each for each in both if each.answers)
        last.change("DELETE", "/v2/groups?force=true")
        last.until_deployed()


def test_the_life_of_an_app(marathon: Marathon) -> None:
    made = marathon.request("POST", "/v2/apps", sleeper("/life", instances=2))
    assert made.status == 201
    assert made.headers["Location"] == "/v2/apps/life"
    assert made.json["deployments"] == [{"id": made.headers["Marathon-Deployment-Id"]}]
    assert marathon.request("POST", "/v2/apps", sleeper("/life")).json == {
        "message": "An app with id [/life] already exists."
    }
    marathon.until_deployed()
    first = {task["id"] for task in marathon.running("/life")}
    assert len(first) == 2

    marathon.change("PUT", "/v2/apps/life", {"instances": 3})
    marathon.until_deployed()
    assert first < {task["id"] for task in marathon.running("/life")}

    marathon.change("PUT", "/v2/apps//life", {"env": {"A": "b"}})
    marathon.until_deployed()
    second = {task["id"] for task in marathon.running("/life")}
    assert len(second) == 3
    assert not first & second
    assert len(marathon.get("/v2/apps/life/versions").json["versions"]) == 3

    marathon.change("POST", "/v2/apps/life/restart")
    marathon.until_deployed()
    third = {task["id"] for task in marathon.running("/life")}
    assert not second & third

    stats = marathon.get("/v2/apps/life?embed=app.taskStats").json["app"]["taskStats"]
    assert stats["totalSummary"]["stats"]["counts"] == {"staged": 0, "running": 3, "healthy": 0, "unhealthy": 0}
    assert "withOutdatedConfig" not in stats

    victim = min(third)
    killed = marathon.request("DELETE", f"/v2/apps/life/tasks/{victim}")
    assert killed.json["task"]["id"] == victim
    marathon.until(lambda: len(left := {task["id"] for task in marathon.running("/life")}) == 3 and victim not in left)

    victim = min(task["id"] for task in marathon.running("/life"))
    marathon.change("DELETE", f"/v2/apps/life/tasks/{victim}?scale=true")
    marathon.until_deployed()
    assert len(marathon.running("/life")) == 2
    assert marathon.get("/v2/apps/life").json["app"]["instances"] == 2

    marathon.change("DELETE", "/v2/apps/life")
    marathon.until_deployed()
    gone = marathon.get("/v2/apps/life")
    assert (gone.status, gone.json) == (404, {"message": "App '/life' does not exist"})


def test_the_guides_app_answers_from_its_container(marathon: Marathon) -> None:
    make_image(WEB_IMAGE, SERVE, programs=("perl",))
    try:
        app = marathon.request("POST", "/v2/apps", NGINX).json
        assert app["networks"] == [{"mode": "container/bridge"}]
        assert app["container"]["portMappings"][0]["hostPort"] == 0
        marathon.until_deployed()
        (task,) = marathon.running("/nginx")
        url = f"http://127.0.0.1:{task['ports'][0]}/"
        assert marathon.until(lambda: _body(url)) == b"hello"
        service_port = app["container"]["portMappings"][0]["servicePort"]
        table = marathon.get("/v2/tasks", Accept="text/plain").body.decode()
        assert table == f"nginx\t{service_port}\t{task['host']}:{task['ports'][0]}\t\n"

        marathon.change("PUT", "/v2/apps/nginx", {"instances": 2})
        waiting = marathon.until(lambda: marathon.get("/v2/queue").json["queue"])
        marathon.until(lambda: _declined(marathon.get("/v2/queue").json["queue"]) >= 1)
        assert waiting[0]["count"] == 1
        assert len(marathon.running("/nginx")) == 1
        marathon.change("DELETE", "/v2/apps/nginx?force=true")
        marathon.until_deployed()
    finally:
        subprocess.run(["docker", "rmi", "-f", WEB_IMAGE], check=False, capture_output=True)


def _body(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
        return body


def _declined(queue: list[dict[str, Any]]) -> int:
    """Offers that the first in the queue has turned down for its constraints."""
    summary = queue[0]["processedOffersSummary"]["rejectSummaryLaunchAttempt"]
    return sum(each["declined"] for each in summary if each["reason"] == "UnfulfilledConstraint")


def test_a_deployment_goes_on_under_the_next_leader(pair: list[Marathon]) -> None:
    leader, other = pair
    upgrade = {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}
    leader.change("POST", "/v2/apps", sleeper("/rolling", instances=6, upgradeStrategy=upgrade))
    leader.until_deployed()
    old = {task["id"] for task in leader.running("/rolling")}
    deployment = leader.change("PUT", "/v2/apps/rolling", {"env": {"NEW": "1"}})
    leader.kill()
    other.until(lambda: other.get("/v2/leader").json.get("leader") == other.address)
    other.until(lambda: other.get("/v2/deployments").status == 200)
    assert [each["id"] for each in other.get("/v2/deployments").json] in ([deployment["deploymentId"]], [])
    lowest = 6
    while other.get("/v2/deployments").json:
        lowest = min(lowest, len(other.running("/rolling")))
    assert lowest >= 3
    new = other.running("/rolling")
    assert len(new) == 6
    assert not old & {task["id"] for task in new}
    assert {task["version"] for task in new} == {deployment["version"]}
    assert len(other.tasks("/rolling")) == 6


def test_whoever_is_asked_the_leader_answers(pair: list[Marathon]) -> None:
    leader, other = pair
    assert leader.get("/v2/leader").json == other.get("/v2/leader").json == {"leader": leader.address}
    made = other.request("POST", "/v2/apps", sleeper("/through"))
    assert made.status == 201
    assert made.headers["X-Marathon-Via"] == f"1.1 {other.address}"
    assert made.headers["X-Marathon-Leader"] == f"http://{leader.address}"
    missing = other.get("/v2/apps/missing")
    assert (missing.status, missing.json) == (404, {"message": "App '/missing' does not exist"})
    redirected = other.get("/v2/events?event_type=x", Accept="text/event-stream")
    assert redirected.status == 302
    assert redirected.headers["Location"] == f"http://{leader.address}/v2/events?event_type=x"
    assert other.get("/ping").headers["X-Marathon-Via"] is None
    for each in pair:
        page = each.get("/")
        assert (page.status, page.headers["Location"]) == (302, "ui/")
    leader.until_deployed()


def test_a_leader_that_abdicates_ends_and_the_other_takes_over(
    pair: list[Marathon], zookeeper: ZooKeeper, tmp_path: Path
) -> None:
    """More than once: each comes back as the other one's follower."""
    leader, other = pair
    leader.change("POST", "/v2/apps", sleeper("/stays"))
    leader.until_deployed()
    before = leader.running("/stays")
    for _ in range(3):
        assert other.request("DELETE", "/v2/leader").json == {"message": "Leadership abdicated"}
        assert leader.wait() == 103
        leader.start()
        for each in pair:
            each.until(lambda each=each, other=other: each.get("/v2/leader").json.get("leader") == other.address)  # type: ignore[misc]
            each.until(lambda each=each: each.running("/stays") == before)  # type: ignore[misc]
        leader, other = other, leader
    assert _acls(zookeeper, tmp_path.name) == {*OPEN_ACL_UNSAFE}


def _acls(zookeeper: ZooKeeper, root: str) -> set[Any]:
    """Of everything below a path that Marathon keeps in ZooKeeper."""
    client = KazooClient(zookeeper.server)
    client.start(60)
    try:
        waiting, found = [f"/{root}"], set()
        for path in waiting:
            waiting += [f"{path}/{child}" for child in client.get_children(path)]
            found |= {*client.get_acls(path)[0]}
        return found
    finally:
        client.stop()
        client.close()


def test_state_outlives_a_marathon_alone(marathon: Marathon) -> None:
    marathon.change("POST", "/v2/apps", sleeper("/fails") | {"cmd": "exit 3", "backoffSeconds": 300})
    failure = marathon.until(lambda: marathon.get("/v2/apps/fails").json["app"].get("lastTaskFailure"))
    assert (failure["appId"], failure["state"]) == ("/fails", "TASK_FAILED")
    assert "3" in failure["message"]
    marathon.change("PUT", "/v2/apps/fails?force=true", {"instances": 0})
    marathon.change("PUT", "/v2/groups", {"id": "/g", "apps": [sleeper("a"), sleeper("b", dependencies=["a"])]})
    marathon.until_deployed()
    group = marathon.get("/v2/groups/g").json
    tasks = marathon.get("/v2/tasks").json
    framework = marathon.get("/v2/info").json["frameworkId"]
    marathon.kill()
    marathon.start("--disable_ha")
    marathon.until(lambda: marathon.get("/v2/info").json["frameworkId"] == framework)
    assert marathon.get("/v2/apps/fails").json["app"]["lastTaskFailure"] == failure
    assert marathon.get("/v2/groups/g").json == group
    assert marathon.get("/v2/tasks").json == tasks


def test_a_deployment_waits_for_the_master(programs: Programs, marathon: Marathon) -> None:
    marathon.change("POST", "/v2/apps", sleeper("/waits", instances=2))
    marathon.until_deployed()
    before = {task["id"] for task in marathon.running("/waits")}
    programs.kill("master")
    marathon.change("PUT", "/v2/apps/waits", {"instances": 4})
    programs.start_master()
    marathon.until_deployed()
    after = {task["id"] for task in marathon.running("/waits")}
    assert before < after
    assert len(after) == 4


def test_events_tell_of_a_deployment(marathon: Marathon) -> None:
    events = marathon.events("?plan-format=light")
    assert next(events)[0] == "event_stream_attached"
    deployment = marathon.change("POST", "/v2/apps", sleeper("/told"))["deployments"][0]["id"]
    seen: dict[str, Any] = {}
    for kind, event in events:
        assert event["eventType"] == kind
        seen.setdefault(kind, event)
        if kind == "deployment_success":
            break
    assert seen["deployment_success"]["id"] == deployment
    assert set(seen["deployment_info"]["plan"]).isdisjoint({"original", "target"})
    assert seen["status_update_event"]["appId"] == "/told"
    assert {"api_post_event", "instance_changed_event", "deployment_step_success"} <= seen.keys()
    events.close()


def test_what_a_check_finds_is_told(marathon: Marathon) -> None:
    for id, command in (("/well", "true"), ("/ill", "exit 1")):
        check = {"exec": {"command": {"shell": command}}, "intervalSeconds": 1, "delaySeconds": 0}
        marathon.change("POST", "/v2/apps", sleeper(id, check=check))
    marathon.until_deployed()
    for id, code in (("/well", 0), ("/ill", 1)):
        found = {"exec": {"exitCode": code}}
        marathon.until(lambda id=id, found=found: [each.get("checkResult") for each in marathon.running(id)] == [found])  # type: ignore[misc]


def test_tasks_are_given_time_to_end(marathon: Marathon, tmp_path: Path) -> None:
    """As much as the app wants; then they are killed."""
    tmp_path.chmod(0o777)
    apps = {"/patient": 100, "/hasty": 1}
    for id, seconds in apps.items():
        ended = tmp_path / id.strip("/")
        wait = 3 if id == "/patient" else 1000
        command = f"trap 'sleep {wait}; touch {ended}; exit 0' TERM; touch {ended}.ready; while :; do sleep 0.1; done"
        app = sleeper(id, taskKillGracePeriodSeconds=seconds)
        marathon.change("POST", "/v2/apps", {**app, "cmd": command})
    marathon.until(lambda: all((tmp_path / f"{id.strip('/')}.ready").exists() for id in apps))
    marathon.until_deployed()
    for id in apps:
        marathon.change("DELETE", f"/v2/apps{id}")
    marathon.until_deployed()
    assert [(tmp_path / id.strip("/")).exists() for id in apps] == [True, False]


def test_a_deployment_is_taken_back(marathon: Marathon) -> None:
    marathon.change("POST", "/v2/apps", sleeper("/back"))
    marathon.until_deployed()
    deployment = marathon.change("PUT", "/v2/apps/back", {"cpus": 1000})["deploymentId"]
    locked = marathon.request("PUT", "/v2/apps/back", {"instances": 2})
    assert (locked.status, locked.json["deployments"]) == (409, [{"id": deployment}])
    marathon.change("DELETE", f"/v2/deployments/{deployment}")
    marathon.until_deployed()
    assert marathon.get("/v2/apps/back").json["app"]["cpus"] == 0.01
    assert len(marathon.running("/back")) == 1
    unknown = marathon.request("DELETE", "/v2/deployments/none")
    assert (unknown.status, unknown.json) == (404, {"message": "DeploymentPlan none does not exist"})
    stuck = marathon.change("PUT", "/v2/apps/back", {"cpus": 1000})["deploymentId"]
    assert marathon.request("DELETE", f"/v2/deployments/{stuck}?force=true").status == 202
    assert marathon.get("/v2/deployments").json == []


def test_an_unhealthy_task_is_replaced(marathon: Marathon) -> None:
    """It serves for a moment, then it does not."""
    check = {
        "protocol": "TCP",
        "portIndex": 0,
        "gracePeriodSeconds": 1,
        "intervalSeconds": 1,
        "timeoutSeconds": 1,
        "maxConsecutiveFailures": 2,
        "delaySeconds": 0,
    }
    command = "timeout 4 socat TCP-LISTEN:$PORT0,fork,reuseaddr SYSTEM:true; sleep 1000"
    app = sleeper("/ill", healthChecks=[check], portDefinitions=[{"port": 0}])
    marathon.change("POST", "/v2/apps", {**app, "cmd": command})
    marathon.until_deployed()
    (first,) = marathon.running("/ill")
    assert first["healthCheckResults"][0]["alive"]
    assert marathon.get("/v2/apps/ill").json["app"]["tasksHealthy"] == 1
    marathon.until(lambda: (tasks := marathon.running("/ill")) and tasks[0]["id"] != first["id"])


def test_flags_from_the_environment(master: str, tmp_path: Path) -> None:
    marathon = Marathon(tmp_path, master, f"file://{tmp_path / 'state'}")
    marathon.start(MARATHON_DISABLE_HA="", MARATHON_FRAMEWORK_NAME="named", MARATHON_HTTP_CREDENTIALS="me:secret")
    try:
        assert marathon.get("/v2/apps").status == 401
        info = marathon.get("/v2/info", Authorization="Basic bWU6c2VjcmV0").json
        assert info["marathon_config"]["framework_name"] == "named"
    finally:
        marathon.kill(signal.SIGTERM)


def test_an_unknown_flag_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mesosctl.runtime.marathon", "--master", "127.0.0.1:1"]
    ended = subprocess.run(
        command, env={**os.environ, "MARATHON_HOME": "/opt/marathon"}, capture_output=True, timeout=30, check=False
    )
    assert ended.returncode == 112
    assert b"MARATHON_HOME" in ended.stderr
