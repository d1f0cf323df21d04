"""The life of apps in Marathon's core: from the guide's nginx.json to a running task, scaling, killing, deleting."""

from __future__ import annotations

import json

import pytest

from mesosctl.runtime.marathon.core.errors import LockedError, TooManyDeploymentsError, UnknownDeploymentError
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.outside import DeploymentAdded, DeploymentRemoved, InstanceChanged, RootChanged
from mesosctl.runtime.marathon.core.records import Condition
from mesosctl.runtime.protocol.containers import ContainerInfo
from mesosctl.runtime.protocol.tasks import TaskState
from tests.unit.marathon_core import World

NGINX = json.loads("""{
  "id":"nginx", "cpus":0.1, "mem":10, "instances": 1,
  "constraints":[["hostname", "UNIQUE",""]],
  "container": {"type":"DOCKER", "docker": {"image": "nginx", "network": "BRIDGE",
    "portMappings": [{"containerPort": 80,"hostPort": 0,"servicePort": 0, "protocol":"tcp"}]}}
}""")
SLEEP = {"id": "sleep", "cmd": "sleep 1000", "cpus": 0.1, "mem": 32}


def test_the_guides_nginx_runs() -> None:
    world = World()
    deployment = world.put(NGINX)

    assert [(a.name, a.app) for step in deployment.steps for a in step.actions] == [
        ("StartApplication", "/nginx"),
        ("ScaleApplication", "/nginx"),
    ]
    assert [progress.step for progress in world.marathon.deployments] == [2]
    [item] = world.marathon.queue()
    assert (item.app.id, item.count) == ("/nginx", 1)

    [task] = world.offer("host-1")
    assert task.name == "nginx"
    assert task.task_id.value.startswith("nginx.instance-")
    assert task.task_id.value.endswith("._app.1")
    assert task.container
    assert task.container.docker
    docker = task.container.docker
    assert docker.image == "nginx"
    assert docker.network is ContainerInfo.DockerInfo.Network.BRIDGE
    [mapping] = docker.port_mappings
    assert (mapping.container_port, mapping.protocol) == (80, "tcp")
    assert 31000 <= mapping.host_port <= 31099
    assert task.command
    assert not task.command.shell
    assert task.command.value is None
    assert {r.name: r.scalar.value for r in task.resources if r.scalar} == {"cpus": 0.1, "mem": 10}
    assert world.conditions("/nginx") == [Condition.PROVISIONED]
    assert world.marathon.queue() == []

    world.status(task.task_id.value, TaskState.TASK_STARTING)
    world.status(task.task_id.value)
    [instance] = world.running("/nginx")
    assert instance.agent
    assert instance.agent.host == "host-1"
    assert instance.task
    assert instance.task.host_ports == (mapping.host_port,)
    assert len(world.outside.acknowledged) == 2
    assert world.marathon.deployments == []
    assert world.outside.kinds() == [
        "group_change_success",
        "deployment_info",
        "deployment_step_success",
        "deployment_info",
        "status_update_event",
        "status_update_event",
        "deployment_step_success",
        "deployment_success",
    ]
    assert [type(change) for change in world.outside.changes] == [
        RootChanged,
        DeploymentAdded,
        InstanceChanged,
        InstanceChanged,
        InstanceChanged,
        InstanceChanged,
        DeploymentRemoved,
    ]
    app = world.marathon.apps["/nginx"]
    assert app.version == deployment.version == world.marathon.root.version
    assert app.service_ports == (10000,)


def test_of_three_that_shall_be_unique_two_run_and_the_queue_says_why() -> None:
    world = World()
    world.put({**NGINX, "instances": 3})
    world.settle(("a1", "a2"))

    assert sorted(world.conditions("/nginx")) == ["Running", "Running", "Scheduled"]
    [item] = world.marathon.queue()
    assert item.count == 1
    assert {unused.reasons for unused in item.last_unused_offers} == {("UnfulfilledConstraint",)}
    assert item.reject_last_offers["UnfulfilledConstraint"] == (2, 2)
    assert len(world.marathon.deployments) == 1

    world.settle(("a3",))
    assert world.marathon.deployments == []


def test_nothing_is_done_before_it_is_stored() -> None:
    world = World()
    world.outside.waiting = []
    world.put(SLEEP)
    assert world.marathon.queue() == []
    world.outside.waiting.pop(0)()

    world.offer()
    assert not world.outside.accepted
    while world.outside.waiting:
        world.outside.waiting.pop(0)()
    [task] = world.outside.tasks()

    world.status(task.task_id.value)
    assert not world.outside.acknowledged
    world.outside.waiting.pop(0)()
    assert len(world.outside.acknowledged) == 1


def test_scale_up_and_down() -> None:
    world = World()
    world.put({**SLEEP, "instances": 2})
    world.settle()
    before = {instance.id for instance in world.running("/sleep")}
    config = world.marathon.apps["/sleep"].versionInfo

    world.clock.advance(10)
    deployment = world.put({"id": "sleep", "instances": 4})
    assert [[a.name for a in step.actions] for step in deployment.steps] == [["ScaleApplication"]]
    world.settle()
    assert len(world.running("/sleep")) == 4
    assert before < {instance.id for instance in world.running("/sleep")}

    world.put({"id": "sleep", "instances": 2})
    assert len(world.outside.kills) == 2
    assert world.marathon.deployments
    world.settle()
    assert {instance.id for instance in world.running("/sleep")} == before  # the youngest went
    assert not world.marathon.deployments

    info = world.marathon.apps["/sleep"].versionInfo
    assert info
    assert config
    assert info.lastConfigChangeAt == config.lastConfigChangeAt
    assert info.lastScalingAt == world.marathon.apps["/sleep"].version


def test_delete() -> None:
    world = World()
    world.put({**SLEEP, "instances": 2, "taskKillGracePeriodSeconds": 7})
    world.settle()
    deployment = world.delete("/sleep")

    assert [[a.name for a in step.actions] for step in deployment.steps] == [["StopApplication"]]
    policies = [policy for _, _, policy in world.outside.kills]
    assert [p.grace_period.nanoseconds for p in policies if p and p.grace_period] == [7 * 10**9] * 2
    assert world.marathon.deployments
    world.settle()
    assert world.marathon.instances() == []
    assert world.marathon.deployments == []
    assert "app_terminated_event" in world.outside.kinds()


def test_the_same_again_changes_nothing() -> None:
    world = World()
    world.put(SLEEP)
    world.settle()
    root, before = world.marathon.root, world.running("/sleep")
    world.clock.advance(10)
    deployment = world.put(SLEEP)

    assert deployment.steps == ()
    assert deployment.version > root.version
    assert world.marathon.root is root
    assert world.running("/sleep") == before
    assert world.outside.kinds()[-2:] == ["group_change_success", "deployment_success"]


def test_a_killed_task_is_replaced_by_the_next_incarnation() -> None:
    world = World()
    world.put(SLEEP)
    world.settle()
    [before] = world.running("/sleep")
    assert before.task
    world.marathon.kill([before.task.id])
    world.status(before.task.id, TaskState.TASK_KILLING)
    assert world.outside.events[-2]["taskStatus"] == "TASK_KILLING"
    world.settle()

    [after] = world.running("/sleep")
    assert after.id == before.id
    assert after.task
    assert after.task.id.endswith("._app.2")


def test_with_wipe_another_instance_takes_its_place() -> None:
    world = World()
    world.put(SLEEP)
    world.settle()
    [before] = world.running("/sleep")
    assert before.task
    world.marathon.kill([before.task.id], wipe=True)
    world.settle()

    [after] = world.running("/sleep")
    assert after.id != before.id
    assert after.task
    assert after.task.id.endswith("._app.1")


def test_kill_and_scale() -> None:
    world = World()
    world.put({**SLEEP, "instances": 3})
    world.settle()
    oldest = world.running("/sleep")[0]
    assert oldest.task
    deployment = world.marathon.kill([oldest.task.id], scale=True)
    assert deployment
    assert [task for task, _, _ in world.outside.kills] == [oldest.task.id]
    world.settle()

    assert world.marathon.apps["/sleep"].instances == 2
    assert len(world.marathon.instances("/sleep")) == 2
    assert not world.marathon.deployments


def test_kills_are_sent_again_until_the_task_has_ended() -> None:
    world = World(Options(kill_retry=30, kill_chunk=2))
    world.put({**SLEEP, "instances": 3})
    world.settle()
    world.delete("/sleep")
    assert len(world.outside.kills) == 2
    world.clock.advance(31)
    assert len(world.outside.kills) == 4
    first = world.outside.kills[0][0]
    world.status(first, TaskState.TASK_KILLED)
    assert len({task for task, _, _ in world.outside.kills}) == 3


def test_a_deployment_locks_its_apps() -> None:
    world = World()
    first = world.put(SLEEP)
    with pytest.raises(LockedError) as caught:
        world.put({"id": "sleep", "instances": 2})
    assert caught.value.deployments == (first.id,)
    world.put({**SLEEP, "id": "other"})
    assert len(world.marathon.deployments) == 2

    second = world.put({"id": "sleep", "instances": 2}, force=True)
    assert first.id not in [progress.deployment.id for progress in world.marathon.deployments]
    assert "deployment_failed" in world.outside.kinds()
    world.settle()
    assert len(world.running("/sleep")) == 2
    assert second.id not in [progress.deployment.id for progress in world.marathon.deployments]


def test_so_many_deployments_and_no_more() -> None:
    world = World(Options(max_deployments=1))
    world.put(SLEEP)
    with pytest.raises(TooManyDeploymentsError):
        world.put({**SLEEP, "id": "other"})
    assert list(world.marathon.apps) == ["/sleep"]


def test_a_deployment_is_stopped_and_leaves_things_as_they_are() -> None:
    world = World()
    deployment = world.put(SLEEP)
    assert world.marathon.cancel(deployment.id, force=True) is None
    assert world.marathon.deployments == []
    assert list(world.marathon.apps) == ["/sleep"]
    world.settle()
    assert len(world.running("/sleep")) == 1


def test_a_cancelled_creation_removes_the_app_and_its_groups() -> None:
    world = World()
    deployment = world.put({**SLEEP, "id": "/a/b/sleep"})
    back = world.marathon.cancel(deployment.id)
    assert back
    assert [[a.name for a in step.actions] for step in back.steps] == [["StopApplication"]]
    world.settle()
    assert not world.marathon.apps
    assert not world.marathon.root.groups
    assert not world.marathon.deployments
    with pytest.raises(UnknownDeploymentError):
        world.marathon.cancel(deployment.id)


@pytest.mark.parametrize("scale", [False, True])
def test_kill_all_of_an_app(scale: bool) -> None:
    world = World()
    world.put({**SLEEP, "instances": 2})
    world.settle()
    before = {instance.task_id for instance in world.running("/sleep")}
    world.marathon.kill(before, scale=scale)
    world.settle()
    assert len(world.running("/sleep")) == (0 if scale else 2)
    assert world.marathon.apps["/sleep"].instances == (0 if scale else 2)
    assert not before & {instance.task_id for instance in world.running("/sleep")}


def test_a_container_is_updated() -> None:
    world = World()
    world.put(NGINX)
    world.settle()
    container = {"type": "DOCKER", "docker": {"image": "nginx:2"}, "portMappings": [{"containerPort": 81}]}
    world.clock.advance(1)
    world.put({"id": "nginx", "container": container, "networks": [{"mode": "container/bridge"}]})
    world.settle()
    [instance] = world.running("/nginx")
    task = world.outside.tasks()[-1]
    assert task.task_id.value == instance.task_id
    assert task.container
    assert task.container.docker
    assert task.container.docker.image == "nginx:2"
    [mapping] = task.container.docker.port_mappings
    assert instance.task
    assert (mapping.container_port, mapping.host_port) == (81, instance.task.host_ports[0])


def test_a_group_with_a_running_deployment_is_deleted_by_force_only() -> None:
    world = World()
    world.put({**SLEEP, "id": "/g/sleep"})
    with pytest.raises(LockedError):
        world.delete("/g")
    world.delete("/g", force=True)
    world.settle()
    assert not world.marathon.instances()
    assert not world.marathon.root.groups
    assert not world.marathon.deployments
