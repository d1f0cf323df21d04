"""Every endpoint of Marathon's documentation: what it answers on a Marathon with one app that runs and one that waits,
with which fields, and what holds for all of them.

Source: Marathon's RAML, docs/rest-api/public/api.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from mesosctl.runtime.protocol.tasks import TaskState
from tests.unit.marathon_api import Answer, Api, api_test, serving

RUNS = {"id": "/g/runs", "cmd": "sleep 1", "cpus": 0.1, "labels": {"Tier": "front"}}
WAITS = {"id": "/waits", "cmd": "Sleep 2", "cpus": 1000}
APP_FIELDS = {
    "id", "backoffFactor", "backoffSeconds", "cmd", "cpus", "disk", "executor", "instances", "labels",
    "maxLaunchDelaySeconds", "mem", "gpus", "networks", "portDefinitions", "requirePorts", "upgradeStrategy", "version",
    "versionInfo", "killSelection", "unreachableStrategy",
}  # fmt: skip
COUNTED = {"tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy", "deployments"}
TASK_FIELDS = {
    "appId", "host", "id", "ipAddresses", "ports", "servicePorts", "slaveId", "state", "stagedAt", "startedAt",
    "version", "localVolumes",
}  # fmt: skip
QUEUE_FIELDS = {"app", "count", "delay", "since", "processedOffersSummary"}
OFFERS_FIELDS = {
    "processedOffersCount", "unusedOffersCount", "lastUnusedOfferAt", "rejectSummaryLastOffers",
    "rejectSummaryLaunchAttempt",
}  # fmt: skip
DEPLOYMENT_FIELDS = {
    "id", "version", "affectedApps", "affectedPods", "steps", "currentActions", "currentStep", "totalSteps",
}  # fmt: skip
INFO_FIELDS = {
    "name", "version", "buildref", "elected", "leader", "frameworkId", "marathon_config", "zookeeper_config",
    "http_config",
}  # fmt: skip
GROUP_FIELDS = {"id", "dependencies", "version", "apps", "groups", "pods"}
FAILURE_FIELDS = {"appId", "host", "message", "slaveId", "state", "taskId", "timestamp", "version"}

READ: list[tuple[str, str, set[str]]] = [
    ("/v2/apps", "apps 0", APP_FIELDS | COUNTED),
    ("/v2/apps?embed=apps.tasks", "apps 0", APP_FIELDS | COUNTED | {"tasks"}),
    ("/v2/apps?embed=apps.tasks", "apps 0 tasks 0", TASK_FIELDS),
    ("/v2/apps?embed=apps.lastTaskFailure", "apps 0 lastTaskFailure", FAILURE_FIELDS),
    ("/v2/apps?embed=apps.failures", "apps 0", APP_FIELDS | COUNTED | {"tasks", "lastTaskFailure"}),
    ("/v2/apps?embed=apps.readiness", "apps 0", APP_FIELDS | COUNTED | {"readinessCheckResults"}),
    ("/v2/apps?embed=apps.taskStats", "apps 0 taskStats",
     {"startedAfterLastScaling", "withLatestConfig", "totalSummary"}),
    ("/v2/apps?embed=apps.taskStats", "apps 0 taskStats totalSummary stats", {"counts", "lifeTime"}),
    ("/v2/apps?embed=nothing", "apps 0", APP_FIELDS | COUNTED),
    ("/v2/apps/g/runs", "app", APP_FIELDS | COUNTED | {"tasks", "lastTaskFailure"}),
    ("/v2/apps/g/runs?embed=app.counts", "app", APP_FIELDS | COUNTED | {"tasks", "lastTaskFailure"}),
    ("/v2/apps/g/*", "* 0", APP_FIELDS | COUNTED),
    ("/v2/apps/g/runs/tasks", "tasks 0", TASK_FIELDS),
    ("/v2/apps/g/runs/versions", "", {"versions"}),
    ("/v2/groups", "", GROUP_FIELDS),
    ("/v2/groups/g", "", GROUP_FIELDS),
    ("/v2/groups/g?embed=group.groups", "", GROUP_FIELDS - {"apps", "pods"}),
    ("/v2/groups/g?embed=group.apps", "", GROUP_FIELDS - {"groups", "pods"}),
    ("/v2/groups/g?embed=group.apps.tasks", "apps 0", APP_FIELDS | {"tasks", "deployments"}),
    ("/v2/groups/g?embed=group.apps.counts", "apps 0", APP_FIELDS | COUNTED - {"deployments"}),
    ("/v2/tasks", "tasks 0", TASK_FIELDS),
    ("/v2/queue", "queue 0", QUEUE_FIELDS),
    ("/v2/queue", "queue 0 processedOffersSummary", OFFERS_FIELDS),
    ("/v2/queue?embed=lastUnusedOffers", "queue 0", QUEUE_FIELDS | {"lastUnusedOffers"}),
    ("/v2/queue?embed=lastUnusedOffers", "queue 0 lastUnusedOffers 0", {"offer", "reason", "timestamp"}),
    ("/v2/queue?embed=lastUnusedOffers", "queue 0 lastUnusedOffers 0 offer",
     {"id", "hostname", "agentId", "resources", "attributes"}),
    ("/v2/deployments", "0", DEPLOYMENT_FIELDS),
    ("/v2/deployments", "0 currentActions 0", {"action", "app", "readinessCheckResults"}),
    ("/v2/info", "", INFO_FIELDS),
    ("/v2/info", "zookeeper_config",
     {"zk", "zk_timeout", "zk_connection_timeout", "zk_session_timeout", "zk_max_versions"}),
    ("/v2/info", "http_config", {"http_port", "https_port"}),
    ("/v2/leader", "", {"leader"}),
    ("/v2/plugins", "", {"plugins"}),
    ("/metrics", "", {"version", "gauges", "counters", "histograms", "meters", "timers"}),
]  # fmt: skip

METHODS: list[tuple[str, str]] = [
    ("/v2/apps", "GET, HEAD, OPTIONS, PATCH, POST, PUT"),
    ("/v2/apps/g/runs", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ("/v2/apps/g/runs/restart", "OPTIONS, POST"),
    ("/v2/apps/g/runs/tasks", "DELETE, GET, HEAD, OPTIONS"),
    ("/v2/apps/g/runs/tasks/x", "DELETE, OPTIONS"),
    ("/v2/apps/g/runs/versions", "GET, HEAD, OPTIONS"),
    ("/v2/apps/g/runs/versions/x", "GET, HEAD, OPTIONS"),
    ("/v2/groups", "DELETE, GET, HEAD, OPTIONS, POST, PUT"),
    ("/v2/groups/g", "DELETE, GET, HEAD, OPTIONS, POST, PUT"),
    ("/v2/groups/versions", "GET, HEAD, OPTIONS"),
    ("/v2/groups/g/versions/x", "GET, HEAD, OPTIONS"),
    ("/v2/tasks", "GET, HEAD, OPTIONS"),
    ("/v2/tasks/delete", "OPTIONS, POST"),
    ("/v2/queue", "GET, HEAD, OPTIONS"),
    ("/v2/queue/waits/delay", "DELETE, OPTIONS"),
    ("/v2/deployments", "GET, HEAD, OPTIONS"),
    ("/v2/deployments/x", "DELETE, OPTIONS"),
    ("/v2/events", "GET, HEAD, OPTIONS"),
    ("/v2/eventSubscriptions", "DELETE, GET, HEAD, OPTIONS, POST"),
    ("/v2/info", "GET, HEAD, OPTIONS"),
    ("/v2/leader", "DELETE, GET, HEAD, OPTIONS"),
    ("/v2/plugins", "GET, HEAD, OPTIONS"),
    ("/ping", "GET, HEAD, OPTIONS"),
    ("/metrics", "GET, HEAD, OPTIONS"),
    ("/metrics/prometheus", "GET, HEAD, OPTIONS"),
    ("/logging", "GET, HEAD, OPTIONS, POST"),
]


async def prepare(api: Api) -> str:
    """Gives the id of the task that runs."""
    await api("POST", "/v2/apps", RUNS)
    await api.settle()
    (instance,) = api.context.marathon.instances("/g/runs")
    api.status(instance.task_id, TaskState.TASK_FAILED, message="no more")
    await api("DELETE", "/v2/queue/g/runs/delay")
    await api.settle()
    await api("POST", "/v2/apps", WAITS)
    await api.settle()
    (running,) = api.context.marathon.instances("/g/runs")
    return running.task_id


def step_into(value: Any, path: str) -> Any:
    for step in path.split():
        value = value[int(step) if isinstance(value, list) else step]
    return value


def test_what_is_read() -> None:
    async def check() -> None:
        async with serving() as api:
            await prepare(api)
            for path, where, fields in READ:
                answer = await api("GET", path)
                assert answer.status == 200, path
                assert answer.headers["Content-Type"] == "application/json", path
                assert set(step_into(answer.json, where)) == fields, (path, where)
                head = await api("HEAD", path)
                assert (head.status, head.body) == (200, b""), path
                assert head.headers["Content-Type"] == "application/json", path

    asyncio.run(check())


@api_test
async def test_methods(api: Api) -> None:
    for path, allowed in METHODS:
        options = await api("OPTIONS", path)
        assert (options.status, options.headers["Allow"]) == (200, allowed), path
        other = next(method for method in ("DELETE", "PATCH", "PUT", "POST") if method not in allowed)
        refused = await api(other, path)
        assert (refused.status, refused.headers["Allow"]) == (405, allowed), path
        assert refused.json == {"message": "Method Not Allowed"}


@api_test
async def test_nothing_is_cached(api: Api) -> None:
    for path in ("/v2/apps", "/v2/apps/none", "/v2/leader"):
        answer = await api("GET", path)
        assert answer.headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
        assert (answer.headers["Pragma"], answer.headers["Expires"]) == ("no-cache", "0")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("application/merge-patch+json", 201),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
        ("application/xml", 415),
    ],
)
def test_what_is_sent_is_json(content_type: str, status: int) -> None:
    async def check(api: Api) -> None:
        answer = await api("POST", "/v2/apps", RUNS, Content_Type=content_type)
        assert answer.status == status
        assert len((await api("GET", "/v2/apps")).json["apps"]) == (status == 201)
        if status == 415:
            assert answer.json["message"] == "Unsupported Media Type"
            assert "application/json" in answer.json["details"]

    api_test(check)()


@pytest.mark.parametrize(
    ("path", "accept", "status", "kind"),
    [
        ("/v2/apps", "application/json", 200, "application/json"),
        ("/v2/apps", "*/*", 200, "application/json"),
        ("/v2/apps", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", 200, "application/json"),
        ("/v2/apps", "text/html", 406, "application/json"),
        ("/v2/apps", "text/plain", 406, "application/json"),
        ("/v2/tasks", "application/json", 200, "application/json"),
        ("/v2/tasks", "text/plain", 200, "text/plain; charset=utf-8"),
        ("/v2/tasks", "application/json, text/plain", 200, "application/json"),
        ("/v2/apps/g/runs/tasks", "text/plain", 200, "text/plain; charset=utf-8"),
        ("/v2/apps/g/*/tasks", "text/plain", 200, "text/plain; charset=utf-8"),
        ("/ping", "text/html", 200, "text/plain; charset=utf-8"),
        ("/metrics/prometheus", "text/plain;version=0.0.4", 200, "text/plain; charset=utf-8"),
    ],
)
def test_what_is_wanted(path: str, accept: str, status: int, kind: str) -> None:
    async def check(api: Api) -> None:
        await api("POST", "/v2/apps", RUNS)
        answer = await api("GET", path, Accept=accept)
        assert (answer.status, answer.headers["Content-Type"]) == (status, kind)

    api_test(check)()


@api_test
async def test_long_answers_are_compressed_for_those_who_take_it(api: Api) -> None:
    await api("PUT", "/v2/apps", [{**RUNS, "id": f"/many/{i}", "instances": 0} for i in range(20)])
    for accepted, encoding in (("gzip, deflate", "gzip"), ("identity", None)):
        async with api.session.get(f"{api.url}/v2/apps", headers={"Accept-Encoding": accepted}) as answer:
            assert answer.headers.get("Content-Encoding") == encoding
            assert len((await answer.json())["apps"]) == 20


def test_pages_of_other_origins() -> None:
    """They may ask before they show credentials, and see errors too."""

    async def check() -> None:
        flags = ("--http_credentials", "me:secret", "--access_control_allow_origin", "http://page, http://other")
        async with serving(*flags) as api:
            asked = {"Access_Control_Request_Method": "PUT", "Access_Control_Request_Headers": "content-type"}
            before = await api("OPTIONS", "/v2/apps", Origin="http://page", **asked)
            assert before.status == 200
            assert before.headers["Access-Control-Allow-Origin"] == "http://page"
            assert before.headers["Access-Control-Allow-Headers"] == "content-type"
            assert "PUT" in before.headers["Access-Control-Allow-Methods"]
            assert before.headers["Access-Control-Max-Age"] == "86400"
            assert (await api("OPTIONS", "/v2/apps", Origin="http://stranger", **asked)).status == 401
            refused = await api("GET", "/v2/apps/none", Origin="http://other", Authorization="Basic bWU6c2VjcmV0")
            assert refused.status == 404
            assert refused.headers["Access-Control-Allow-Origin"] == "http://other"
            assert (await api("GET", "/v2/apps")).json == {"message": "Invalid username or password."}

    asyncio.run(check())


@api_test
async def test_filters_do_not_mind_capitals(api: Api) -> None:
    await api("PUT", "/v2/apps", [RUNS, WAITS])
    for query, ids in (("cmd=SLEEP", ["/g/runs", "/waits"]), ("id=RUN", ["/g/runs"]), ("label=tier", [])):
        assert [app["id"] for app in (await api("GET", f"/v2/apps?{query}")).json["apps"]] == ids


@api_test
async def test_paths_are_cleaned(api: Api) -> None:
    await api("PUT", "/v2/apps/g/x/%2e%2e/runs", {"cmd": "x", "instances": 0})
    assert [app["id"] for app in (await api("GET", "/v2/apps")).json["apps"]] == ["/g/runs"]
    assert (await api("GET", "/v2/apps/%67//runs/")).json["app"]["id"] == "/g/runs"


@api_test
async def test_groups_are_named_by_path_and_body(api: Api) -> None:
    app = {"id": "a", "cmd": "x", "instances": 0}
    made = await api("POST", "/v2/groups/x", {"apps": [app]})
    assert (made.status, made.headers["Location"]) == (201, "/v2/groups/x")
    assert (await api("POST", "/v2/groups/x", {"id": "y", "apps": [app]})).headers["Location"] == "/v2/groups/x/y"
    assert (await api("PUT", "/v2/groups/x", {"id": "/z", "apps": [app]})).status == 200
    ids = [each["id"] for each in (await api("GET", "/v2/apps")).json["apps"]]
    assert ids == ["/x/a", "/x/y/a", "/z/a"]
    assert (await api("PUT", "/v2/groups/x", {"apps": []})).status == 200
    ids = [each["id"] for each in (await api("GET", "/v2/apps")).json["apps"]]
    assert ids == ["/x/y/a", "/z/a"]


@api_test
async def test_a_dry_run_refuses_what_the_run_would(api: Api) -> None:
    one, other = ({"id": id, "cmd": "x", "dependencies": [on]} for id, on in (("a", "b"), ("b", "a")))
    for query in ("?dryRun=true", ""):
        assert (await api("PUT", f"/v2/groups/x{query}", {"apps": [one, other]})).status == 422
    assert (await api("PUT", "/v2/groups/x?dryRun=true", {"scaleBy": 2})).status == 422
    assert (await api("GET", "/v2/groups/x")).status == 404


def test_tasks_are_killed() -> None:
    async def check() -> None:
        async with serving() as api:
            task = await prepare(api)
            gone = "g_runs.instance-c0d7ae61-0000-4000-8000-000000000000._app.1"
            refused = await api("POST", "/v2/tasks/delete", {"ids": [task, "nothing"]})
            assert (refused.status, refused.json) == (400, {"message": "Invalid task id nothing"})
            assert not api.outside.kills
            killed = await api("POST", "/v2/tasks/delete", {"ids": [gone, task, task]})
            assert [each["id"] for each in killed.json["tasks"]] == [task]
            assert [each[0] for each in api.outside.kills] == [task]
            await api.settle()
            scaled = await api("DELETE", "/v2/apps/g/runs/tasks?host=a9&scale=true")
            assert scaled.json["deploymentId"]
            assert (await api("GET", "/v2/apps/g/runs")).json["app"]["instances"] == 1
            (running,) = api.context.marathon.instances("/g/runs")
            assert running.agent
            scaled = await api("DELETE", f"/v2/apps/g/runs/tasks?host={running.agent.host}&scale=true")
            assert scaled.headers["Marathon-Deployment-Id"] == scaled.json["deploymentId"]
            assert (await api("GET", "/v2/apps/g/runs")).json["app"]["instances"] == 0

    asyncio.run(check())


def test_the_table_of_tasks() -> None:
    async def check() -> None:
        async with serving() as api:
            host = {**RUNS, "id": "/g/host", "portDefinitions": [{"port": 7000}, {"port": 7001}]}
            none = {**RUNS, "id": "/none", "portDefinitions": [], "instances": 2}
            own = {**RUNS, "id": "/own", "networks": [{"mode": "container", "name": "net"}]}
            own |= {"container": {"portMappings": [{"containerPort": 80, "servicePort": 7002}]}}
            await api("PUT", "/v2/apps", [host, none, own, {**WAITS, "portDefinitions": [{"port": 7003}]}])
            await api.settle(hosts=("a1",))
            (instance,) = api.context.marathon.instances("/g/host")
            assert instance.task
            first, second = instance.task.host_ports
            text = (await api("GET", "/v2/tasks", Accept="text/plain")).body.decode()
            assert text.splitlines() == [
                f"g_host\t7000\ta1:{first}\t",
                f"g_host\t7001\ta1:{second}\t",
                "none\t \ta1 a1 ",
                "own\t7002\t",
                "waits\t7003\t",
            ]

    asyncio.run(check())


@api_test
async def test_log_levels(api: Api) -> None:
    name = "mesosctl.runtime.marathon.test"
    logger = logging.getLogger(name)
    assert (await api("GET", "/logging")).json[name].endswith(" (inherited)")
    change = {"logger": name, "level": "debug", "durationSeconds": 0}
    changed = await api("POST", "/logging", change)
    assert changed.json == change
    while logger.level:
        await asyncio.sleep(0.01)
    assert (await api("POST", "/logging", {"logger": name, "level": "warn"})).json == {"logger": name, "level": "warn"}
    assert (await api("GET", "/logging")).json[name] == "WARN"
    logger.setLevel(logging.NOTSET)
    for body, status, where in (
        ({"level": "warn"}, 400, "/logger"),
        ({"logger": name, "level": "loud"}, 400, "/level"),
        ({"logger": "", "level": "warn"}, 422, "/logger"),
    ):
        refused = await api("POST", "/logging", body)
        assert (refused.status, [each["path"] for each in refused.json["details"]]) == (status, [where])


@api_test
async def test_bytes_are_counted(api: Api) -> None:
    async def counted() -> tuple[int, int]:
        counters = (await api("GET", "/metrics")).json["counters"]
        prefix = "service.mesosphere.marathon.api.HTTPMetricsFilter"
        return counters[f"{prefix}.bytesRead"]["count"], counters[f"{prefix}.bytesWritten"]["count"]

    read, written = await counted()
    answer: Answer = await api("POST", "/v2/groups", {"id": "/empty"})
    read_then, written_then = await counted()
    assert read_then - read == len(json.dumps({"id": "/empty"}))
    assert written_then - written >= len(answer.body)


@api_test
async def test_a_body_that_is_too_large(api: Api) -> None:
    async def endless() -> Any:
        for _ in range(129):
            yield b" " * 2**20

    async with api.session.post(
        f"{api.url}/v2/apps", data=endless(), headers={"Content-Type": "application/json"}
    ) as answer:
        assert (answer.status, await answer.json()) == (413, {"message": "Request Entity Too Large"})


@api_test
async def test_a_patch_changes_what_is_given(api: Api) -> None:
    made = await api("POST", "/v2/apps", RUNS)
    await api.settle()
    patched = await api("PATCH", "/v2/apps/g/runs", {"cmd": "sleep 3", "env": {"A": "b"}})
    assert (patched.status, patched.json["version"] > made.json["version"]) == (200, True)
    await api.settle()
    app = (await api("GET", "/v2/apps/g/runs")).json["app"]
    assert (app["cmd"], app["env"], app["labels"], app["cpus"]) == ("sleep 3", {"A": "b"}, RUNS["labels"], 0.1)
    assert [task["version"] for task in app["tasks"]] == [app["version"]]
    assert app["deployments"] == []


@api_test
async def test_an_empty_group_is_changed(api: Api) -> None:
    made = (await api("POST", "/v2/groups", {"id": "/empty"})).json["version"]
    changed = await api("PUT", "/v2/groups/empty", {"dependencies": ["/g"]})
    assert changed.status == 200
    group = (await api("GET", "/v2/groups/empty")).json
    assert (group["dependencies"], group["apps"]) == (["/g"], [])
    assert group["version"] == changed.json["version"] > made
    assert (await api("GET", "/v2/groups/empty/versions")).json == [group["version"], made]


@api_test
async def test_dependencies_are_relative_to_the_group(api: Api) -> None:
    web = {"id": "web", "cmd": "x", "cpus": 0.1, "dependencies": ["../data/db", "cache"]}
    groups = [{"id": "site", "apps": [web, {**RUNS, "id": "cache"}]}, {"id": "data", "apps": [{**RUNS, "id": "db"}]}]
    await api("PUT", "/v2/groups/shop", {"groups": groups})
    assert (await api("GET", "/v2/apps/shop/site/web")).json["app"]["dependencies"] == [
        "/shop/data/db",
        "/shop/site/cache",
    ]
    (deployment,) = (await api("GET", "/v2/deployments")).json
    assert [action["app"] for action in deployment["steps"][-1]["actions"]] == ["/shop/site/web"]
    await api.settle()
    assert (await api("GET", "/v2/deployments")).json == []
    assert len((await api("GET", "/v2/tasks")).json["tasks"]) == 3
