"""Pods: task groups on the default executor, the life of their instances, and the API about them."""

from __future__ import annotations

from typing import Any

import pytest

from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.records import Condition, Deployment, Instance
from mesosctl.runtime.marathon.model import (
    Group,
    Pod,
    find_pod,
    parse_pod,
    pod_json,
    put,
    remove,
    update_group,
    validate_group,
    validate_pod,
)
from mesosctl.runtime.marathon.store.archive import Archive
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.resources import Resource, Volume
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskState
from mesosctl.runtime.resources import Resources
from tests.unit.marathon_api import Api, api_test
from tests.unit.marathon_core import World

FRAMEWORK = "framework-1"


def container(name: str, shell: str = "run", **fields: Any) -> dict[str, Any]:
    resources = {"cpus": 0.5, "mem": 64}
    return {"name": name, "resources": resources, "exec": {"command": {"shell": shell}}, **fields}


def shop(instances: int = 1, **fields: Any) -> dict[str, Any]:
    made = {"id": "/shop", "containers": [container("web"), container("log")], **fields}
    return {"scaling": {"kind": "fixed", "instances": instances}, **made}


class Site(World):
    def __init__(self, options: Options | None = None, **more: Any) -> None:
        super().__init__(options, **more)
        self.marathon.connected(None, FRAMEWORK)

    def put_pod(self, raw: dict[str, Any], *, force: bool = False) -> Deployment:
        return self.marathon.update_root(lambda root: put(root, parse_pod(raw)), force=force)

    def groups(self) -> list[Offer.Operation.LaunchGroup]:
        return [each.launch_group for each in self.outside.accepted if each.launch_group]

    def offer(self, host: str = "a1", **more: Any) -> list[TaskInfo]:
        before = len(self.groups())
        launched = super().offer(host, **more)
        return [*launched, *(task for each in self.groups()[before:] for task in each.task_group.tasks)]

    def all(self) -> list[Instance]:
        return self.marathon.instances("/shop")

    def ids(self) -> list[str]:
        return [task.id for instance in self.all() for task in instance.tasks]


def deployed(instances: int = 1, **fields: Any) -> Site:
    site = Site()
    site.put_pod(shop(instances, **fields))
    site.settle()
    assert not site.marathon.deployments
    return site


def launched(**fields: Any) -> tuple[ExecutorInfo, dict[str, TaskInfo]]:
    site = Site()
    site.put_pod(shop(**fields))
    site.offer()
    (group,) = site.groups()
    return group.executor, {task.name: task for task in group.task_group.tasks}


def variables(task: TaskInfo) -> dict[str, str]:
    assert task.command
    assert task.command.environment
    return {each.name: each.value or "" for each in task.command.environment.variables}


def amounts(resources: tuple[Resource, ...]) -> dict[str, float]:
    return {each.name: each.scalar.value for each in resources if each.scalar}


def test_the_executor_and_each_container_have_resources_of_their_own() -> None:
    executor, tasks = launched()
    assert executor.type is ExecutorInfo.Type.DEFAULT
    assert executor.framework_id
    assert executor.framework_id.value == FRAMEWORK
    assert amounts(executor.resources) == {"cpus": 0.1, "mem": 32, "disk": 10}
    assert {name: amounts(task.resources) for name, task in tasks.items()} == {
        "web": {"cpus": 0.5, "mem": 64},
        "log": {"cpus": 0.5, "mem": 64},
    }
    assert {task.task_id.value for task in tasks.values()} == {
        f"{executor.executor_id.value.removesuffix('.1')}.{name}.1" for name in ("web", "log")
    }


def test_commands_users_and_artifacts() -> None:
    _, tasks = launched(
        user="nobody",
        containers=[
            container("web", user="daemon", artifacts=[{"uri": "http://h/a.tgz", "destPath": "a"}]),
            {"name": "log", "exec": {"command": {"argv": ["tail", "-f", "x"]}}},
        ],
    )
    web, log = tasks["web"].command, tasks["log"].command
    assert web
    assert log
    assert (web.shell, web.value, web.user) == (True, "run", "daemon")
    assert [(each.value, each.output_file) for each in web.uris] == [("http://h/a.tgz", "a")]
    assert (log.shell, log.value, log.arguments, log.user) == (False, "tail", ("tail", "-f", "x"), "nobody")


def test_endpoints_on_the_host() -> None:
    site = Site()
    endpoints = [{"name": "http-api", "hostPort": 0, "labels": {"VIP": "x"}}, {"name": "fixed", "hostPort": 31007}]
    site.put_pod(shop(containers=[container("web", endpoints=endpoints), container("log")]))
    site.offer()
    (group,) = site.groups()
    web, log = group.task_group.tasks
    (instance,) = site.all()
    assert instance.task
    port, fixed = instance.task.ports
    assert fixed == 31007
    assert instance.others[0].ports == ()
    ports = {port for each in web.resources if each.name == "ports" and each.ranges
             for one in each.ranges.range for port in range(one.begin, one.end + 1)}  # fmt: skip
    assert ports == {port, fixed}
    assert not [each for each in log.resources if each.name == "ports"]
    assert web.discovery
    assert web.discovery.ports
    assert [(each.number, each.name, each.protocol) for each in web.discovery.ports.ports] == [
        (port, "http-api", "tcp"),
        (31007, "fixed", "tcp"),
    ]
    for task in (web, log):
        told = variables(task)
        assert told["EP_HOST_HTTP_API"] == told["ENDPOINT_HTTP_API"] == str(port)
        assert told["EP_HOST_FIXED"] == "31007"


def test_a_network_of_its_own_is_the_executors() -> None:
    endpoints = [{"name": "web", "containerPort": 80, "hostPort": 0, "protocol": ["tcp", "udp"]}]
    executor, tasks = launched(
        networks=[{"mode": "container", "name": "overlay"}], containers=[container("web", endpoints=endpoints)]
    )
    assert executor.container
    (network,) = executor.container.network_infos
    assert network.name == "overlay"
    assert [(each.container_port, each.protocol) for each in network.port_mappings] == [(80, "tcp"), (80, "udp")]
    assert tasks["web"].container
    assert tasks["web"].container.network_infos == ()
    assert variables(tasks["web"])["EP_CONTAINER_WEB"] == "80"


def test_environment() -> None:
    _, tasks = launched(
        environment={"A": "pod", "B": "pod"},
        labels={"tier": "front"},
        containers=[container("web", environment={"B": "own"})],
    )
    told = variables(tasks["web"])
    assert (told["A"], told["B"], told["HOST"]) == ("pod", "own", "a1")
    assert (told["MARATHON_APP_ID"], told["MARATHON_CONTAINER_ID"]) == ("/shop", "web")
    assert told["MESOS_TASK_ID"] == tasks["web"].task_id.value
    assert told["MARATHON_CONTAINER_RESOURCE_MEM"] == "64.0"
    assert told["MARATHON_APP_LABEL_TIER"] == "front"


def test_volumes_are_shared_through_the_executors_sandbox() -> None:
    mounts = [{"name": "words", "mountPath": "here"}, {"name": "etc", "mountPath": "/conf", "readOnly": True}]
    _, tasks = launched(
        volumes=[{"name": "words"}, {"name": "etc", "host": "/etc"}], containers=[container("web", volumeMounts=mounts)]
    )
    assert tasks["web"].container
    shared, host = tasks["web"].container.volumes
    assert shared.source
    assert shared.source.sandbox_path
    assert shared.source.sandbox_path.type is Volume.Source.SandboxPath.Type.PARENT
    assert (shared.container_path, shared.source.sandbox_path.path, shared.mode) == (
        "here",
        "volumes/words",
        Volume.Mode.RW,
    )
    assert (host.container_path, host.host_path, host.mode) == ("/conf", "/etc", Volume.Mode.RO)


def test_images_and_entry_points() -> None:
    image = {"kind": "DOCKER", "id": "nginx", "forcePull": True}
    command = {"command": {"argv": ["-v"]}}
    _, tasks = launched(
        containers=[
            {"name": "as-is", "image": image},
            {"name": "arguments", "image": image, "exec": command},
            {"name": "overridden", "image": image, "exec": {**command, "overrideEntrypoint": True}},
        ]
    )
    found = {}
    for name, task in tasks.items():
        assert task.command
        found[name] = (task.command.value, task.command.arguments)
        assert task.container
        assert task.container.mesos
        assert task.container.mesos.image
        assert task.container.mesos.image.docker
        assert task.container.mesos.image.docker.name == "nginx"
        assert not task.container.mesos.image.cached
    assert found == {"as-is": (None, ()), "arguments": (None, ("-v",)), "overridden": ("-v", ("-v",))}


def test_health_checks_are_the_agents() -> None:
    endpoints = [{"name": "api", "hostPort": 31005}]
    _, tasks = launched(
        containers=[
            container("h", endpoints=endpoints, healthCheck={"http": {"endpoint": "api", "path": "/up"}}),
            container("c", healthCheck={"exec": {"command": {"argv": ["true"]}}, "intervalSeconds": 5}),
        ]
    )
    http, command = tasks["h"].health_check, tasks["c"].health_check
    assert http
    assert http.http
    assert (http.http.port, http.http.path, http.http.scheme) == (31005, "/up", "http")
    assert command
    assert command.command
    assert (command.command.shell, command.command.value, command.interval_seconds) == (False, "true", 5.0)


def test_kill_grace_periods_are_the_containers() -> None:
    _, tasks = launched(containers=[container("web", lifecycle={"killGracePeriodSeconds": 2.5})])
    policy = tasks["web"].kill_policy
    assert policy
    assert policy.grace_period
    assert policy.grace_period.nanoseconds == 2_500_000_000


def test_it_runs_when_all_containers_run() -> None:
    site = Site()
    site.put_pod(shop())
    web, log = site.offer()
    site.status(web.task_id.value)
    assert site.conditions("/shop") == [Condition.PROVISIONED]
    assert site.marathon.deployments
    site.status(log.task_id.value)
    assert site.conditions("/shop") == [Condition.RUNNING]
    assert not site.marathon.deployments


def test_one_that_fails_takes_all_along_and_all_come_back() -> None:
    site = deployed()
    web, log = site.ids()
    (before,) = site.all()
    site.status(web, TaskState.TASK_FAILED)
    assert {task_id for task_id, _, _ in site.outside.kills} == {log}
    assert [each.id for each in site.all()] == [before.id]
    site.status(log, TaskState.TASK_KILLED)
    assert site.conditions("/shop") == [Condition.SCHEDULED]
    assert site.offer() == []
    site.clock.advance(5)
    again = site.offer()
    assert [task.task_id.value for task in again] == [f"{before.id}.web.2", f"{before.id}.log.2"]
    first, second = (each.executor.executor_id.value for each in site.groups())
    assert first != second


def test_one_that_has_finished_is_not_missed() -> None:
    site = deployed()
    web, log = site.ids()
    site.status(log, TaskState.TASK_FINISHED)
    assert site.conditions("/shop") == [Condition.RUNNING]
    assert site.outside.kills == []
    site.status(web, TaskState.TASK_FINISHED)
    assert site.conditions("/shop") == [Condition.SCHEDULED]


def test_scaling_keeps_instances_and_another_configuration_replaces_them() -> None:
    site = deployed()
    (first,) = site.all()
    deployment = site.put_pod(shop(3))
    assert [[action.json() for action in step.actions] for step in deployment.steps] == [
        [{"action": "ScalePod", "pod": "/shop"}]
    ]
    site.settle()
    assert len(site.all()) == 3
    assert first.id in {each.id for each in site.all()}
    three = {each.id for each in site.all()}
    assert not site.put_pod(shop(3)).steps
    (step,) = site.put_pod(shop(3, environment={"A": "b"})).steps
    assert step.actions[0].json() == {"action": "RestartPod", "pod": "/shop"}
    site.settle()
    assert not site.marathon.deployments
    assert len(site.all()) == 3
    assert not three & {each.id for each in site.all()}
    site.put_pod(shop(1, environment={"A": "b"}))
    site.settle()
    assert len(site.all()) == 1


def test_delete() -> None:
    site = deployed(2)
    site.marathon.update_root(lambda root: remove(root, "/shop"))
    assert len(site.outside.kills) == 4
    site.settle()
    assert site.all() == []
    assert not site.marathon.deployments


def test_killed_per_instance() -> None:
    site = deployed(2)
    one, other = site.all()
    site.marathon.kill([one.id])
    assert {task_id for task_id, _, _ in site.outside.kills} == {task.id for task in one.tasks}
    site.settle()
    assert {each.id: each.incarnation for each in site.all()} == {one.id: 2, other.id: 1}
    site.marathon.kill([one.id], wipe=True)
    site.settle()
    assert one.id not in {each.id for each in site.all()}
    assert len(site.all()) == 2


def test_wiped_while_unreachable_it_is_replaced() -> None:
    slow = {"inactiveAfterSeconds": 1000, "expungeAfterSeconds": 2000}
    site = deployed(scheduling={"unreachableStrategy": slow})
    (lost,) = site.all()
    for task_id in site.ids():
        site.status(task_id, TaskState.TASK_UNREACHABLE)
    assert site.conditions("/shop") == [Condition.UNREACHABLE]
    site.marathon.kill([lost.id], wipe=True)
    site.settle()
    (new,) = site.all()
    assert new.id != lost.id
    site.status(lost.tasks[0].id)  # it comes back, and nobody wants it
    assert site.outside.kills[-1][0] == lost.tasks[0].id


def test_unreachable_it_is_replaced_and_found_again() -> None:
    site = deployed(scheduling={"unreachableStrategy": {"inactiveAfterSeconds": 10, "expungeAfterSeconds": 500}})
    for task_id in site.ids():
        site.status(task_id, TaskState.TASK_UNREACHABLE)
    site.clock.advance(20)
    site.settle(("a2",))
    assert sorted(site.conditions("/shop")) == [Condition.RUNNING, Condition.UNREACHABLE_INACTIVE]
    site.clock.advance(500)
    assert site.conditions("/shop") == [Condition.RUNNING]


def test_a_deployment_waits_for_health() -> None:
    check = {"exec": {"command": {"shell": "true"}}}
    site = Site()
    site.put_pod(shop(containers=[container("web", healthCheck=check), container("log")]))
    web, log = site.offer()
    for task in (web, log):
        site.status(task.task_id.value)
    assert site.marathon.deployments
    site.status(web.task_id.value, healthy=False)
    assert site.marathon.healthy(site.all()[0]) is False
    site.status(web.task_id.value, healthy=True)
    assert site.marathon.healthy(site.all()[0]) is True
    assert not site.marathon.deployments


def test_one_that_its_agent_ends_as_unhealthy_waits_for_the_backoff() -> None:
    check = {"exec": {"command": {"shell": "true"}}}
    site = Site()
    site.put_pod(shop(containers=[container("web", healthCheck=check), container("log")]))
    web, log = (task.task_id.value for task in site.offer())
    site.status(log)
    site.status(web, healthy=True)
    site.status(web, TaskState.TASK_KILLED, healthy=False)
    assert [task_id for task_id, _, _ in site.outside.kills] == [log]
    site.status(log, TaskState.TASK_KILLED)
    assert site.offer() == []
    site.clock.advance(5)
    assert len(site.offer()) == 2


def test_constraints() -> None:
    placement = {"constraints": [{"fieldName": "hostname", "operator": "UNIQUE"}]}
    site = Site()
    site.put_pod(shop(2, scheduling={"placement": placement}))
    assert len(site.offer("a1")) == 2
    assert site.offer("a1") == []
    (waiting,) = site.marathon.queue()
    assert waiting.last_unused_offers[0].reasons == ("UnfulfilledConstraint",)
    assert len(site.offer("a2")) == 2


def test_apps_wait_for_the_pods_they_depend_on() -> None:
    site = Site()
    raw = {"id": "app", "cmd": "run", "dependencies": ["/shop"]}

    def change(root: Group) -> Group:
        return update_group(put(root, parse_pod(shop())), "/", {"apps": [raw]})

    deployment = site.marathon.update_root(change)
    assert [[action.app for action in step.actions] for step in deployment.steps] == [
        ["/app", "/shop"],
        ["/shop"],
        ["/app"],
    ]
    assert {task.name for task in site.offer()} == {"web", "log"}


def test_another_leader_knows_everything() -> None:
    site = deployed(2)
    site.put_pod(shop(2, environment={"A": "b"}))
    archive = Archive({}, 50)
    archive.record(site.outside.changes)
    snapshot = archive.snapshot()
    assert {each.id: each for each in snapshot.instances} == {each.id: each for each in site.marathon.instances()}
    other = Site(snapshot=snapshot, start=site.clock.now() + 60)
    other.settle()
    assert not other.marathon.deployments
    assert {each.app.version for each in other.all()} == {other.marathon.root.version}
    old = archive.pod_versions("/shop")
    assert len(old) == 2
    assert archive.pod_at("/shop", old[0]) == find_pod(site.marathon.root, "/shop")
    assert archive.pod_at("/shop", "none") is None


def test_with_persistent_volumes_everything_is_reserved() -> None:
    site = Site(Options(role="store", principal="marathon"))
    mounts = [{"name": "kept", "mountPath": "data"}]
    raw = shop(
        volumes=[{"name": "kept", "persistent": {"size": 64}}], containers=[container("web", volumeMounts=mounts)]
    )
    site.put_pod(raw)
    (task,) = site.offer()
    (group,) = site.groups()
    assert not Resources.of((*group.executor.resources, *task.resources)).unreserved()
    (volume,) = [each.disk.volume for each in group.executor.resources if each.disk and each.disk.volume]
    assert volume.container_path == "kept"
    pod = find_pod(site.marathon.root, "/shop")
    assert pod
    assert pod.unreachableStrategy == "disabled"
    assert pod.upgradeStrategy.maximumOverCapacity == 0
    bigger = parse_pod({**raw, "executorResources": {"cpus": 1}})
    root = Group(pods={"/shop": pod})
    assert [each.path for each in validate_group(put(root, bigger), root)] == ["/executorResources"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"containers": [container("web", resources={"gpus": 1})]}, "/containers(0)/resources/gpus"),
        ({"id": "/" + "x" * 150, "containers": [container("y" * 60)]}, "/id"),
        (
            {
                "volumes": [{"name": "v", "persistent": {"size": 1}}],
                "scheduling": {"unreachableStrategy": {"inactiveAfterSeconds": 1, "expungeAfterSeconds": 2}},
            },
            "/scheduling/unreachableStrategy",
        ),
        (
            {
                "volumes": [{"name": "v", "persistent": {"size": 1}}],
                "scheduling": {"upgrade": {"maximumOverCapacity": 0.5}},
            },
            "/scheduling/upgrade/maximumOverCapacity",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(fields: dict[str, Any], path: str) -> None:
    assert [each.path for each in validate_pod(parse_pod(shop(**fields)))] == [path]


def test_when_it_was_configured_is_for_marathon_alone() -> None:
    pod = parse_pod({**shop(), "versionInfo": 7})
    assert isinstance(pod, Pod)
    assert pod.versionInfo is None
    site = deployed()
    stored = find_pod(site.marathon.root, "/shop")
    assert stored
    assert stored.versionInfo
    assert "versionInfo" not in pod_json(stored)


# The API.


@api_test
async def test_create_show_and_list(api: Api) -> None:
    assert (await api("HEAD", "/v2/pods")).status == 200
    made = await api("POST", "/v2/pods", shop())
    assert made.status == 201
    assert made.headers["Location"] == "/v2/pods/shop"
    assert made.json["scaling"] == {"kind": "fixed", "instances": 1}
    assert made.json["version"]
    assert (await api("GET", "/v2/pods/shop")).json == made.json
    assert (await api("GET", "/v2/pods")).json == [made.json]
    (running,) = (await api("GET", "/v2/deployments")).json
    assert running["id"] == made.headers["Marathon-Deployment-Id"]
    assert (running["affectedApps"], running["affectedPods"]) == ([], ["/shop"])
    (waiting,) = (await api("GET", "/v2/queue")).json["queue"]
    assert waiting["pod"]["id"] == "/shop"
    group = (await api("GET", "/v2/groups")).json
    assert [(each["id"], each["status"]) for each in group["pods"]] == [("/shop", "DEGRADED")]


@api_test
async def test_status_versions_and_instances(api: Api) -> None:
    made = await api("POST", "/v2/pods", shop())
    status = (await api("GET", "/v2/pods/shop::status")).json
    assert (status["id"], status["status"], status["spec"]) == ("/shop", "DEGRADED", made.json)
    (instance,) = status["instances"]
    assert (instance["status"], instance["containers"]) == ("PENDING", [])
    assert instance["resources"] == {"cpus": 1.1, "mem": 160, "disk": 10, "gpus": 0}
    version = made.json["version"]
    assert instance["specReference"] == f"/v2/pods/shop::versions/{version}"
    assert [each["id"] for each in (await api("GET", "/v2/pods/::status")).json] == ["/shop"]
    assert (await api("GET", "/v2/pods/shop::versions")).json == [version]
    assert (await api("GET", f"/v2/pods/shop::versions/{version}")).json == made.json
    killed = await api("DELETE", f"/v2/pods/shop::instances/{instance['id']}?wipe=true")
    assert killed.json["id"] == instance["id"]
    (another,) = (await api("GET", "/v2/pods/shop::status")).json["instances"]
    assert another["id"] != instance["id"]
    killed = await api("DELETE", "/v2/pods/shop::instances", [another["id"]])
    assert [each["id"] for each in killed.json] == [another["id"]]


@api_test
async def test_update_and_delete(api: Api) -> None:
    await api("POST", "/v2/pods", shop())
    assert (await api("PUT", "/v2/pods/shop", shop(2))).status == 409
    changed = await api("PUT", "/v2/pods/shop?force=true", shop(2))
    assert changed.status == 200
    assert changed.json["scaling"]["instances"] == 2
    assert len((await api("GET", "/v2/pods/shop::versions")).json) == 2
    gone = await api("DELETE", "/v2/pods/shop?force=true")
    assert (gone.status, gone.headers["Marathon-Deployment-Id"] != "") == (202, True)
    assert (await api("GET", "/v2/pods/shop")).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "/v2/pods/none", None, 404, "Pod '/none' does not exist"),
        ("GET", "/v2/pods/none::status", None, 404, "Pod '/none' does not exist"),
        ("GET", "/v2/pods/none::versions", None, 404, "Pod '/none' does not exist"),
        ("DELETE", "/v2/pods/none", None, 404, "Pod '/none' does not exist"),
        ("PUT", "/v2/pods/none", shop(id="/none"), 404, "Pod '/none' does not exist"),
        ("GET", "/v2/pods/shop::versions/none", None, 404, "Pod '/shop' does not exist in version 'none'"),
        ("DELETE", "/v2/pods/shop::instances/none", None, 404, "Instance 'none' does not exist"),
        ("DELETE", "/v2/pods/shop::instances", {}, 400, "Invalid JSON"),
        ("DELETE", "/v2/pods/shop::instances", [1], 400, "Invalid JSON"),
        ("POST", "/v2/pods", shop(), 409, "A pod with id [/shop] already exists."),
        ("POST", "/v2/pods", shop(id="/app"), 409, "An app with id [/app] already exists."),
        ("POST", "/v2/pods", shop(id="/g"), 409, "Group [/g] already exists."),
        ("POST", "/v2/pods", [], 400, "Invalid JSON"),
        ("POST", "/v2/pods", {"id": "/x"}, 400, "Invalid JSON"),
        ("POST", "/v2/pods", {"id": "/x", "containers": []}, 422, "Object is not valid"),
        ("PUT", "/v2/pods/shop", shop(id="/other"), 422, "Object is not valid"),
        ("POST", "/v2/pods", shop(id="/x", secrets={"s": {"source": "v"}}), 422, "Object is not valid"),
        ("PATCH", "/v2/pods/shop", {}, 405, "Method Not Allowed"),
    ],
)
def test_errors(method: str, path: str, body: Any, status: int, message: str) -> None:
    async def check(api: Api) -> None:
        await api("POST", "/v2/pods", shop(0))
        await api("POST", "/v2/apps", {"id": "/app", "cmd": "x", "instances": 0})
        await api("POST", "/v2/groups", {"id": "/g"})
        answer = await api(method, path, body)
        assert (answer.status, answer.json["message"]) == (status, message)

    api_test(check)()


@api_test
async def test_a_pod_with_a_volume_needs_a_role(api: Api) -> None:
    answer = await api("POST", "/v2/pods", shop(volumes=[{"name": "v", "persistent": {"size": 1}}]))
    assert answer.status == 422
    assert answer.json["details"][0]["path"] == "/volumes"
