"""What Marathon's store keeps: the next leader finds what was recorded, and versions as far back as asked."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from mesosctl.runtime.marathon.core.outside import (
    DeploymentAdded,
    DeploymentRemoved,
    InstanceChanged,
    InstanceRemoved,
    RootChanged,
)
from mesosctl.runtime.marathon.core.records import (
    Action,
    AgentRecord,
    Condition,
    Deployment,
    Instance,
    Step,
    TaskRecord,
)
from mesosctl.runtime.marathon.model import App, Group, put, remove
from mesosctl.runtime.marathon.store.archive import Archive
from mesosctl.runtime.marathon.store.records import write
from mesosctl.runtime.protocol.basics import TaskID
from mesosctl.runtime.protocol.tasks import TaskState, TaskStatus
from tests.unit.marathon_core import World

TINY: dict[str, Any] = {"cmd": "sleep 1", "cpus": 0.01, "mem": 1}


class Kept:
    """An archive and the values that its storage would hold."""

    def __init__(self, max_versions: int = 50) -> None:
        self.values: dict[str, bytes] = {}
        self.max_versions = max_versions
        self.archive = Archive({}, max_versions)
        self.root = Group()

    def record(self, *changes: Any) -> set[str]:
        """The keys that were written."""
        values = self.archive.record(changes)
        for key, value in values.items():
            if value is None:
                del self.values[key]  # what is removed was there
            else:
                self.values[key] = value
        return set(values)

    def change(self, root: Group, version: str) -> set[str]:
        new = replace(root, version=version)
        keys = self.record(RootChanged(self.root, new))
        self.root = new
        return keys

    def again(self) -> Archive:
        return Archive(dict(self.values), self.max_versions)


def app(id: str, version: str, **fields: Any) -> App:
    return App(id=id, version=version, cmd="sleep 1", **fields)


def test_a_tree_is_found_again() -> None:
    kept = Kept()
    kept.change(put(put(kept.root, app("/a/b/c", "v1")), app("/d", "v1")), "v1")
    kept.change(put(kept.root, app("/a/b/c", "v2", instances=3)), "v2")
    found = kept.again().snapshot().root
    assert found == kept.root
    assert found.groups["/a"].groups["/a/b"].apps["/a/b/c"].instances == 3


def test_what_is_written_grows_with_what_changed() -> None:
    kept = Kept()
    root = kept.root
    for number in range(100):
        root = put(root, app(f"/many/app-{number}", "v1"))
    kept.change(root, "v1")
    keys = kept.change(put(kept.root, app("/many/app-7", "v2")), "v2")
    assert keys == {"app:/many/app-7@v2", "app:/many/app-7", "change:v2", "group:/"}


def test_older_trees_and_versions_can_be_read() -> None:
    kept = Kept()
    kept.change(put(kept.root, app("/g/a", "v1")), "v1")
    first = kept.root
    kept.change(put(kept.root, app("/g/b", "v2")), "v2")
    second = kept.root
    kept.change(remove(kept.root, "/g/a"), "v3")
    archive = kept.again()
    assert archive.root_at("v1") == first
    assert archive.root_at("v2") == second
    assert archive.root_at("never") is None
    assert archive.app_at("/g/a", "v1") == first.groups["/g"].apps["/g/a"]
    assert archive.group_versions("/g") == ["v3", "v2", "v1"]
    assert archive.group_at("/g", "v1") == first.groups["/g"]


def test_no_more_versions_than_asked() -> None:
    kept = Kept(max_versions=3)
    for number in range(10):
        kept.change(put(kept.root, app("/a", f"v{number}")), f"v{number}")
    assert kept.archive.app_versions("/a") == kept.again().app_versions("/a")
    versions = kept.archive.app_versions("/a")
    assert versions[:3] == ["v9", "v8", "v7"]
    assert len(versions) <= 4  # the oldest change that is kept also names what was before it
    assert len([key for key in kept.values if key.startswith("change:")]) == 3
    assert kept.again().snapshot().root == kept.root


def test_nothing_is_left_of_an_app_that_is_gone() -> None:
    kept = Kept(max_versions=2)
    kept.change(put(kept.root, app("/gone", "v1")), "v1")
    kept.change(remove(kept.root, "/gone"), "v2")
    for number in range(3, 6):
        kept.change(put(kept.root, app("/other", f"v{number}")), f"v{number}")
    assert not [key for key in kept.values if "/gone" in key]


def instance(app: App, **fields: Any) -> Instance:
    status = TaskStatus(task_id=TaskID("t"), state=TaskState.TASK_RUNNING, uuid=b"\x00\x01")
    return Instance(
        id="a.instance-1",
        app=app,
        since=1.0,
        condition=Condition.RUNNING,
        agent=AgentRecord("S0", "host"),
        task=TaskRecord("a.instance-1._app.1", 1.0, (31000,), 2.0, status),
        **fields,
    )


def test_an_instance_keeps_the_definition_it_runs() -> None:
    kept = Kept(max_versions=1)
    old = app("/a", "v0")
    kept.change(put(kept.root, old), "v0")
    kept.record(InstanceChanged(instance(old)))
    for number in range(1, 5):
        kept.change(put(kept.root, app("/a", f"v{number}")), f"v{number}")
    assert kept.again().snapshot().instances == (instance(old),)
    archive = kept.again()
    kept.archive = archive
    kept.record(InstanceRemoved("a.instance-1"))
    assert "app:/a@v0" not in kept.values
    assert kept.again().snapshot().instances == ()


def test_a_deployment_finds_its_trees() -> None:
    kept = Kept(max_versions=1)
    kept.change(put(kept.root, app("/a", "v0")), "v0")
    original = kept.root
    kept.change(put(kept.root, app("/a", "v1")), "v1")
    deployment = Deployment(
        "d1", "v1", original, kept.root, (Step((Action("RestartApplication", "/a"),)),), {"/a": ("a.instance-1",)}
    )
    kept.record(DeploymentAdded(deployment))
    for number in range(2, 6):
        kept.change(put(kept.root, app("/b", f"v{number}")), f"v{number}")
    assert kept.again().snapshot().deployments == (deployment,)
    kept.record(DeploymentRemoved("d1"))
    kept.change(put(kept.root, app("/b", "v6")), "v6")
    assert len([key for key in kept.values if key.startswith("change:")]) == 1
    assert kept.again().snapshot().deployments == ()


def test_the_framework_is_remembered() -> None:
    archive = Archive({}, 50)
    assert archive.subscribed("f-1") == {"framework": write("f-1")}
    assert Archive({"framework": write("f-1")}, 50).framework_id == "f-1"
    assert archive.subscribed(None) == {"framework": None}


def test_a_large_change_is_compressed() -> None:
    kept = Kept()
    root = kept.root
    for number in range(2000):
        root = put(root, app(f"/many/app-{number}", "v1"))
    kept.change(root, "v1")
    assert len(kept.values["change:v1"]) < 32_000
    assert kept.again().snapshot().root == kept.root


@pytest.mark.parametrize("key", ["app:/a", "change:v1"])
def test_a_damaged_value_is_noticed(key: str) -> None:
    kept = Kept()
    kept.change(put(kept.root, app("/a", "v1")), "v1")
    kept.values[key] = b"{"
    with pytest.raises(msgspec.MsgspecError):
        kept.again().snapshot()


def test_what_the_life_of_an_app_writes_does_not_grow_with_the_others() -> None:
    """From its creation to its tasks' running, its scaling and its end, with all that is persisted on the way."""

    def written(others: int) -> tuple[int, int]:
        world = World()
        world.put(*({"id": f"others/app-{number:04}", **TINY, "instances": 0} for number in range(others)))
        archive = Archive({}, 50)
        archive.record(world.outside.changes)
        world.outside.changes.clear()
        world.put({"id": "one", **TINY, "instances": 3})
        world.settle()
        world.put({"id": "one", "instances": 2})
        world.settle()
        world.delete("/one")
        world.settle()
        values = [archive.record([change]) for change in world.outside.changes]
        return sum(map(len, values)), sum(len(each or b"") for part in values for each in part.values())

    few, many = written(10), written(500)
    assert few[0] == many[0] < 60
    assert abs(few[1] - many[1]) < 100  # service ports have more digits


def test_answers_to_a_reconciliation_write_nothing() -> None:
    world = World()
    world.put({"id": "one", **TINY, "instances": 5})
    world.settle()
    world.outside.changes.clear()
    for running in world.running("/one"):
        assert running.task
        assert running.task.status
        again = replace(running.task.status, uuid=None, reason=TaskStatus.Reason.REASON_RECONCILIATION, timestamp=1.0)
        world.marathon.status(again)
    world.clock.advance(0)
    assert world.outside.changes == []
    world.status(running.task_id, TaskState.TASK_RUNNING, healthy=False)
    assert len(world.outside.changes) == 1
