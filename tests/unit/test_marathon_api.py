"""Marathon's REST API over HTTP: statuses, bodies and headers; its core is real, the master is not there."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from mesosctl.runtime.marathon.api.selectors import selector
from tests.unit.marathon_api import Api, api_test, serving

APP = {"id": "/a", "cmd": "sleep 1", "labels": {"tier": "front"}}

ERRORS: list[tuple[str, str, Any, int, dict[str, Any]]] = [
    ("GET", "/v2/apps/none", None, 404, {"message": "App '/none' does not exist"}),
    ("GET", "/v2/apps/none/tasks", None, 404, {"message": "App '/none' does not exist"}),
    ("GET", "/v2/apps/none/versions", None, 404, {"message": "App '/none' does not exist"}),
    ("DELETE", "/v2/apps/none", None, 404, {"message": "App '/none' does not exist"}),
    ("POST", "/v2/apps/none/restart", None, 404, {"message": "App '/none' does not exist"}),
    ("DELETE", "/v2/apps/there/tasks/none", None, 404, {"message": "Task 'none' does not exist"}),
    ("DELETE", "/v2/apps/there/tasks?scale=true&wipe=true", None, 400,
     {"message": "You cannot use scale and wipe at the same time."}),
    ("POST", "/v2/apps", {"id": "there", "cmd": "x"}, 409, {"message": "An app with id [/there] already exists."}),
    ("POST", "/v2/apps", b"{", 400, {"message": "Invalid JSON", "details": "Input data was truncated"}),
    ("POST", "/v2/apps", [], 400,
     {"message": "Invalid JSON", "details": [{"path": "/", "errors": ["error.expected.jsobject"]}]}),
    ("POST", "/v2/apps", {"id": 1}, 400,
     {"message": "Invalid JSON", "details": [{"path": "/id", "errors": ["error.expected.jsstring"]}]}),
    ("PUT", "/v2/apps", {"id": "x"}, 400,
     {"message": "Invalid JSON", "details": [{"path": "/", "errors": ["error.expected.jsarray"]}]}),
    ("PUT", "/v2/apps", [{"cmd": "x"}], 400,
     {"message": "Invalid JSON", "details": [{"path": "/(0)/id", "errors": ["error.path.missing"]}]}),
    ("PATCH", "/v2/apps/none", {"instances": 2}, 404, {"message": "App '/none' does not exist"}),
    ("GET", "/v2/apps?label=,,", None, 400, {"message": "Can not parse label selector query: ,,"}),
    ("GET", "/v2/groups/none", None, 404, {"message": "Group '/none' does not exist"}),
    ("DELETE", "/v2/groups/none", None, 404, {"message": "Group '/none' does not exist"}),
    ("POST", "/v2/groups", {"id": "/g"}, 409,
     {"message": "Group /g is already created. Use PUT to change this group."}),
    ("POST", "/v2/groups", {}, 409, {"message": "Group / is already created. Use PUT to change this group."}),
    ("POST", "/v2/groups", {"id": 1}, 400,
     {"message": "Invalid JSON", "details": [{"path": "/id", "errors": ["error.expected.jsstring"]}]}),
    ("POST", "/v2/groups", {"id": "/there"}, 409, {"message": "An app with the path /there already exists."}),
    ("POST", "/v2/apps", {"id": "/g", "cmd": "x"}, 409, {"message": "Group [/g] already exists."}),
    ("DELETE", "/v2/deployments/none", None, 404, {"message": "DeploymentPlan none does not exist"}),
    ("DELETE", "/v2/queue/none/delay", None, 404, {"message": "Application /none not found in tasks queue."}),
    ("POST", "/v2/tasks/delete", {"ids": ["none"]}, 400, {"message": "Invalid task id none"}),
    ("GET", "/v2/events", None, 405, {"message": "Accept text/event-stream to attach to the event stream"}),
    ("GET", "/v2/artifacts", None, 404, {"message": "URI not found: /v2/artifacts"}),
    ("POST", "/v2/info", None, 405, {"message": "Method Not Allowed"}),
    ("POST", "/v2/apps/there", {}, 405, {"message": "Method Not Allowed"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "expected"), ERRORS)
def test_errors(method: str, path: str, body: Any, status: int, expected: dict[str, Any]) -> None:
    async def check(api: Api) -> None:
        await api("POST", "/v2/apps", {"id": "/there", "cmd": "x", "instances": 0})
        await api("POST", "/v2/groups", {"id": "/g"})
        answer = await api(method, path, body)
        assert (answer.status, answer.json) == (status, expected)
        assert answer.headers["Content-Type"] == "application/json"

    api_test(check)()


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/v2/apps", {"id": "x", "cmd": "x", "instances": -1}, "/instances"),
        ("/v2/groups", {"id": "/n", "apps": [{"id": "x", "cmd": "x", "mem": -1}]}, "/apps(0)/mem"),
    ],
)
def test_what_is_not_valid_is_said_with_its_place(path: str, body: Any, where: str) -> None:
    async def check(api: Api) -> None:
        answer = await api("POST", path, body)
        assert answer.status == 422
        assert answer.json["message"] == "Object is not valid"
        assert [each["path"] for each in answer.json["details"]] == [where]
        assert not (await api("GET", "/v2/apps")).json["apps"]

    api_test(check)()


@api_test
async def test_create(api: Api) -> None:
    made = await api("POST", "/v2/apps", APP)
    assert made.status == 201
    assert made.headers["Location"] == "/v2/apps/a"
    assert made.headers["X-Marathon-Leader"] == "http://127.0.0.1:1"
    deployment = made.headers["Marathon-Deployment-Id"]
    assert made.json["deployments"] == [{"id": deployment}]
    assert made.json["tasks"] == []
    assert made.json["version"] == made.json["versionInfo"]["lastConfigChangeAt"]
    (running,) = (await api("GET", "/v2/deployments")).json
    assert running["id"] == deployment
    assert running["affectedApps"] == ["/a"]
    assert [step["actions"] for step in running["steps"]] == [
        [{"action": "StartApplication", "app": "/a"}],
        [{"action": "ScaleApplication", "app": "/a"}],
    ]
    (waiting,) = (await api("GET", "/v2/queue")).json["queue"]
    assert (waiting["app"]["id"], waiting["count"]) == ("/a", 1)
    assert (await api("DELETE", "/v2/queue//a/delay")).status == 204


@api_test
async def test_paths_may_have_more_slashes(api: Api) -> None:
    await api("POST", "/v2/apps/", APP)
    for path in ("/v2/apps//a", "/v2/apps/a/", "/v2/apps///a"):
        assert (await api("GET", path)).json["app"]["id"] == "/a"
    assert (await api("GET", "/v2/apps//a/versions")).status == 200


@api_test
async def test_a_star_means_all_apps_of_a_group(api: Api) -> None:
    await api(
        "PUT",
        "/v2/groups/g",
        {"apps": [{"id": "x", "cmd": "x"}], "groups": [{"id": "h", "apps": [{**APP, "id": "y"}]}]},
    )
    assert [app["id"] for app in (await api("GET", "/v2/apps/g/*")).json["*"]] == ["/g/h/y", "/g/x"]
    assert [app["id"] for app in (await api("GET", "/v2/apps/*")).json["*"]] == ["/g/h/y", "/g/x"]
    assert (await api("GET", "/v2/apps/g/*/tasks")).json == {"tasks": []}
    assert (await api("GET", "/v2/apps/none/*")).status == 404


@api_test
async def test_filters(api: Api) -> None:
    await api("POST", "/v2/apps", APP)
    await api("POST", "/v2/apps", {"id": "/b/c", "cmd": "serve", "labels": {"tier": "back", "old": "1"}})

    async def found(query: str) -> list[str]:
        return [app["id"] for app in (await api("GET", f"/v2/apps?{query}")).json["apps"]]

    assert await found("") == ["/a", "/b/c"]
    assert await found("id=b") == ["/b/c"]
    assert await found("cmd=sleep") == ["/a"]
    assert await found("label=tier==front") == ["/a"]
    assert await found("label=tier,old") == ["/b/c"]


@api_test
async def test_update_makes_what_is_not_there(api: Api) -> None:
    made = await api("PUT", "/v2/apps/new", {"cmd": "x", "instances": 0})
    assert made.status == 201
    again = await api("PUT", "/v2/apps/new?force=False", {"cmd": "x", "instances": 0})
    assert again.status == 200
    assert set(again.json) == {"version", "deploymentId"}
    assert (await api("GET", "/v2/deployments")).json == []


@api_test
async def test_a_whole_update_forgets_what_is_not_given(api: Api) -> None:
    await api("POST", "/v2/apps", {**APP, "instances": 0})
    await api("PUT", "/v2/apps/a", {"mem": 64})
    assert (await api("GET", "/v2/apps/a")).json["app"]["labels"] == {"tier": "front"}
    await api("PUT", "/v2/apps/a?partialUpdate=false&force=true", {"cmd": "x", "instances": 0})
    app = (await api("GET", "/v2/apps/a")).json["app"]
    assert (app["labels"], app["mem"]) == ({}, 128)


@api_test
async def test_several_apps_are_one_deployment(api: Api) -> None:
    done = await api("PUT", "/v2/apps", [APP, {"id": "b", "cmd": "y"}])
    assert done.status == 200
    (deployment,) = (await api("GET", "/v2/deployments")).json
    assert deployment["affectedApps"] == ["/a", "/b"]
    refused = await api("PATCH", "/v2/apps?force=true", [{"id": "/a", "instances": 3}, {"id": "/none", "instances": 3}])
    assert refused.status == 404
    assert (await api("GET", "/v2/apps/a")).json["app"]["instances"] == 1


@api_test
async def test_an_app_goes_back_to_a_version(api: Api) -> None:
    first = (await api("POST", "/v2/apps", {**APP, "instances": 0})).json["version"]
    second = (await api("PUT", "/v2/apps/a", {"cmd": "other"})).json["version"]
    assert (await api("GET", "/v2/apps/a/versions")).json == {"versions": [second, first]}
    assert (await api("GET", f"/v2/apps/a/versions/{first}")).json["cmd"] == "sleep 1"
    await api("PUT", "/v2/apps/a", {"version": first})
    assert (await api("GET", "/v2/apps/a")).json["app"]["cmd"] == "sleep 1"
    assert (await api("PUT", "/v2/apps/a", {"version": "2000-01-01T00:00:00.000Z"})).status == 404


@api_test
async def test_a_locked_app_is_changed_by_force_only(api: Api) -> None:
    deployment = (await api("POST", "/v2/apps", APP)).headers["Marathon-Deployment-Id"]
    locked = await api("PUT", "/v2/apps/a", {"instances": 2})
    assert locked.status == 409
    assert locked.json["deployments"] == [{"id": deployment}]
    assert "is locked by one or more deployments" in locked.json["message"]
    forced = await api("PUT", "/v2/apps/a?force=true", {"instances": 2})
    assert [each["id"] for each in (await api("GET", "/v2/deployments")).json] == [forced.json["deploymentId"]]
    assert (await api("DELETE", f"/v2/deployments/{forced.json['deploymentId']}?force=true")).status == 202
    assert (await api("GET", "/v2/deployments")).json == []


@api_test
async def test_groups(api: Api) -> None:
    dry = await api("PUT", "/v2/groups/g?dryRun=true", {"apps": [APP | {"id": "a"}]})
    assert [step["actions"][0]["action"] for step in dry.json["steps"]] == ["StartApplication", "ScaleApplication"]
    assert (await api("GET", "/v2/groups/g")).status == 404
    made = await api("POST", "/v2/groups", {"id": "g", "apps": [APP | {"id": "a", "instances": 2}]})
    assert made.status == 201
    first = made.json["version"]
    await api("PUT", "/v2/groups/g?force=true", {"scaleBy": 1.5})
    assert (await api("GET", "/v2/apps/g/a")).json["app"]["instances"] == 3
    group = (await api("GET", "/v2/groups/g")).json
    assert set(group) == {"id", "version", "dependencies", "apps", "groups", "pods"}
    slim = (await api("GET", "/v2/groups?embed=group.groups")).json
    assert "apps" not in slim
    assert slim["groups"][0]["id"] == "/g"
    counted = (await api("GET", "/v2/groups/g?embed=group.apps&embed=group.apps.counts")).json
    assert counted["apps"][0]["tasksRunning"] == 0
    versions = (await api("GET", "/v2/groups/g/versions")).json
    assert versions == [group["version"], first]
    assert (await api("GET", f"/v2/groups/g/versions/{first}")).json["apps"][0]["instances"] == 2
    await api("PUT", "/v2/groups/g?force=true", {"version": first})
    assert (await api("GET", "/v2/apps/g/a")).json["app"]["instances"] == 2
    circle = await api(
        "PUT",
        "/v2/groups/c",
        {"apps": [APP | {"id": "x", "dependencies": ["y"]}, APP | {"id": "y", "dependencies": ["x"]}]},
    )
    assert circle.status == 422
    assert (await api("DELETE", "/v2/groups/g?force=true")).status == 200
    assert (await api("GET", "/v2/groups/g")).status == 404


@api_test
async def test_events(api: Api) -> None:
    headers = {"Accept": "text/event-stream"}
    async with api.session.get(f"{api.url}/v2/events?event_type=api_post_event", headers=headers) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        await api("POST", "/v2/apps", APP)
        assert await stream.content.readline() == b"event: api_post_event\r\n"
        event = json.loads((await stream.content.readline()).removeprefix(b"data: "))
    assert event["appDefinition"]["id"] == "/a"
    assert (event["uri"], event["clientIp"]) == ("/v2/apps", "127.0.0.1")
    assert event["timestamp"].endswith("Z")


@api_test
async def test_what_there_is_to_know_of_it(api: Api) -> None:
    assert (await api("GET", "/ping")).body == b"pong"
    assert (await api("GET", "/v2/leader")).json == {"leader": "127.0.0.1:1"}
    assert (await api("GET", "/v2/plugins")).json == {"plugins": []}
    await api("POST", "/v2/apps", APP)
    gauges = (await api("GET", "/metrics")).json["gauges"]
    assert gauges["service.mesosphere.marathon.app.count"] == {"value": 1}
    assert b"\nservice_mesosphere_marathon_app_count 1\n" in (await api("GET", "/metrics/prometheus")).body


def test_no_credentials_of_zookeeper_are_shown() -> None:
    async def check() -> None:
        async with serving("--zk", "zk://me:secret@zk1:2181/marathon") as api:
            info = await api("GET", "/v2/info")
            assert b"secret" not in info.body
            assert info.json["zookeeper_config"]["zk"] == "zk://zk1:2181/marathon"

    asyncio.run(check())


def test_authentication_and_origins() -> None:
    async def check() -> None:
        flags = ("--http_credentials", "me:secret", "--access_control_allow_origin", "http://page")
        async with serving(*flags) as api:
            refused = await api("GET", "/v2/apps")
            assert refused.status == 401
            assert refused.headers["WWW-Authenticate"] == 'Basic realm="Mesosphere"'
            me = {"Authorization": "Basic bWU6c2VjcmV0"}
            answer = await api("GET", "/v2/apps", **me, Origin="http://page")
            assert answer.status == 200
            assert answer.headers["Access-Control-Allow-Origin"] == "http://page"
            assert "Access-Control-Allow-Origin" not in (await api("GET", "/v2/apps", **me, Origin="http://x")).headers

    asyncio.run(check())


@api_test
async def test_a_mistake_of_ours_is_said_as_one(api: Api) -> None:
    api.context.core = object()  # type: ignore[assignment]
    answer = await api("GET", "/v2/apps")
    assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})


def test_without_a_leader() -> None:
    async def check() -> None:
        async with serving(leads=False) as api:
            answer = await api("GET", "/v2/apps")
            assert (answer.status, answer.json) == (503, {"message": "Could not determine the current leader"})
            assert (await api("GET", "/ping")).status == 200

    asyncio.run(check())


def test_events_are_posted() -> None:
    async def check() -> None:
        got: asyncio.Queue[Any] = asyncio.Queue()

        async def take(request: web.Request) -> web.Response:
            got.put_nowait(await request.json())
            return web.Response()

        listener = web.Application()
        listener.router.add_post("/events", take)
        async with serving("--event_subscriber", "http_callback") as api, TestServer(listener) as server:
            url = str(server.make_url("/events"))
            subscribed = await api("POST", f"/v2/eventSubscriptions?callbackUrl={url}")
            assert subscribed.json["eventType"] == "subscribe_event"
            assert (await api("GET", "/v2/eventSubscriptions")).json == {"callbackUrls": [url]}
            assert api.context.archive.subscribers == [url]
            await api("POST", "/v2/apps", APP)
            while (event := await got.get())["eventType"] != "api_post_event":
                pass
            assert event["appDefinition"]["id"] == "/a"
            await api("DELETE", f"/v2/eventSubscriptions?callbackUrl={url}")
            assert (await api("GET", "/v2/eventSubscriptions")).json == {"callbackUrls": []}
            assert (await api("POST", "/v2/eventSubscriptions?callbackUrl=ftp://x")).status == 422

    asyncio.run(check())


def test_no_more_apps_than_allowed() -> None:
    async def check() -> None:
        async with serving("--max_apps", "1") as api:
            assert (await api("POST", "/v2/apps", APP)).status == 201
            assert (await api("POST", "/v2/apps", {**APP, "id": "/b"})).status == 403
            assert (await api("PUT", "/v2/apps/a?force=true", {"instances": 2})).status == 200

    asyncio.run(check())


LABELS = {"tier": "front", "a.b": "x y", "n": "1"}
SELECTORS = [
    ("tier", True),
    ("none", False),
    ("tier==front", True),
    ("tier == front, n", True),
    ("tier!=front", False),
    ("tier in (back, front)", True),
    ("tier notin (back, front)", False),
    ("tier notin (back)", True),
    ("none notin (back)", False),
    (r"a.b==x\ y", True),
]


@pytest.mark.parametrize(("text", "expected"), SELECTORS)
def test_selectors(text: str, expected: bool) -> None:
    assert selector(text)(LABELS) is expected
