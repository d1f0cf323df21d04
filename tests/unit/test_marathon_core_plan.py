"""The steps of deployments, and that dependencies are kept while they run."""

from __future__ import annotations

from typing import Any

import pytest

from mesosctl.runtime.marathon.core.planning import plan
from mesosctl.runtime.marathon.core.records import Deployment
from mesosctl.runtime.marathon.core.versions import next_version, versioned
from mesosctl.runtime.marathon.model import Group, ValidationError, apps, parse_group
from tests.unit.marathon_core import World

V1, V2 = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"


def tree(*raws: dict[str, Any], **more: Any) -> Group:
    return parse_group({"id": "/", "apps": [{"cmd": "x", **raw} for raw in raws], **more})


def shown(deployment: Deployment) -> str:
    """`Start a b | Scale a | …`"""
    return " | ".join(
        ", ".join(f"{action.name.removesuffix('Application')} {action.app}" for action in step.actions)
        for step in deployment.steps
    )


EMPTY = Group(version=V1)
A, B = {"id": "a"}, {"id": "b"}


@pytest.mark.parametrize(
    ("before", "after", "steps"),
    [
        ([], [A], "Start /a | Scale /a"),
        ([], [A, B], "Start /a, Start /b | Scale /a, Scale /b"),
        ([A], [A], ""),
        ([A], [], "Stop /a"),
        ([A], [B], "Stop /a | Start /b | Scale /b"),
        ([A], [{**A, "instances": 5}], "Scale /a"),
        ([A], [{**A, "cmd": "y"}], "Restart /a"),
        ([A], [{**A, "cmd": "y", "instances": 2}], "Restart /a"),
        ([A], [{**A, "labels": {"k": "v"}}], "Restart /a"),
        ([], [{**A, "dependencies": ["/b"]}, B], "Start /a, Start /b | Scale /b | Scale /a"),
        (
            [{**A, "dependencies": ["/b"]}, B],
            [{**A, "dependencies": ["/b"], "cmd": "y"}, {**B, "cmd": "y"}],
            "Restart /b | Restart /a",
        ),
        ([A, B], [{**A, "cmd": "y"}, {**B, "instances": 2}], "Restart /a, Scale /b"),
    ],
)
def test_steps(before: list[dict[str, Any]], after: list[dict[str, Any]], steps: str) -> None:
    old = versioned(EMPTY, tree(*before), V1)
    new = versioned(old, tree(*after), V2)
    assert shown(plan("id", old, new, V2)) == steps


def test_versions_are_those_of_the_change() -> None:
    one = versioned(EMPTY, tree(A, groups=[{"id": "g", "apps": [{"id": "c", "cmd": "x"}]}]), V1)
    two = versioned(one, tree({**A, "cmd": "y"}, groups=[{"id": "g", "apps": [{"id": "c", "cmd": "x"}]}]), V2)
    assert (two.version, two.groups["/g"].version) == (V2, V1)
    assert {id: app.version for id, app in apps(two).items()} == {"/a": V2, "/g/c": V1}
    assert versioned(two, two, "2026-01-03T00:00:00.000Z") is two


@pytest.mark.parametrize(
    ("now", "last", "version"),
    [
        (1_767_225_600.0, V1, "2026-01-01T00:00:00.001Z"),
        (1_767_225_600.1234, V1, "2026-01-01T00:00:00.123Z"),
        (1.0, V1, "2026-01-01T00:00:00.001Z"),
        (1_767_225_600.0, "", V1),
    ],
)
def test_versions_never_go_back(now: float, last: str, version: str) -> None:
    assert next_version(now, last) == version


def test_apps_are_started_after_those_they_depend_on() -> None:
    world = World()
    world.put(
        {"id": "/shop/web", "cmd": "x", "dependencies": ["/shop/logic"]},
        {"id": "/shop/logic", "cmd": "x", "dependencies": ["/db"]},
        {"id": "/db", "cmd": "x", "cpus": 0.1},
    )
    for app_id in ("/db", "/shop/logic", "/shop/web"):
        assert [item.app.id for item in world.marathon.queue()] == [app_id]
        for task in world.offer():
            world.status(task.task_id.value)
    assert not world.marathon.deployments


def test_what_depends_on_a_group_waits_for_all_in_it() -> None:
    world = World()
    group = {
        "id": "/",
        "groups": [
            {"id": "db", "apps": [{"id": "a", "cmd": "x", "cpus": 0.1}, {"id": "b", "cmd": "x", "cpus": 0.1}]},
            {"id": "web", "dependencies": ["/db"], "apps": [{"id": "c", "cmd": "x", "cpus": 0.1}]},
        ],
    }
    deployment = world.marathon.update_root(lambda _: parse_group(group))
    assert shown(deployment) == ("Start /db/a, Start /db/b, Start /web/c | Scale /db/a, Scale /db/b | Scale /web/c")
    world.settle()
    assert len(world.marathon.instances()) == 3
    stopping = world.delete("/db")
    assert shown(stopping) == "Stop /db/a, Stop /db/b"


def test_a_circle_of_dependencies_is_refused() -> None:
    world = World()
    with pytest.raises(ValidationError) as caught:
        world.put({"id": "a", "cmd": "x", "dependencies": ["/b"]}, {"id": "b", "cmd": "x", "dependencies": ["/a"]})
    assert "cyclic dependencies" in caught.value.violations[0].message
    assert not world.marathon.apps


def test_an_empty_group_is_made_and_removed() -> None:
    world = World()
    made = world.marathon.update_root(lambda root: parse_group({"id": "/", "groups": [{"id": "g"}]}))
    assert shown(made) == ""
    assert list(world.marathon.root.groups) == ["/g"]
    assert world.marathon.root.groups["/g"].version == made.version
    world.delete("/g")
    assert not world.marathon.root.groups


def test_a_deletion_that_is_taken_back() -> None:
    world = World()
    group = {
        "id": "/",
        "groups": [
            {"id": "db", "apps": [{"id": "a", "cmd": "x", "cpus": 0.1}], "groups": [{"id": "empty"}]},
            {"id": "web", "dependencies": ["/db"], "apps": [{"id": "c", "cmd": "x", "cpus": 0.1}]},
        ],
    }
    world.marathon.update_root(lambda _: parse_group(group))
    world.settle()
    before = {instance.id for instance in world.running("/web/c")}
    deletion = world.marathon.update_root(lambda root: Group(root.id, version=root.version))
    world.marathon.cancel(deletion.id)
    world.settle()
    assert set(world.marathon.apps) == {"/db/a", "/web/c"}
    assert world.marathon.root.groups["/web"].dependencies == ("/db",)
    assert list(world.marathon.root.groups["/db"].groups) == ["/db/empty"]
    assert not world.marathon.deployments
    assert len(world.running("/db/a")) == len(world.running("/web/c")) == 1
    assert before != {instance.id for instance in world.running("/web/c")}  # its kill had been sent
