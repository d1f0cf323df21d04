"""Residency: instances with persistent volumes stay where their data is, and leave nothing behind."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.outside import InstanceChanged
from mesosctl.runtime.marathon.core.records import Condition, Goal, Instance
from mesosctl.runtime.marathon.model import ValidationError
from mesosctl.runtime.marathon.store.archive import Archive
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskState, TaskStatus
from mesosctl.runtime.resources import Resources
from tests.unit.marathon_core import World, offer

OPTIONS = Options(role="store", principal="marathon")
FRAMEWORK = "framework-1"
_Type = Offer.Operation.Type


def database(**fields: Any) -> dict[str, Any]:
    volume = {"containerPath": "data", "mode": "RW", "persistent": {"size": 64}}
    return {
        "id": "/db",
        "cmd": "run",
        "cpus": 1,
        "mem": 128,
        "container": {"type": "MESOS", "volumes": [volume]},
        **fields,
    }


class Site(World):
    """Agents that keep what is reserved on them."""

    def __init__(self, options: Options = OPTIONS, **more: Any) -> None:
        super().__init__(options, **more)
        self.marathon.connected(None, FRAMEWORK)
        self.reserved: dict[str, dict[str, tuple[Resource, ...]]] = {}
        """By host and label."""
        self._seen = 0

    def offer(self, host: str = "a1", **more: Any) -> list[TaskInfo]:
        """One offer of what is free on the host. Gives the tasks launched on it."""
        tasks = {task.id for each in self.marathon.instances() for task in each.tasks if not task.condition.terminal}
        used = {
            each.reservation.id
            for each in self.marathon.instances()
            if each.reservation and any(task.id in tasks for task in each.tasks)
        }
        kept = self.reserved.setdefault(host, {})
        plain = offer(host)
        self._seen += 1
        free = tuple(each for label, resources in kept.items() if label not in used for each in resources)
        made = msgspec.structs.replace(
            plain, id=msgspec.structs.replace(plain.id, value=f"s{self._seen}"), resources=(*plain.resources, *free)
        )
        before = len(self.outside.accepted)
        self.marathon.offers([made])
        launched = []
        for operation in self.outside.accepted[before:]:
            match operation.type:
                case _Type.RESERVE if operation.reserve:
                    kept[label(operation.reserve.resources[0])] = operation.reserve.resources
                case _Type.CREATE if operation.create:
                    name = label(operation.create.volumes[0])
                    disks = [each for each in kept[name] if each.name == "disk"][-len(operation.create.volumes) :]
                    others = tuple(each for each in kept[name] if each not in disks)
                    kept[name] = (*others, *operation.create.volumes)
                case _Type.UNRESERVE if operation.unreserve:
                    del kept[label(operation.unreserve.resources[0])]
                case _Type.LAUNCH if operation.launch:
                    launched += operation.launch.task_infos
        return launched


def label(resource: Resource) -> str:
    assert resource.reservation
    assert resource.reservation.labels
    return next(each.value or "" for each in resource.reservation.labels.labels if each.key == "marathon_task_id")


def volume_of(task: TaskInfo) -> str:
    (id,) = [each.disk.persistence.id for each in task.resources if each.disk and each.disk.persistence]
    return id


def running(site: Site) -> Instance:
    (instance,) = site.running("/db")
    return instance


def deployed(**fields: Any) -> Site:
    site = Site()
    site.put(database(**fields))
    site.settle()
    assert not site.marathon.deployments
    return site


def test_the_first_task_comes_with_its_reservation_and_volume() -> None:
    site = Site()
    site.put(database())
    (task,) = site.offer("a1")
    reserve, create, launch = site.outside.accepted
    assert [each.type for each in (reserve, create, launch)] == [_Type.RESERVE, _Type.CREATE, _Type.LAUNCH]
    assert reserve.reserve
    assert create.create
    kept = {each.name: each for each in reserve.reserve.resources}
    assert set(kept) == {"cpus", "mem", "disk", "ports"}
    for each in kept.values():
        assert each.role == "store"
        assert each.reservation
        assert each.reservation.principal == "marathon"
        assert each.reservation.labels
        assert {one.key: one.value for one in each.reservation.labels.labels} == {
            "marathon_framework_id": FRAMEWORK,
            "marathon_task_id": task.task_id.value,
        }
    (volume,) = create.create.volumes
    assert volume.scalar
    assert volume.scalar.value == 64
    assert volume.disk
    assert volume.disk.volume
    assert volume.disk.volume.container_path == "data"
    assert volume in task.resources
    assert volume_of(task).startswith("db#data#")
    total = Resources.of(task.resources)
    assert not total.unreserved()


@pytest.mark.parametrize("state", [TaskState.TASK_FAILED, TaskState.TASK_FINISHED, TaskState.TASK_LOST])
def test_the_volume_is_attached_again_after_a_failure(state: TaskState) -> None:
    site = deployed()
    first = running(site)
    (before,) = [task for task in site.outside.tasks() if task.task_id.value == first.task_id]
    reason = TaskStatus.Reason.REASON_RESOURCES_UNKNOWN
    site.status(first.task_id, state, reason=reason)
    site.clock.advance(400)
    assert site.offer("a2") == []
    (again,) = site.offer("a1")
    assert again.task_id.value == f"{first.id}._app.2"
    assert volume_of(again) == volume_of(before)
    assert not any(each.type is _Type.RESERVE for each in site.outside.accepted[3:])


def test_a_restart_and_another_configuration_keep_the_volume() -> None:
    site = deployed(instances=2, constraints=[["hostname", "UNIQUE"]])
    first = {each.id: each.reservation for each in site.running("/db")}
    site.marathon.update_root(lambda root: root, restart=["/db"])
    site.settle()
    assert not site.marathon.deployments
    assert {each.id: each.reservation for each in site.running("/db")} == first
    site.put({"id": "/db", "cmd": "run better"})
    site.settle()
    assert not site.marathon.deployments
    assert {each.id: each.reservation for each in site.running("/db")} == first
    assert {each.task_id.rpartition(".")[2] for each in site.running("/db")} == {"3"}
    assert {task.command.value for task in site.outside.tasks()[-2:] if task.command} == {"run better"}


def test_while_it_is_upgraded_there_are_never_more_instances() -> None:
    site = deployed(instances=3)
    site.put({"id": "/db", "cmd": "run better"})
    for _ in range(30):
        assert len(site.marathon.instances("/db")) == 3
        site.settle(rounds=1)
    assert not site.marathon.deployments
    assert sum(map(len, site.reserved.values())) == 3


def test_scaled_down_it_is_suspended_and_scaled_up_it_is_resumed() -> None:
    site = deployed(instances=3)
    before = {each.id for each in site.running("/db")}
    site.put({"id": "/db", "instances": 1})
    site.settle()
    assert not site.marathon.deployments
    stopped = [each for each in site.marathon.instances("/db") if each.goal is Goal.STOPPED]
    assert {each.condition for each in stopped} == {Condition.RESERVED}
    assert len(stopped) == 2
    site.clock.advance(1000)
    site.settle()
    assert sum(map(len, site.reserved.values())) == 3
    site.put({"id": "/db", "instances": 4})
    site.settle()
    assert not site.marathon.deployments
    after = {each.id for each in site.running("/db")}
    assert len(after) == 4
    assert before < after


def test_one_that_is_asked_for_again_while_it_ends_goes_on() -> None:
    site = deployed()
    id = running(site).id
    site.put({"id": "/db", "instances": 0})
    site.put({"id": "/db", "instances": 1}, force=True)
    site.settle()
    assert running(site).id == id
    assert sum(map(len, site.reserved.values())) == 1


def test_deleted_it_gives_everything_back() -> None:
    site = deployed(instances=2)
    site.put({"id": "/db", "instances": 1})
    site.settle()
    site.delete("/db")
    site.settle()
    assert not site.marathon.deployments
    assert site.marathon.instances() == []
    assert sum(map(len, site.reserved.values())) == 0
    destroyed = [each for each in site.outside.accepted if each.type is _Type.DESTROY]
    assert len(destroyed) == 2


def test_offers_are_asked_for_until_what_is_unneeded_is_given_back() -> None:
    site = deployed()
    site.offer("a2")
    assert site.outside.suppressed
    suppressed, revives = site.outside.suppressed, site.outside.revives
    site.delete("/db")
    for task_id, _, _ in site.outside.kills:
        site.status(task_id, TaskState.TASK_KILLED)
    site.clock.advance(10)
    assert site.outside.revives > revives
    site.offer("a2")
    assert site.outside.suppressed == suppressed
    site.offer("a1")
    assert site.outside.suppressed == suppressed + 1


def test_wiped_it_is_replaced_by_one_with_another_volume() -> None:
    site = deployed()
    first = running(site)
    site.marathon.kill([first.task_id], wipe=True)
    site.settle()
    second = running(site)
    assert second.id != first.id
    assert second.reservation != first.reservation
    assert sum(map(len, site.reserved.values())) == 1


def test_killed_it_goes_on_with_its_volume() -> None:
    site = deployed()
    first = running(site)
    site.marathon.kill([first.task_id])
    site.settle()
    assert running(site).id == first.id
    assert running(site).reservation == first.reservation


def test_a_suspended_one_is_wiped_by_the_id_that_clients_see() -> None:
    site = deployed()
    site.put({"id": "/db", "instances": 0})
    site.settle()
    (instance,) = site.marathon.instances("/db")
    site.marathon.kill([instance.task_id])
    assert site.marathon.instances("/db") == [instance]
    site.marathon.kill([instance.task_id], wipe=True)
    site.settle()
    assert site.marathon.instances("/db") == []
    assert sum(map(len, site.reserved.values())) == 0


def test_an_agent_that_is_gone_took_the_volume_along() -> None:
    site = deployed()
    first = running(site)
    assert first.agent
    del site.reserved[first.agent.host]
    site.status(first.task_id, TaskState.TASK_GONE_BY_OPERATOR)
    assert site.marathon.instance_of(first.id) is None
    site.settle(("a2",))
    assert running(site).id != first.id


def test_an_unreachable_one_is_waited_for_for_ever() -> None:
    site = deployed()
    first = running(site)
    site.status(first.task_id, TaskState.TASK_UNREACHABLE)
    site.clock.advance(1_000_000)
    site.settle(("a2", "a3"))
    assert [each.id for each in site.marathon.instances("/db")] == [first.id]
    site.status(first.task_id)
    assert running(site).id == first.id


def test_a_reservation_that_the_master_refused_is_forgotten() -> None:
    site = Site()
    site.put(database())
    (task,) = site.offer("a1")
    site.reserved["a1"].clear()
    site.status(task.task_id.value, TaskState.TASK_ERROR)
    site.clock.advance(100)
    (again,) = site.offer("a2")
    assert volume_of(again) != volume_of(task)


def test_another_leader_goes_on_with_what_is_reserved() -> None:
    site = deployed(instances=2)
    site.put({"id": "/db", "instances": 1})
    site.settle()
    archive = Archive({}, 50)
    archive.record(site.outside.changes)
    snapshot = archive.snapshot()
    assert {each.id: each for each in snapshot.instances} == {each.id: each for each in site.marathon.instances()}
    other = Site(snapshot=snapshot, start=site.clock.now() + 60)
    other.reserved = site.reserved
    other.put({"id": "/db", "instances": 2})
    other.settle()
    assert {each.id for each in other.running("/db")} == {each.id for each in snapshot.instances}
    assert sum(map(len, other.reserved.values())) == 2


def test_what_nobody_knows_is_given_back_and_what_is_of_others_is_left() -> None:
    site = deployed()
    forgetful = Site(start=site.clock.now() + 60)
    forgetful.reserved = site.reserved
    forgetful.offer("a1")
    assert sum(map(len, site.reserved.values())) == 0
    stranger = deployed()
    stranger.marathon.connected(None, "another")
    instance = running(stranger)
    assert instance.agent
    before = len(stranger.outside.accepted)
    stranger.marathon.offers(
        [
            msgspec.structs.replace(
                offer(instance.agent.host),
                resources=next(iter(stranger.reserved[instance.agent.host].values())),
            )
        ]
    )
    assert len(stranger.outside.accepted) == before


@pytest.mark.parametrize("options", [Options(), Options(role="store"), Options(principal="marathon")])
def test_without_a_role_and_a_principal_it_is_refused(options: Options) -> None:
    site = World(options)
    with pytest.raises(ValidationError) as refused:
        site.put(database())
    (violation,) = refused.value.violations
    assert violation.path == "/container/volumes"
    assert "--mesos_role" in violation.message
    assert "--mesos_authentication_principal" in violation.message


def test_instances_are_stored_before_the_master_hears_of_them() -> None:
    site = Site()
    site.put(database())
    site.outside.waiting = []
    site.offer("a1")
    assert site.outside.accepted == []
    (changed,) = [each for each in site.outside.changes[-1:] if isinstance(each, InstanceChanged)]
    assert changed.instance.reservation
    assert not changed.instance.reservation.confirmed


@pytest.mark.parametrize(
    ("kind", "sizes", "wanted"),
    [("path", {}, 64.0), ("mount", {"maxSize": 600}, 500.0), ("mount", {"maxSize": 400}, None), ("mount", {}, 500.0)],
)
def test_disks_of_their_own(kind: str, sizes: dict[str, int], wanted: float | None) -> None:
    site = Site()
    persistent = {"size": 64, "type": kind, "constraints": [["path", "LIKE", "/mnt/.*"]], **sizes}
    volume = {"containerPath": "data", "mode": "RW", "persistent": persistent}
    site.put(database(container={"type": "MESOS", "volumes": [volume]}))
    plain = offer("a1")
    source = Resource.DiskInfo.Source
    disks = []
    for root in ("/srv/d", "/mnt/d"):
        where = (
            source(source.Type.PATH, path=source.Path(root))
            if kind == "path"
            else source(source.Type.MOUNT, mount=source.Mount(root))
        )
        (disk,) = Resources.parse("disk:500").messages()
        disks.append(msgspec.structs.replace(disk, role="*", disk=Resource.DiskInfo(source=where)))
    site.marathon.offers([msgspec.structs.replace(plain, resources=(*plain.resources, *disks))])
    tasks = site.outside.tasks()
    if wanted is None:
        assert tasks == []
        return
    (made,) = [each for each in tasks[0].resources if each.disk and each.disk.persistence]
    assert made.scalar
    assert made.scalar.value == wanted
    assert made.disk
    assert made.disk.source
    assert "/mnt/d" in repr(made.disk.source)


def test_scarce_agents_are_for_those_that_need_them_and_for_those_that_have_data_there() -> None:
    options = Options(role="store", principal="marathon", gpu_policy="restricted")
    site = Site(options)
    site.put(database())
    with_gpus = "cpus:8;mem:8192;disk:10000;gpus:2;ports:[31000-31099]"
    site.marathon.offers([offer("a1", resources=with_gpus)])
    assert site.outside.tasks() == []
    (waiting,) = site.marathon.queue()
    assert waiting.last_unused_offers[0].reasons == ("DeclinedScarceResources",)
    site.settle(("a1",))
    (kept,) = site.reserved["a1"].values()
    site.status(running(site).task_id, TaskState.TASK_FAILED)
    site.clock.advance(100)
    before = len(site.outside.tasks())
    resources = (*offer("a1", resources=with_gpus).resources, *kept)
    site.marathon.offers([msgspec.structs.replace(offer("a1"), resources=resources)])
    assert len(site.outside.tasks()) == before + 1


def test_constraints_count_where_something_is_reserved() -> None:
    site = Site()
    site.put(database(instances=2, constraints=[["hostname", "UNIQUE"]]))
    (first,) = site.offer("a1")
    site.status(first.task_id.value)
    site.status(first.task_id.value, TaskState.TASK_FAILED)
    site.clock.advance(100)
    kept = site.reserved.pop("a1")
    assert site.offer("a1") == []
    (second,) = site.offer("a2")
    site.reserved["a1"] = kept
    (again,) = site.offer("a1")
    assert volume_of(again) == volume_of(first) != volume_of(second)


def test_each_goes_back_to_where_its_own_data_is() -> None:
    site = deployed(instances=2, constraints=[["hostname", "UNIQUE"]])
    first, second = site.running("/db")
    for each in (first, second):
        site.status(each.task_id, TaskState.TASK_FAILED)
    site.clock.advance(100)
    assert second.agent
    (task,) = site.offer(second.agent.host)
    assert task.task_id.value == f"{second.id}._app.2"


@pytest.mark.parametrize("scaled", [False, True])
def test_killed_while_unreachable_it_keeps_what_is_reserved(scaled: bool) -> None:
    site = deployed()
    first = running(site)
    site.status(first.task_id, TaskState.TASK_UNREACHABLE)
    site.marathon.kill([first.task_id], scale=scaled)
    (kept,) = site.marathon.instances("/db")
    assert (kept.id, kept.reservation) == (first.id, first.reservation)
    assert kept.condition is (Condition.RESERVED if scaled else Condition.SCHEDULED)
    site.status(first.task_id)  # it comes back, and nobody waits for it
    assert site.outside.kills[-1][0] == first.task_id


def test_what_is_unneeded_may_come_back_in_parts() -> None:
    site = deployed()
    instance = running(site)
    assert instance.agent
    host = instance.agent.host
    site.delete("/db")
    site.status(instance.task_id, TaskState.TASK_KILLED)
    (whole,) = site.reserved[host].values()
    volumes = tuple(each for each in whole if each.disk and each.disk.persistence)
    rest = tuple(each for each in whole if each not in volumes)
    suppressed = site.outside.suppressed
    site.marathon.offers([msgspec.structs.replace(offer(host), resources=rest)])
    assert site.outside.suppressed == suppressed
    site.marathon.offers([msgspec.structs.replace(offer(host), resources=volumes)])
    assert site.outside.suppressed == suppressed + 1
    given = [each.unreserve.resources for each in site.outside.accepted if each.unreserve]
    assert len(given) == 2


def test_another_leader_goes_on_with_a_suspension() -> None:
    site = deployed()
    first = running(site)
    site.put({"id": "/db", "instances": 0})
    archive = Archive({}, 50)
    archive.record(site.outside.changes)
    other = Site(snapshot=archive.snapshot(), start=site.clock.now() + 60)
    other.reserved = site.reserved
    assert first.task_id in {task_id for task_id, _, _ in other.outside.kills}
    other.settle()
    assert not other.marathon.deployments
    (kept,) = other.marathon.instances("/db")
    assert (kept.id, kept.condition, kept.reservation) == (first.id, Condition.RESERVED, first.reservation)
