"""What clients may send to Marathon: taken, it reads back, is the same when sent again, and runs; refused, it is said
which field is wrong; and never an error of ours.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import string
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.marathon_api import Api, api_test, serving

Json = dict[str, Any]
Check = Callable[[Callable[[Api], Awaitable[None]]], None]

CHANGES = [
    ("POST", "/v2/apps"),
    ("PUT", "/v2/apps"),
    ("PATCH", "/v2/apps"),
    ("PUT", "/v2/apps/there"),
    ("PATCH", "/v2/apps/there"),
    ("PUT", "/v2/apps/there?partialUpdate=false"),
    ("POST", "/v2/groups"),
    ("PUT", "/v2/groups"),
    ("PUT", "/v2/groups/g"),
    ("PUT", "/v2/groups/g?dryRun=true"),
    ("POST", "/v2/groups/g/h"),
    ("POST", "/v2/tasks/delete"),
    ("POST", "/logging"),
]
NEVER_JSON = [
    b"", b"{", b"[1,", b"nul", b"{'a': 1}", b"\x00", b"\xff\xfe{}", b'{"id": "\xff"}', b'{"id": "\\ud800"}', b"{}{}",
    b"[" * 100_000, b'{"a":' * 100_000, b"NaN", b'{"cpus": Infinity}', gzip.compress(b"{}"),
]  # fmt: skip
NEVER_A_DEFINITION = [
    b"null", b"1", b"-1e999", b'"text"', b"true", b"[]", b"[[]]", b"[null]", b"[1]", b'[{"id": null}]',
    b'{"id": {}}', b'{"id": []}', b'{"id": 1e400}', b'{"ids": {}}', b'{"ids": [1]}', b'{"apps": {}}',
    b'{"apps": [1]}', b'{"groups": [[]]}', b'{"groups": [{"id": 1}]}', b'{"scaleBy": "x"}', b'{"dependencies": [1]}',
    b'{"scaleBy": 1e400}', b'{"instances": 1e30}',
]  # fmt: skip
PATHS = [
    "/v2/apps/%00", "/v2/apps/%ff", "/v2/apps/%2F%2F", "/v2/apps/%2e%2e", "/v2/apps/*/*", "/v2/apps/*", "/v2/apps//",
    "/v2/apps/a%0Ab", "/v2/apps/%ed%a0%80", "/v2/apps/" + "a" * 4000, "/v2/apps/there/versions/%00",
    "/v2/apps/there/versions/2026-13-45", "/v2/apps/there/tasks/%00", "/v2/groups/%00", "/v2/groups/%2e%2e/%2e%2e",
    "/v2/groups/versions/x", "/v2/groups/g/versions/%ff", "/v2/apps?label=%00", "/v2/apps?label=a%20in%20(",
    "/v2/apps?embed=",
    "/v2/apps?id=%ff", "/v2/apps?cmd=%ff&label=(((", "/v2/tasks?status=&status[]=%00", "/v2/queue?embed=%ff",
    "/v2/deployments?force=%00", "/v2/nothing", "/v2", "/v2/", "/%00",
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_bad_bodies(method: str, path: str) -> None:
    async def check(api: Api) -> None:
        await api("POST", "/v2/apps", {"id": "/there", "cmd": "x", "instances": 0})
        await api("POST", "/v2/groups", {"id": "/g"})
        before = (await api("GET", "/v2/groups")).json
        for body in NEVER_JSON:
            answer = await api(method, path, body)
            assert answer.status == 400, body[:50]
            assert answer.json["message"] == "Invalid JSON", body[:50]
            assert answer.json["details"], body[:50]
        assert (await api("GET", "/v2/groups")).json == before
        for body in NEVER_A_DEFINITION:
            answer = await api(method, path, body)
            assert answer.status < 500, (body, answer.body)
            if answer.status >= 400:
                assert answer.json["message"], body
        encoded = await api(method, path, b"no gzip", Content_Encoding="gzip")
        assert encoded.status == 415

    api_test(check)()


@api_test
async def test_bad_paths(api: Api) -> None:
    await api("POST", "/v2/apps", {"id": "/there", "cmd": "x", "instances": 0})
    for path in PATHS:
        for method, body in (("GET", None), ("PUT", {"cmd": "x", "instances": 0}), ("POST", {}), ("DELETE", None)):
            answer = await api(method, path, body)
            assert answer.status < 500, (method, path, answer.body)
            if answer.status >= 400:
                assert answer.json["message"], (method, path)
    assert {app["id"] for app in (await api("GET", "/v2/apps")).json["apps"]} <= {"/there", "/v2"}


# Definitions.

NAMES = st.text("abc019", min_size=1, max_size=3)
TEXTS = st.text(min_size=1, max_size=8)
SMALL = st.integers(-1, 5)
PORTS = st.sampled_from([0, 0, 80, 8080, 31005, 65535, 65536, -1])
FRACTIONS = st.sampled_from([0, 0.1, 0.5, 1, 1.0, 1.5, -1, 1e300])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=5,
)
LABELS = st.dictionaries(TEXTS, st.text(max_size=5), max_size=2)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


PROTOCOLS = st.sampled_from(["tcp", "udp", "udp,tcp"])
PORT_DEFINITIONS = st.lists(some(port=PORTS, labels=LABELS, name=NAMES, protocol=PROTOCOLS), max_size=3)
PORT_MAPPINGS = st.lists(
    some(containerPort=PORTS, hostPort=PORTS, servicePort=PORTS, labels=LABELS, name=NAMES, protocol=PROTOCOLS),
    max_size=3,
)
NETWORKS = st.one_of(
    st.just([{"mode": "container/bridge"}]),
    st.just([{"mode": "host"}]),
    st.lists(st.fixed_dictionaries({"mode": st.just("container"), "name": NAMES}), min_size=1, max_size=2),
    st.lists(
        some(name=NAMES, mode=st.sampled_from(["container", "host", "container/bridge"]), labels=LABELS), max_size=2
    ),
)
VOLUMES = st.lists(
    some(containerPath=NAMES, hostPath=NAMES, mode=st.sampled_from(["RO", "RW"]), external=JUNK), max_size=2
)
DOCKER = st.fixed_dictionaries(
    {"image": st.sampled_from(["nginx", "nginx", "a/b:1", ""])},
    optional={
        "forcePullImage": st.booleans(),
        "privileged": st.booleans(),
        "parameters": st.lists(st.fixed_dictionaries({"key": NAMES, "value": TEXTS}), max_size=2),
        "network": st.sampled_from(["BRIDGE", "HOST", "USER", "NONE"]),
        "portMappings": PORT_MAPPINGS,
    },
)
CONTAINER = some(type=st.sampled_from(["MESOS", "DOCKER"]), docker=DOCKER, volumes=VOLUMES, portMappings=PORT_MAPPINGS)
HEALTH_CHECKS = st.lists(
    some(
        protocol=st.sampled_from(["HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_HTTP", "MESOS_HTTPS", "MESOS_TCP"]),
        path=st.sampled_from(["/", "/health", ""]),
        portIndex=SMALL,
        port=PORTS,
        command=some(value=st.sampled_from(["true", ""])),
        gracePeriodSeconds=SMALL,
        intervalSeconds=SMALL,
        timeoutSeconds=SMALL,
        maxConsecutiveFailures=SMALL,
        delaySeconds=SMALL,
        ignoreHttp1xx=st.booleans(),
    ),
    max_size=2,
)
CONSTRAINTS = st.lists(
    st.tuples(
        st.sampled_from(["hostname", "rack", "@zone", ""]),
        st.sampled_from(["UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "UNLIKE", "MAX_PER", "IS", "like", "NEAR"]),
        st.sampled_from(["", "a1", "2", "a.*", "["]),
    ).map(list),
    max_size=2,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "acceptedResourceRoles": st.lists(st.sampled_from(["*", "web"]), max_size=2),
    "args": st.lists(TEXTS, max_size=2),
    "backoffFactor": FRACTIONS,
    "backoffSeconds": SMALL,
    "constraints": CONSTRAINTS,
    "container": CONTAINER,
    "cpus": FRACTIONS,
    "dependencies": st.lists(st.sampled_from(["/there", "other", "../x", "B"]), max_size=2),
    "disk": FRACTIONS,
    "env": st.dictionaries(TEXTS, st.text(max_size=5) | st.just({"secret": "s"}), max_size=2),
    "executor": st.sampled_from(["", "//cmd", "/bin/run", "/"]),
    "fetch": st.lists(
        some(uri=st.sampled_from(["http://h/a.tgz", "a b"]), extract=st.booleans(), destPath=NAMES), max_size=2
    ),
    "gpus": st.integers(0, 1),
    "healthChecks": HEALTH_CHECKS,
    "instances": SMALL,
    "ipAddress": some(networkName=NAMES, labels=LABELS),
    "killSelection": st.sampled_from(["YOUNGEST_FIRST", "OLDEST_FIRST", "ANY"]),
    "labels": LABELS,
    "maxLaunchDelaySeconds": SMALL,
    "mem": FRACTIONS,
    "networks": NETWORKS,
    "portDefinitions": PORT_DEFINITIONS,
    "ports": st.lists(PORTS, max_size=3),
    "readinessChecks": st.lists(
        some(name=NAMES, path=st.just("/ready"), portName=NAMES, intervalSeconds=SMALL, timeoutSeconds=SMALL),
        max_size=1,
    ),
    "requirePorts": st.booleans(),
    "taskKillGracePeriodSeconds": SMALL,
    "tty": st.booleans(),
    "unreachableStrategy": st.just("disabled") | some(inactiveAfterSeconds=SMALL, expungeAfterSeconds=SMALL),
    "upgradeStrategy": some(minimumHealthCapacity=FRACTIONS, maximumOverCapacity=FRACTIONS),
    "uris": st.lists(st.sampled_from(["http://h/a.tgz", "b"]), max_size=2),
    "user": st.sampled_from(["root", ""]),
}


@st.composite
def definitions(draw: st.DrawFn) -> Json:
    """Mostly right ones, of a few fields."""
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=5, unique=True))
    raw: Json = {"id": "/tried", "cmd": "sleep 1", **{name: draw(FIELDS[name]) for name in names}}
    if draw(st.integers(0, 5)) == 0:
        name = draw(st.sampled_from(sorted(raw)))
        raw[name] = draw(JUNK)
    return raw


@pytest.fixture
def running() -> Iterator[Check]:
    """Runs checks against one Marathon."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        api = runner.run(stack.enter_async_context(serving()))
        yield lambda check: runner.run(_awaited(check, api))
        runner.run(stack.aclose())


async def _awaited(check: Callable[[Api], Awaitable[None]], api: Api) -> None:
    await api("DELETE", "/v2/groups?force=true")
    await api.settle()
    await check(api)


def refused_well(status: int, body: Json) -> None:
    """It is said what is wrong, and where."""
    assert status in (400, 422), body
    assert body["message"] in ("Invalid JSON", "Object is not valid")
    assert body["details"]
    for each in body["details"]:
        assert each["path"].startswith("/")
        assert each["errors"]
        assert all(each["errors"])


async def same_again(api: Api, raw: Json) -> None:
    """Neither what was sent nor what is read changes anything when it is sent once more."""
    app = (await api("GET", "/v2/apps/tried")).json["app"]
    told = ("tasks", "deployments", "lastTaskFailure", "version", "versionInfo", "readinessCheckResults")
    read = {name: value for name, value in app.items() if name not in told and not name.startswith("tasks")}
    for query in ("?force=true", "?force=true&partialUpdate=false"):
        for sent in (raw, read):
            again = await api("PUT", f"/v2/apps/tried{query}", sent)
            assert again.status == 200, (again.body, sent)
            assert (await api("GET", "/v2/apps/tried")).json["app"]["version"] == app["version"], (query, sent, app)


async def deployed(api: Api) -> None:
    """All instances run, or it is known what they wait for."""
    await api.settle()
    marathon = api.context.marathon
    app = marathon.apps["/tried"]
    if queue := marathon.queue():
        assert any(declined for declined, _ in queue[0].reject_launch_attempt.values()), queue
    else:
        assert len(marathon.instances("/tried")) == app.instances
        assert not marathon.deployments or app.healthChecks or app.readinessChecks, "Checks take their time"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=definitions())
def test_definitions(running: Check, raw: Json) -> None:
    async def check(api: Api) -> None:
        answer = await api("POST", "/v2/apps", raw)
        if answer.status != 201:
            refused_well(answer.status, answer.json)
            return
        read = (await api("GET", "/v2/apps/tried")).json["app"]
        same = answer.json.keys() - {"tasks", "deployments"}
        assert {name: read[name] for name in same} == {name: answer.json[name] for name in same}
        await deployed(api)
        await same_again(api, raw)
        assert (await api("DELETE", "/v2/apps/tried?force=true")).status == 200
        await api.settle()
        assert not api.context.marathon.deployments
        assert not api.context.marathon.instances()

    running(check)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    apps=st.lists(definitions(), max_size=2),
    more=some(
        dependencies=st.lists(st.sampled_from(["/there", "x", ".."]), max_size=2), scaleBy=FRACTIONS, groups=JUNK
    ),
)
def test_groups(running: Check, apps: list[Json], more: Json) -> None:
    async def check(api: Api) -> None:
        named = [{**app, "id": f"app-{index}"} for index, app in enumerate(apps)]
        raw = {**more, "apps": named}
        answer = await api("PUT", "/v2/groups/tried", raw)
        dry = await api("PUT", "/v2/groups/tried?dryRun=true", raw)
        if answer.status != 200:
            refused_well(answer.status, answer.json)
            refused_well(dry.status, dry.json)
            return
        group = (await api("GET", "/v2/groups/tried")).json
        if "scaleBy" not in raw:
            assert [app["id"] for app in group["apps"]] == [f"/tried/{app['id']}" for app in named]
            assert dry.json == {"steps": []}
            await api("PUT", "/v2/groups/tried?force=true", raw)
            assert (await api("GET", "/v2/groups/tried")).json == group
        assert (await api("DELETE", "/v2/groups/tried?force=true")).status == 200
        await api.settle()
        assert not api.context.marathon.instances()

    running(check)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JUNK, target=st.sampled_from(CHANGES))
def test_anything(running: Check, body: Any, target: tuple[str, str]) -> None:
    async def check(api: Api) -> None:
        method, path = target
        answer = await api(method, path, json.dumps(body).encode())
        assert answer.status < 500, answer.body
        if answer.status >= 400:
            assert answer.json["message"]

    running(check)


def test_strings_of_all_kinds_are_kept(running: Check) -> None:
    async def check(api: Api) -> None:
        odd = {"a b": "\x00\t\n", "ü": "\U0001f600", "'": '"\\', string.punctuation: "\u2028"}
        made = await api("POST", "/v2/apps", {"id": "/tried", "cmd": "x", "instances": 0, "env": odd, "labels": odd})
        assert made.status == 201
        app = (await api("GET", "/v2/apps/tried")).json["app"]
        assert app["env"] == app["labels"] == odd

    running(check)
