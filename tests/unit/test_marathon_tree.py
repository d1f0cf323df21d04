"""The tree of groups, the service ports in it, and what is true of every definition."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesosctl.runtime.marathon.model import (
    App,
    Group,
    InvalidJson,
    Pod,
    PodContainer,
    ValidationError,
    VersionInfo,
    app_json,
    apps,
    assign_service_ports,
    config_version,
    dependency_order,
    find_app,
    find_group,
    find_pod,
    group_json,
    needs_restart,
    only_scales,
    parse_app,
    parse_group,
    parse_pod,
    pods,
    put,
    remove,
    update_app,
    update_group,
    validate,
    validate_group,
    validate_pod,
)

NGINX: dict[str, Any] = {
    "id": "nginx",
    "constraints": [["hostname", "UNIQUE", ""]],
    "container": {
        "type": "DOCKER",
        "docker": {
            "image": "nginx",
            "network": "BRIDGE",
            "portMappings": [{"containerPort": 80, "hostPort": 0, "servicePort": 0, "protocol": "tcp"}],
        },
    },
}
replace = msgspec.structs.replace


def test_put_makes_groups_and_remove_leaves_them() -> None:
    root = put(put(Group(), App("/a/b/c", cmd="x")), App("/a/d", cmd="y"))
    assert sorted(apps(root)) == ["/a/b/c", "/a/d"]
    assert find_app(root, "/a/b/c") == App("/a/b/c", cmd="x")
    assert find_app(root, "/a/b") is None
    without = remove(root, "/a/b/c")
    assert sorted(apps(without)) == ["/a/d"]
    assert find_group(without, "/a/b") == Group("/a/b")
    assert find_group(remove(root, "/a/b"), "/a/b") is None
    assert apps(remove(root, "/")) == {}
    assert remove(root, "/z/y") == root


def test_trees_share_what_is_not_touched() -> None:
    root = put(put(Group(), App("/a/b")), App("/c/d"))
    changed = put(root, App("/a/b", cmd="x"))
    assert changed.groups["/c"] is root.groups["/c"]
    assert root.groups["/a"].apps["/a/b"].cmd is None


def test_pods_stand_in_the_tree_and_stay_when_a_group_is_updated() -> None:
    pod = Pod("/g/p", (PodContainer("c"),))
    root = update_group(put(Group(), pod), "/g", {"apps": [{"id": "a", "cmd": "x"}]})
    assert pods(root) == {"/g/p": pod}
    assert find_pod(root, "/g/p") is pod
    assert validate_group(put(root, replace(pod, id="/g/a"))) != []
    assert find_pod(remove(root, "/g/p"), "/g/p") is None


def test_a_group_is_read_as_it_was_written() -> None:
    root = parse_group({"id": "/", "groups": [{"id": "g", "dependencies": ["/h"], "apps": [{"id": "a", "cmd": "x"}]}]})
    written = group_json(root)
    assert written["groups"][0]["id"] == "/g"
    assert list(written) == ["id", "dependencies", "version", "apps", "groups", "pods"]
    assert parse_group(written) == root


def test_service_ports_are_given_once_and_kept() -> None:
    first = assign_service_ports(Group(), put(Group(), parse_app(NGINX)), 10000, 10003)
    assert find(first, "/nginx").service_ports == (10000,)
    again = put(first, update_app(find(first, "/nginx"), NGINX))
    assert assign_service_ports(first, again, 10000, 10003) == first
    two = put(first, parse_app({"id": "/b", "cmd": "x", "ports": [0, 10001]}))
    second = assign_service_ports(first, two, 10000, 10003)
    assert find(second, "/b").service_ports == (10002, 10001)
    with pytest.raises(ValidationError, match="local_port_min"):
        assign_service_ports(second, put(second, parse_app({"id": "/c", "cmd": "x"})), 10000, 10003)


def test_an_added_port_leaves_the_others() -> None:
    before = assign_service_ports(Group(), put(Group(), parse_app({"id": "/a", "cmd": "x", "ports": [0, 0]})), 10, 20)
    after = put(before, update_app(find(before, "/a"), {"ports": [0, 0, 0]}))
    assert find(assign_service_ports(before, after, 10, 20), "/a").service_ports == (10, 11, 12)


def test_new_apps_do_not_take_the_ports_of_others_in_the_same_change() -> None:
    before = assign_service_ports(Group(), put(Group(), parse_app(NGINX)), 10000, 10003)
    after = update_group(before, "/", {"apps": [{"id": "first", "cmd": "x"}, NGINX]})
    assigned = assign_service_ports(before, after, 10000, 10003)
    assert find(assigned, "/nginx") == find(before, "/nginx")
    assert find(assigned, "/first").service_ports == (10001,)


def test_a_required_port_of_nought_is_any_of_the_host() -> None:
    root = put(Group(), parse_app({"id": "/a", "cmd": "x", "ports": [0], "requirePorts": True}))
    assert assign_service_ports(Group(), root, 10, 20) is root


def find(root: Group, id: str) -> App:
    app = find_app(root, id)
    assert app is not None
    return app


def test_scaling_keeps_the_version_of_the_configuration() -> None:
    old = replace(parse_app(NGINX), version="2", versionInfo=VersionInfo("2", "1"))
    scaled = update_app(old, {"instances": 5})
    assert config_version(scaled) == "1"
    assert only_scales(old, scaled)
    restarted = replace(old, version="3", versionInfo=VersionInfo("3", "3"))
    assert needs_restart(old, restarted)
    assert not only_scales(old, restarted)


def test_a_resident_app_keeps_what_is_reserved_for_it() -> None:
    volumes = [{"containerPath": "data", "persistent": {"size": 10}}]
    old = put(Group(), parse_app({"id": "/a", "cmd": "x", "container": {"volumes": volumes}}))
    app = find(old, "/a")
    assert validate_group(put(old, update_app(app, {"instances": 3, "cmd": "y"})), old) == []
    more = {"cpus": 2, "container": {"volumes": [{"containerPath": "data", "persistent": {"size": 20}}]}}
    wrong = validate_group(put(old, update_app(app, more)), old)
    assert [violation.path for violation in wrong] == ["/container/volumes", "/cpus"]
    assert validate_group(put(old, update_app(app, more)), Group()) == []


def test_long_chains_of_dependencies() -> None:
    chain: list[dict[str, Any]] = [{"id": f"a{i}", "cmd": "x", "dependencies": [f"a{i - 1}"]} for i in range(1, 2000)]
    root = parse_group({"id": "/", "apps": [{"id": "a0", "cmd": "x"}, *chain]})
    assert dependency_order(root) == [(f"/a{i}",) for i in range(2000)]


@pytest.mark.parametrize("shape", ["groups", "lists"])
def test_what_is_nested_too_deeply_is_refused(shape: str) -> None:
    raw: Any = {"id": "g"}
    for _ in range(400):
        raw = {"id": "g", "groups": [raw]} if shape == "groups" else [raw]
    with pytest.raises(InvalidJson, match="nested"):
        update_group(Group(), "/g", raw)
    with pytest.raises(InvalidJson, match="nested"):
        parse_app(raw)


WORDS = st.sampled_from(["", "a", "A_b", "http", "TCP", "host", "container", "disabled", "RW", "/x", "1", "nginx"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70000) | st.sampled_from([0.1, 1e300, -1.5, 2.0]) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


def some(needed: dict[str, Any] | None = None, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these fields, and all that are needed."""
    return st.fixed_dictionaries(needed or {}, optional=fields)


PORT = st.sampled_from([0, 0, 0, 80, 443, 31000])
NAME = st.sampled_from(["http", "https", "default"])
LABELS = st.dictionaries(st.sampled_from(["a", "b"]), WORDS, max_size=2)
MAPPING = some(containerPort=PORT, hostPort=PORT, servicePort=PORT, name=NAME, labels=LABELS, protocol=st.just("udp"))
MAPPINGS = st.lists(MAPPING, max_size=2)
DOCKER = {"image": st.just("nginx")}
TYPE = st.just("DOCKER")
VOLUMES = st.lists(
    st.sampled_from(
        [{"containerPath": "d", "persistent": {"size": 10}}, {"containerPath": "/d", "hostPath": "/x", "mode": "RO"}]
    ),
    max_size=2,
)
CHECK = some(
    protocol=st.sampled_from(["HTTP", "TCP", "MESOS_HTTP"]), portIndex=st.sampled_from([0, 1]), port=PORT, path=NAME
)
BASE: dict[str, Any] = {
    "cmd": st.just("sleep 1"),
    "cpus": st.sampled_from([0.1, 1, 2.0]),
    "instances": st.integers(0, 5),
    "constraints": st.lists(st.sampled_from([["hostname", "UNIQUE", ""], ["rack", "GROUP_BY", "2"]]), max_size=2),
    "healthChecks": st.lists(CHECK, max_size=2),
    "env": LABELS,
    "labels": LABELS,
    "requirePorts": st.booleans(),
    "dependencies": st.just(["b"]),
    "unreachableStrategy": st.sampled_from(["disabled", {"inactiveAfterSeconds": 1, "expungeAfterSeconds": 2}]),
}
ID = st.sampled_from(["a", "/g/a", "../a"])
OLD = some(
    {
        "id": ID,
        "container": some({"docker": some(DOCKER, network=st.just("BRIDGE"), portMappings=MAPPINGS)}, type=TYPE),
    },
    ports=st.lists(PORT, max_size=2),
    uris=st.just(["http://h/a.zip"]),
    **BASE,
)
OLDER = some(
    {"id": ID, "args": st.just(["x"])},
    ipAddress=some({"networkName": st.just("n")}, labels=LABELS, discovery=st.just({"ports": [{"name": "http"}]})),
    ports=st.lists(PORT, max_size=1),
    **BASE,
)
NEW = some(
    {"id": ID, "container": some({"docker": some(DOCKER)}, volumes=VOLUMES, portMappings=MAPPINGS)},
    networks=st.sampled_from([[{"mode": "host"}], [{"mode": "container/bridge"}], [{"name": "n"}], []]),
    portDefinitions=st.lists(some(port=PORT, name=NAME, labels=LABELS), max_size=2),
    fetch=st.just([{"uri": "http://h/b"}]),
    upgradeStrategy=st.just({"maximumOverCapacity": 0, "minimumHealthCapacity": 0.5}),
    **BASE,
)
APP = OLD | OLDER | NEW


@settings(deadline=None, max_examples=300)
@given(APP)
def test_what_is_accepted_reads_back_and_what_is_refused_says_where(raw: dict[str, Any]) -> None:
    try:
        app = parse_app(raw)
        if wrong := validate(app):
            raise ValidationError(*wrong)
    except (InvalidJson, ValidationError) as error:
        details = error.body()["details"]
        assert isinstance(details, list)
        assert all(detail["path"].startswith("/") and all(detail["errors"]) for detail in details)
        return
    written = json.loads(json.dumps(app_json(app), allow_nan=False))
    assert parse_app(written) == app
    assert update_app(app, written) == app
    assert update_app(app, written, partial=False) == app
    assert update_app(app, raw, partial=False) == app
    assert update_app(app, {}) == app


@settings(deadline=None, max_examples=150)
@given(APP, APP)
def test_every_update_is_taken_or_refused(old: dict[str, Any], new: dict[str, Any]) -> None:
    try:
        app = update_app(parse_app({"id": "/g/a", **old}), new)
    except (InvalidJson, ValidationError):
        return
    assert app.container is None or (app.network == "host") == (app.container.portMappings is None)
    assert (app.network == "host") == (app.portDefinitions is not None)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.sampled_from(sorted({*App.__struct_fields__, *Pod.__struct_fields__, "groups"})), VALUES))
def test_nothing_but_a_refusal_comes_of_nonsense(raw: dict[str, Any]) -> None:
    for read in (
        lambda: validate(parse_app({"id": "/a", **raw})),
        lambda: validate_pod(parse_pod({"id": "/a", "containers": [{"name": "c"}], **raw})),
        lambda: validate_group(update_group(Group(), "/g", raw)),
    ):
        with suppress(InvalidJson, ValidationError):
            read()
